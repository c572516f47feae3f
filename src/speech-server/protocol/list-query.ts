import type { Job } from './job.js'

const STATUSES = ['queued', 'processing', 'done', 'error'] as const
const MAX_LIMIT = 100

/** A checked `GET /v2/live` query. */
export interface ListQuery {
  readonly offset: number
  readonly limit: number
  readonly statuses: readonly string[]
  /** epoch ms, half-open */
  readonly fromMs: number
  readonly toMs: number
  readonly metadata: Readonly<Record<string, unknown>>
}

/** A checked query, or what is wrong with it. */
export type ListOutcome = { readonly ok: true; readonly query: ListQuery } | { readonly ok: false; readonly problems: readonly string[] }

const DAY_MS = 86_400_000
const BRACKETED = /^custom_metadata\[(.+)\]$/

/** Reads the query of the list route; `custom_metadata` as one JSON object or as `custom_metadata[key]=value`. */
export function parseListQuery(params: URLSearchParams): ListOutcome {
  const problems: string[] = []
  const whole = (name: string, fallback: number, least: number, most: number) => {
    const text = params.get(name)
    if (text === null) return fallback
    const value = Number(text)
    if (/^\d{1,9}$/.test(text) && value >= least && value <= most) return value
    problems.push(`${name}: must be a whole number from ${least} to ${most}`)
    return fallback
  }
  const date = (name: string) => {
    const text = params.get(name)
    if (text === null) return null
    const ms = Date.parse(text)
    if (!Number.isNaN(ms)) return ms
    problems.push(`${name}: must be an ISO date`)
    return null
  }
  const offset = whole('offset', 0, 0, 1_000_000)
  const limit = whole('limit', 20, 1, MAX_LIMIT)
  const statuses = params.getAll('status')
  for (const status of statuses) {
    if (!STATUSES.some((known) => known === status)) problems.push(`status: must be one of ${STATUSES.join(', ')}`)
  }
  const day = date('date')
  const fromMs = Math.max(day ?? -Infinity, date('after_date') ?? -Infinity)
  const toMs = Math.min(day === null ? Infinity : day + DAY_MS, date('before_date') ?? Infinity)
  const metadata = new Map<string, unknown>()
  for (const [name, value] of params) {
    const key = BRACKETED.exec(name)?.[1]
    if (key !== undefined) metadata.set(key, value)
  }
  const json = params.get('custom_metadata')
  if (json !== null) {
    const parsed = parseObject(json)
    if (parsed) for (const [key, value] of Object.entries(parsed)) metadata.set(key, value)
    else problems.push('custom_metadata: must be a JSON object')
  }
  if (problems.length > 0) return { ok: false, problems }
  return { ok: true, query: { offset, limit, statuses, fromMs, toMs, metadata: Object.fromEntries(metadata) } }
}

function parseObject(json: string): object | null {
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null
  } catch {
    return null
  }
}

function matches(job: Job, query: ListQuery): boolean {
  const createdMs = Date.parse(job.created_at)
  if (createdMs < query.fromMs || createdMs >= query.toMs) return false
  if (query.statuses.length > 0 && !query.statuses.includes(job.status)) return false
  return Object.entries(query.metadata).every(([key, value]) => {
    const own: unknown = job.custom_metadata?.[key]
    // by bracket every value comes as text
    return own !== undefined && (own === value || JSON.stringify(own) === JSON.stringify(value) || JSON.stringify(own) === value)
  })
}

/**
 * One page of jobs.
 * @param jobs newest first
 * @param self the request's own address; the other pages differ in `offset` only
 */
export function listPage(jobs: readonly Job[], query: ListQuery, self: URL) {
  const found = jobs.filter((job) => matches(job, query))
  const page = (offset: number) => {
    const url = new URL(self)
    url.searchParams.set('offset', String(offset))
    url.searchParams.set('limit', String(query.limit))
    return url.toString()
  }
  const next = query.offset + query.limit
  return {
    first: page(0),
    current: page(query.offset),
    next: next < found.length ? page(next) : null,
    items: found.slice(query.offset, next),
  }
}
