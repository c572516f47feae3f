import type { Clock } from '../core/time.js'
import { LastingFault, type FaultWords } from './lasting-fault.js'
import type { Logger } from './logger.js'

/** What rounds work with. */
export interface RoundsParts {
  readonly clock: Clock
  readonly logger: Logger
  readonly words: FaultWords
  /** wait after a round that failed */
  readonly retryMs: number
  /**
   * One round; whoever wakes the rounds meanwhile gets another one after it.
   * @param isClosed whether it is to come to its end
   * @returns how long there is nothing to do, ms
   */
  readonly round: (isClosed: () => boolean) => Promise<number>
}

/** Work that is looked for at times, and at once when woken: one round at a time, a fault told when it begins, lasts and is over. */
export class Rounds {
  readonly #parts: RoundsParts
  readonly #fault: LastingFault
  #cancel: (() => void) | null = null
  #running: Promise<void> | null = null
  #isStale = false
  #isClosed = false

  constructor(parts: RoundsParts) {
    this.#parts = parts
    this.#fault = new LastingFault(parts, parts.words)
  }

  /** There may be something to do: now, or after the round that is under way. */
  wake(): void {
    this.#cancel?.()
    this.#cancel = null
    if (this.#isClosed) return
    this.#isStale = true
    this.#running ??= this.#run()
  }

  /** Ends after what is under way. May be called twice. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancel?.()
    await this.#running
  }

  async #run(): Promise<void> {
    const { clock, retryMs, round } = this.#parts
    let waitMs = retryMs
    try {
      while (this.#isStale && !this.#isClosed) {
        this.#isStale = false
        waitMs = await round(() => this.#isClosed)
      }
      this.#fault.worked()
    } catch (thrown) {
      waitMs = retryMs
      this.#fault.failed(thrown)
    }
    // in one go with the timer: whoever wakes from here on finds no round under way
    this.#running = null
    if (!this.#isClosed) this.#cancel = clock.after(waitMs, () => this.wake())
  }
}
