import { backoffMs } from '../../core/backoff.js'
import { UpstreamError } from '../../core/errors.js'
import type { Clock } from '../../core/time.js'

const RETRY = { firstMs: 100, maxMs: 2_000 }
/** The end of a meeting waits so long for a store that is away: what it heard is in memory and on this host's disk meanwhile. */
const END_MS = 15 * 60_000
/** And no longer than this once the process is to stop. */
const STOP_MS = 30_000

/** How long a meeting waits for a store that is away: for ever while it runs, for a bounded time at its end. */
export class Patience {
  readonly #clock: Clock
  readonly #random: () => number
  readonly #over = new AbortController()
  readonly #cancels: (() => void)[] = []

  constructor(parts: { readonly clock: Clock; readonly random: () => number }) {
    this.#clock = parts.clock
    this.#random = parts.random
  }

  /** Aborts when it is over. */
  get signal(): AbortSignal {
    return this.#over.signal
  }

  /** Repeats what the store could not do because it is away. @throws what it throws otherwise, or when patience is over */
  async run<T>(work: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await work()
      } catch (thrown) {
        if (this.signal.aborted || !(thrown instanceof UpstreamError) || !thrown.retryable) throw thrown
        await this.#clock.sleep(backoffMs(RETRY, attempt, this.#random), this.signal).catch(() => {
          throw thrown
        })
      }
    }
  }

  /** It ends from now on: after 15 minutes, or 30 s after `stop` aborts. */
  limit(stop: AbortSignal): void {
    const over = () => this.#over.abort(new Error('the store did not answer in time'))
    this.#cancels.push(this.#clock.after(END_MS, over))
    const hurry = () => this.#cancels.push(this.#clock.after(STOP_MS, over))
    if (stop.aborted) hurry()
    else {
      stop.addEventListener('abort', hurry, { once: true })
      this.#cancels.push(() => stop.removeEventListener('abort', hurry))
    }
  }

  /** Nothing waits any more. */
  close(): void {
    for (const cancel of this.#cancels.splice(0)) cancel()
  }
}
