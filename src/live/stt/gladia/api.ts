import { UpstreamError, toError } from '../../../core/errors.js'
import type { Clock } from '../../../core/time.js'
import type { Limits } from './limits.js'
import type { PostVerdict } from './machine.js'
import { parseApiError, parseCreated, parseResult, type RawResult } from './messages.js'
import type { Redactor } from './redactor.js'
import type { Transport } from './transport.js'

/** A created session. The URL is a bearer secret. */
export interface Created {
  readonly id: string
  readonly url: string
}

/** A call that failed, with what it means. `error` is redacted. */
export interface Failure {
  readonly verdict: PostVerdict
  readonly retryAfterMs: number
  readonly error: UpstreamError
}

/** One answer of the result route. */
export type Look =
  | { readonly kind: 'result'; readonly result: RawResult }
  /** `isAway`: it did not answer at all */
  | { readonly kind: 'again'; readonly isAway: boolean }
  /** `isRefused`: whoever asks, not what is asked for: another key, or a later time, may get it */
  | { readonly kind: 'never'; readonly why: string; readonly isRefused: boolean }

interface Answer {
  readonly status: number
  readonly retryAfterMs: number
  readonly body: unknown
}

interface ApiParts {
  readonly baseUrl: string
  readonly apiKey: string
  readonly region: string | null
  readonly clock: Clock
  readonly limits: Limits
  readonly transport: Transport
  readonly redactor: Redactor
}

/** Longest `Retry-After` that is honoured: a service that asks for more is asked again all the same. */
const MAX_RETRY_AFTER_MS = 120_000
const MAX_CREATED_BYTES = 256 * 1024

/** The two REST calls of a live session. Nothing thrown or returned carries the key or the socket's URL, except `Created.url`. */
export class GladiaApi {
  readonly #parts: ApiParts

  constructor(parts: ApiParts) {
    this.#parts = parts
  }

  /** `POST /v2/live`. A lost answer leaves a session open at the service; the next try makes another (the call has no idempotency key). */
  async create(body: Record<string, unknown>, signal: AbortSignal): Promise<Created | Failure> {
    const { baseUrl, region } = this.#parts
    const query = region === null ? '' : `?region=${encodeURIComponent(region)}`
    let answer: Answer
    try {
      answer = await this.#call('POST', `/v2/live${query}`, JSON.stringify(body), MAX_CREATED_BYTES, signal)
    } catch (thrown) {
      return this.#failure('retry', 'speech_unreachable', `the speech service at ${baseUrl} cannot be reached: ${causeOf(thrown)}`)
    }
    const created = answer.status >= 200 && answer.status < 300 ? parseCreated(answer.body) : null
    if (created && this.#isSocketUrl(created.url)) return created
    return this.#refusal(answer)
  }

  /** `GET /v2/live/:id`, once. */
  async look(id: string, signal: AbortSignal): Promise<Look> {
    let answer: Answer
    try {
      answer = await this.#call('GET', `/v2/live/${encodeURIComponent(id)}`, null, this.#parts.limits.maxResultBytes, signal)
    } catch {
      return { kind: 'again', isAway: true }
    }
    if (answer.status === 200) {
      const result = parseResult(answer.body)
      return result ? { kind: 'result', result } : { kind: 'again', isAway: false }
    }
    if (isTransient(answer.status)) return { kind: 'again', isAway: false }
    return { kind: 'never', why: `HTTP ${answer.status}`, isRefused: [401, 402, 403].includes(answer.status) }
  }

  #refusal({ status, retryAfterMs, body }: Answer): Failure {
    const said = parseApiError(body)
    const told = said === '' ? `HTTP ${status}` : `HTTP ${status}, ${said}`
    if (status >= 200 && status < 300)
      return this.#failure('retry', 'speech_garbage', 'the speech service answered with something else than a session', status)
    if (isTransient(status)) {
      const busy = status === 429 ? 'the speech service takes no more sessions now' : 'the speech service fails'
      return this.#failure('retry', 'speech_busy', `${busy} (${told})`, status, retryAfterMs)
    }
    if (status === 401) {
      return this.#failure(
        'unauthorized',
        'speech_unauthorized',
        `the speech service does not accept the key; check GLADIA_API_KEY (${told})`,
        status,
      )
    }
    if (status === 402 || status === 403) {
      return this.#failure(
        'payment_required',
        'speech_payment_required',
        `the speech service wants the account or plan put right (${told})`,
        status,
      )
    }
    if (status === 404) {
      return this.#failure(
        'rejected',
        'speech_rejected',
        `there is no live speech service at this address; check GLADIA_API_URL (${told})`,
        status,
      )
    }
    return this.#failure('rejected', 'speech_rejected', `the speech service rejected the session's settings (${told})`, status)
  }

  #failure(verdict: PostVerdict, code: string, message: string, status?: number, retryAfterMs = 0): Failure {
    const retryable = verdict === 'retry'
    const facts = { service: 'speech', retryable, ...(status !== undefined && { status }), ...(retryAfterMs > 0 && { retryAfterMs }) }
    return { verdict, retryAfterMs, error: new UpstreamError(code, this.#parts.redactor.redact(message), facts) }
  }

  /** A session of an encrypted service must not be streamed in the clear. */
  #isSocketUrl(url: string): boolean {
    if (!URL.canParse(url)) return false
    const { protocol } = new URL(url)
    return protocol === 'wss:' || (protocol === 'ws:' && !this.#parts.baseUrl.startsWith('https:'))
  }

  async #call(method: 'GET' | 'POST', path: string, body: string | null, maxBytes: number, signal: AbortSignal): Promise<Answer> {
    const { baseUrl, apiKey, clock, limits, transport } = this.#parts
    const controller = new AbortController()
    const abort = () => controller.abort(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    const cancel = clock.after(limits.requestMs, () => controller.abort(new Error(`no answer within ${limits.requestMs} ms`)))
    try {
      const response = await transport.fetch(`${baseUrl.replace(/\/+$/, '')}${path}`, {
        method,
        headers: { 'x-gladia-key': apiKey, accept: 'application/json', ...(body !== null && { 'content-type': 'application/json' }) },
        ...(body !== null && { body }),
        // following one would hand the key to whoever is named
        redirect: 'manual',
        signal: controller.signal,
      })
      const text = await readText(response, maxBytes)
      return {
        status: response.status,
        retryAfterMs: retryAfter(response.headers.get('retry-after'), clock.nowMs()),
        body: parseJson(text),
      }
    } finally {
      cancel()
      signal.removeEventListener('abort', abort)
    }
  }
}

function isTransient(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status >= 500
}

/** ms of a `Retry-After` header, in either form; 0 when there is none to honour */
function retryAfter(header: string | null, nowMs: number): number {
  if (header === null) return 0
  const seconds = Number(header)
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - nowMs
  return Number.isFinite(ms) ? Math.min(MAX_RETRY_AFTER_MS, Math.max(0, ms)) : 0
}

async function readText(response: Response, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength
    if (size > maxBytes) throw new Error(`an answer of more than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** `fetch` says "fetch failed" and hides the reason in the cause. */
function causeOf(thrown: unknown): string {
  const error = toError(thrown)
  const cause = error.cause === undefined ? null : toError(error.cause)
  if (cause && 'code' in cause && typeof cause.code === 'string') return cause.code
  return cause?.message ?? error.message
}
