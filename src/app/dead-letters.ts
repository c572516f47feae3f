import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { ConfigError, UpstreamError } from '../core/errors.js'
import type { Settings } from './config/settings.js'

const letter = z.object({ id: z.string(), attempts: z.number(), reason: z.string(), failedAt: z.string() })
const page = z.object({ items: z.array(letter) })
const problem = z.object({ detail: z.string() })

/** A step that waits for a person. */
export type WaitingStep = z.infer<typeof letter>

const TIMEOUT_MS = 15_000

/**
 * The dead letters of a running installation, asked of its API: an embedded database has one owner.
 * @param url null: the process that has the data folder
 * @throws ConfigError no process or no key is known; UpstreamError it does not answer, or refuses
 */
export async function listDeadLetters(settings: Settings, url: string | null): Promise<readonly WaitingStep[]> {
  return page.parse(await call(settings, url, 'GET', '/v1/dead-letters?limit=1000')).items
}

/** Runs one again. @throws as `listDeadLetters` */
export async function retryDeadLetter(settings: Settings, url: string | null, id: string): Promise<void> {
  await call(settings, url, 'POST', `/v1/dead-letters/${encodeURIComponent(id)}/retry`)
}

async function call(settings: Settings, url: string | null, method: string, path: string): Promise<unknown> {
  const base = url ?? (await addressOf(settings))
  const key = settings.apiKey?.reveal() ?? (await kept(settings, 'api-key'))
  if (key === null) throw new ConfigError(['ROOMSCRIBE_API_KEY is not set, and the data folder has no key'])
  const response = await fetch(new URL(path, base), {
    method,
    headers: { authorization: `Bearer ${key}` },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).catch((thrown: unknown) => {
    throw new UpstreamError(
      'api_unreachable',
      `roomscribe does not answer at ${base}: start it, or name another address with --url`,
      { service: 'api', retryable: true },
      { cause: thrown },
    )
  })
  const body: unknown = await response.json().catch(() => null)
  if (response.ok) return body
  const detail = problem.safeParse(body).data?.detail ?? `it answered ${response.status}`
  throw new UpstreamError('api_refused', detail, { service: 'api', status: response.status, retryable: false })
}

async function addressOf(settings: Settings): Promise<string> {
  const port = (await kept(settings, 'port')) ?? (settings.port === 0 ? null : String(settings.port))
  if (port === null) throw new ConfigError([`no process has written its port into ${settings.dataDir}: start one, or give --url`])
  return `http://${settings.host}:${port}`
}

async function kept(settings: Settings, name: string): Promise<string | null> {
  const text = await readFile(join(settings.dataDir, name), 'utf8').catch(() => '')
  return text.trim() === '' ? null : text.trim()
}
