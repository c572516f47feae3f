import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { ConfigError, UpstreamError } from '../core/errors.js'
import type { Settings } from './config/settings.js'

const problem = z.object({ detail: z.string(), errors: z.array(z.object({ path: z.string(), message: z.string() })).optional() })

const TIMEOUT_MS = 15_000

/** Where a running installation is: an embedded database has one owner, so commands ask its API. */
export interface ApiAddress {
  readonly settings: Settings
  /** null: the process that has the data folder */
  readonly url: string | null
}

/**
 * One call of the API with the key of the settings, or of the data folder.
 * @returns the answer, unread
 * @throws ConfigError no process or no key is known, or the address is none; UpstreamError it does not answer, or refuses
 */
export async function callApi({ settings, url }: ApiAddress, method: string, path: string, body?: object): Promise<Response> {
  if (url !== null && !isAddress(url))
    throw new ConfigError([`--url must be an address that begins with http:// or https://, not "${url}"`])
  const base = url ?? (await addressOf(settings))
  const key = settings.apiKey?.reveal() ?? (await kept(settings, 'api-key'))
  if (key === null) throw new ConfigError(['ROOMSCRIBE_API_KEY is not set, and the data folder has no key'])
  const response = await fetch(new URL(path, base), {
    method,
    headers: { authorization: `Bearer ${key}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).catch((thrown: unknown) => {
    throw new UpstreamError(
      'api_unreachable',
      `roomscribe does not answer at ${base}: start it, or name another address with --url`,
      { service: 'api', retryable: true },
      { cause: thrown },
    )
  })
  if (response.ok) return response
  if (response.status === 401) {
    await response.body?.cancel()
    const which = settings.apiKey ? 'the key in ROOMSCRIBE_API_KEY' : `the key that is kept in ${settings.dataDir}`
    const message = `roomscribe at ${base} does not accept ${which}: set ROOMSCRIBE_API_KEY to a key that it accepts`
    throw new UpstreamError('api_refused', message, { service: 'api', status: 401, retryable: false })
  }
  const told = problem.safeParse(await response.json().catch(() => null)).data
  const places = told?.errors?.map(({ path: place, message }) => `${place} ${message}`).join(', ')
  const detail = told === undefined ? `it answered ${response.status}` : places ? `${told.detail}: ${places}` : told.detail
  throw new UpstreamError('api_refused', detail, { service: 'api', status: response.status, retryable: false })
}

async function addressOf(settings: Settings): Promise<string> {
  const port = (await kept(settings, 'port')) ?? (settings.port === 0 ? null : String(settings.port))
  if (port === null) throw new ConfigError([`no process has written its port into ${settings.dataDir}: start one, or give --url`])
  return `http://${settings.host}:${port}`
}

const isAddress = (text: string): boolean => URL.canParse(text) && ['http:', 'https:'].includes(new URL(text).protocol)

async function kept(settings: Settings, name: string): Promise<string | null> {
  const text = await readFile(join(settings.dataDir, name), 'utf8').catch(() => '')
  return text.trim() === '' ? null : text.trim()
}
