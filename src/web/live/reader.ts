import { backoffMs } from '../../core/backoff.js'
import { ApiError, errorOf, toApiError } from '../api/client.js'
import { StreamParser } from '../api/sse.js'
import type { LiveEvent } from '../api/types.js'
import type { PageClock } from '../app/time.js'
import { toLiveEvent } from './event.js'

/** How the connection to the feed is. */
export type FeedStatus =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'open' }
  /** away; tried again at `retryAtMs` (wall clock) */
  | { readonly kind: 'away'; readonly retryAtMs: number; readonly message: string }
  | { readonly kind: 'ended' }
  | { readonly kind: 'failed'; readonly error: ApiError }

/** What the reader needs. */
export interface ReaderParts {
  readonly path: string
  readonly clock: PageClock
  readonly fetch: typeof fetch
  readonly random: () => number
  readonly onEvents: (events: readonly LiveEvent[]) => void
  readonly onStatus: (status: FeedStatus) => void
}

const BACKOFF = { firstMs: 500, maxMs: 10_000 }
/** a connection that held for so long counts as good */
const STABLE_MS = 10_000
/** the server says something at least every 15 s: after this silence it is gone */
const SILENCE_MS = 45_000

/** Reads a live feed until it ends: comes back where it was (`Last-Event-ID`) after every break, for as long as it takes. */
export class LiveReader {
  readonly #parts: ReaderParts
  readonly #closed = new AbortController()
  #lastId = ''

  constructor(parts: ReaderParts) {
    this.#parts = parts
  }

  /** Resolves when the feed has ended, failed for good, or was closed. Never rejects. */
  async run(): Promise<void> {
    const { clock, onStatus } = this.#parts
    const { signal } = this.#closed
    let attempt = 0
    while (!signal.aborted) {
      onStatus({ kind: 'connecting' })
      const startedMs = clock.nowMs()
      const end = await this.#connection()
      if (signal.aborted) return
      if (end === 'ended') {
        onStatus({ kind: 'ended' })
        return
      }
      if (!end.isPassing) {
        onStatus({ kind: 'failed', error: end })
        return
      }
      if (clock.nowMs() - startedMs > STABLE_MS) attempt = 0
      const waitMs = Math.max((end.retryAfterSec ?? 0) * 1000, 250 + backoffMs(BACKOFF, attempt++, this.#parts.random))
      onStatus({ kind: 'away', retryAtMs: clock.nowMs() + waitMs, message: end.message })
      await clock.pause(waitMs, signal)
    }
  }

  close(): void {
    this.#closed.abort()
  }

  /** One connection. @returns how it came to its end */
  async #connection(): Promise<'ended' | ApiError> {
    const { path, clock, onStatus, onEvents } = this.#parts
    const silent = new AbortController()
    let cancel = clock.after(SILENCE_MS, () => silent.abort())
    try {
      const response = await this.#parts.fetch(path, {
        credentials: 'same-origin',
        headers: { accept: 'text/event-stream', ...(this.#lastId === '' ? {} : { 'last-event-id': this.#lastId }) },
        signal: AbortSignal.any([this.#closed.signal, silent.signal]),
      })
      if (!response.ok || response.body === null) return await errorOf(response)
      onStatus({ kind: 'open' })
      const parser = new StreamParser(this.#lastId)
      const decoder = new TextDecoder()
      const pieces = response.body.getReader()
      for (;;) {
        const { done, value } = await pieces.read()
        if (done) return new ApiError(0, 'away', 'The connection was cut.')
        cancel()
        cancel = clock.after(SILENCE_MS, () => silent.abort())
        const messages = parser.push(decoder.decode(value, { stream: true }))
        const events = messages.flatMap(({ event, data }) => toLiveEvent(event, data) ?? [])
        this.#lastId = messages.at(-1)?.id ?? this.#lastId
        if (events.length > 0) onEvents(events)
        if (events.some((event) => event.kind === 'end')) return 'ended'
      }
    } catch (thrown) {
      if (silent.signal.aborted) return new ApiError(0, 'away', 'The server has fallen silent.')
      return new ApiError(0, 'away', thrown instanceof TypeError ? 'The server does not answer.' : toApiError(thrown).message)
    } finally {
      cancel()
      silent.abort()
    }
  }
}
