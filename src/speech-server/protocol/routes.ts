import { timingSafeEqual } from 'node:crypto'
import { ConfigError } from '../../core/errors.js'
import type { Clock } from '../../core/time.js'
import { parseBehaviours } from '../behaviours/schema.js'
import type { Switchboard } from '../behaviours/switchboard.js'
import { parseInitRequest, unsupported } from './init-request.js'
import { MAX_BODY_BYTES, MAX_PATCH_BYTES } from './limits.js'
import { listPage, parseListQuery } from './list-query.js'
import type { LiveSession } from './live-session.js'
import type { Registry } from './registry.js'
import { errorReply, type Reply, type RequestFacts } from './reply.js'

/** One HTTP request. */
export interface RouteRequest extends RequestFacts {
  readonly method: string
  readonly url: URL
  /** header `x-gladia-key` */
  readonly key: string
  /** The body, or null when it is longer than the bound. */
  body(maxBytes: number): Promise<Buffer | null>
}

/** What the routes need. */
export interface RouteOptions {
  readonly registry: Registry
  readonly switches: Switchboard
  readonly clock: Clock
  /** null: any key that is not empty */
  readonly apiKey: string | null
  /** whether `/behaviours` exists */
  readonly control: boolean
  /** aborts when the server closes */
  readonly signal: AbortSignal
}

/** The answer, or `no_answer`: the connection is cut instead. */
export type RouteOutcome = Reply | 'no_answer'

const REGIONS = ['us-west', 'eu-west']

/** Compares without telling by its time how much was right. */
function sameKey(given: string, wanted: string): boolean {
  const a = Buffer.from(given)
  const b = Buffer.from(wanted)
  return a.length === b.length && timingSafeEqual(a, b)
}

/** Answers one request. Rejects only when the server closes or the client is gone. */
export async function route(request: RouteRequest, options: RouteOptions): Promise<RouteOutcome> {
  const { apiKey } = options
  const allowed = apiKey === null ? request.key !== '' : sameKey(request.key, apiKey)
  if (!allowed) return errorReply(request, 401, request.key === '' ? 'gladia key not found' : 'gladia key not allowed')
  const { pathname } = request.url
  if (pathname === '/behaviours' && options.control) return behaviours(request, options)
  if (pathname === '/v2/live') {
    if (request.method === 'POST') return create(request, options)
    if (request.method === 'GET') return list(request, options)
  }
  const [, id, file] = /^\/v2\/live\/([^/]+)(\/file)?$/.exec(pathname) ?? []
  if (id === undefined) return errorReply(request, 404, `cannot ${request.method} ${pathname}`)
  const session = options.registry.byId(id)
  if (!session) return errorReply(request, 404, 'live job not found')
  if (file !== undefined)
    return request.method === 'GET' ? download(request, session) : errorReply(request, 404, `cannot ${request.method} ${pathname}`)
  switch (request.method) {
    case 'GET':
      return job(request, session, options)
    case 'DELETE':
      return remove(request, session, options)
    case 'PATCH':
      return patch(request, session)
    default:
      return errorReply(request, 404, `cannot ${request.method} ${pathname}`)
  }
}

/** The body as JSON; an empty body is an empty object. */
async function jsonBody(request: RouteRequest, maxBytes: number): Promise<{ document: unknown } | Reply> {
  const bytes = await request.body(maxBytes)
  if (!bytes) return errorReply(request, 413, `the body is longer than ${maxBytes} bytes`)
  if (bytes.length === 0) return { document: {} }
  try {
    return { document: JSON.parse(bytes.toString('utf8')) as unknown }
  } catch {
    return errorReply(request, 400, 'the body is not JSON', ['body: is not JSON'])
  }
}

async function create(request: RouteRequest, options: RouteOptions): Promise<RouteOutcome> {
  const { registry, switches, clock, signal } = options
  const body = await jsonBody(request, MAX_BODY_BYTES)
  if ('status' in body) return body
  const fault = switches.use('post')
  if (typeof fault === 'object' && 'status' in fault) {
    const reply = errorReply(request, fault.status, fault.message ?? 'refused by the behaviours of this server')
    return fault.retryAfterSec === undefined ? reply : { ...reply, headers: { 'retry-after': String(fault.retryAfterSec) } }
  }
  if (typeof fault === 'object') await clock.sleep(fault.slowMs, signal)
  const region = request.url.searchParams.get('region')
  const badRegion = region === null || REGIONS.includes(region) ? [] : [`region: must be one of ${REGIONS.join(', ')}`]
  const parsed = parseInitRequest(body.document)
  if (!parsed.ok || badRegion.length > 0) {
    const problems = [...badRegion, ...(parsed.ok ? [] : parsed.problems)]
    return errorReply(request, switches.use('validationStatus'), 'the request is not valid', problems)
  }
  const missing = unsupported(parsed.params)
  if (missing.length > 0) return errorReply(request, 422, missing.join('; '))
  const created = registry.create(parsed.params, request.requestId)
  if (!created) return errorReply(request, 429, 'too many live sessions at once')
  if (fault === 'lost_response') return 'no_answer'
  if (fault === 'garbage_body')
    return { status: 201, headers: { 'content-type': 'application/json' }, body: Buffer.from('{"id": 17, "url"') }
  const url = new URL(`/v2/live?token=${created.token}`, request.url)
  url.protocol = 'ws:'
  const { session } = created
  return { status: 201, body: { id: session.id, created_at: new Date(session.createdAtMs).toISOString(), url: url.toString() } }
}

function list(request: RouteRequest, options: RouteOptions): Reply {
  const parsed = parseListQuery(request.url.searchParams)
  if (!parsed.ok) return errorReply(request, 400, 'the query is not valid', parsed.problems)
  const jobs = options.registry.all().map((session) => session.job())
  return { status: 200, body: listPage(jobs, parsed.query, request.url) }
}

async function job(request: RouteRequest, session: LiveSession, options: RouteOptions): Promise<Reply> {
  const fault = options.switches.use('get')
  if (typeof fault === 'object' && 'status' in fault) return errorReply(request, fault.status, 'refused by the behaviours of this server')
  if (typeof fault === 'object') await options.clock.sleep(fault.slowMs, options.signal)
  return { status: 200, body: session.job() }
}

function remove(request: RouteRequest, session: LiveSession, options: RouteOptions): Reply {
  if (session.status !== 'done' && session.status !== 'error')
    return errorReply(request, 403, 'the live job is not in a state to be deleted')
  options.registry.remove(session)
  return { status: 202 }
}

async function patch(request: RouteRequest, session: LiveSession): Promise<Reply> {
  const body = await jsonBody(request, MAX_PATCH_BYTES)
  if ('status' in body) return body
  const { document } = body
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    return errorReply(request, 400, 'the body is not valid', ['body: must be an object'])
  }
  session.patch(document)
  return { status: 204 }
}

function download(request: RouteRequest, session: LiveSession): Reply {
  const wav = session.status === 'done' || session.status === 'error' ? session.wav() : null
  if (!wav) return errorReply(request, 404, 'the live job has no audio file')
  return { status: 200, headers: { 'content-type': 'application/octet-stream' }, body: wav }
}

async function behaviours(request: RouteRequest, options: RouteOptions): Promise<Reply> {
  if (request.method === 'GET') return { status: 200, body: options.switches.behaviours }
  if (request.method !== 'PUT') return errorReply(request, 404, `cannot ${request.method} /behaviours`)
  const body = await jsonBody(request, MAX_BODY_BYTES)
  if ('status' in body) return body
  try {
    options.switches.set(parseBehaviours(body.document))
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown
    return errorReply(request, 400, 'the behaviours are not valid', thrown.problems)
  }
  return { status: 204 }
}
