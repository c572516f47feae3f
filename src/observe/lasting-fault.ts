import { toError } from '../core/errors.js'
import type { Clock } from '../core/time.js'
import type { Logger } from './logger.js'

/** What lasts longer is for a person. */
const ALARM_MS = 60_000

/** What is said of a fault: at its first time, when it lasts, and at its end. */
export interface FaultWords {
  readonly failed: string
  readonly lasts: string
  readonly over: string
}

/** Tells of something that is tried again and again: once that it fails, once as an error when that lasts, and that it works again. */
export class LastingFault {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #words: FaultWords
  /** monotonic ms */
  #sinceMs: number | null = null
  #isAlarmed = false

  constructor({ clock, logger }: { readonly clock: Clock; readonly logger: Logger }, words: FaultWords) {
    this.#clock = clock
    this.#logger = logger
    this.#words = words
  }

  failed(thrown: unknown): void {
    const nowMs = this.#clock.monotonicMs()
    if (this.#sinceMs === null) {
      this.#sinceMs = nowMs
      this.#logger.warn({ err: toError(thrown) }, this.#words.failed)
    } else if (!this.#isAlarmed && nowMs - this.#sinceMs >= ALARM_MS) {
      this.#isAlarmed = true
      this.#logger.error({ err: toError(thrown) }, this.#words.lasts)
    }
  }

  worked(): void {
    if (this.#sinceMs === null) return
    this.#logger.info({ awayMs: Math.round(this.#clock.monotonicMs() - this.#sinceMs) }, this.#words.over)
    this.#sinceMs = null
    this.#isAlarmed = false
  }
}
