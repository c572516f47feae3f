import { backoffMs } from '../../../core/backoff.js'
import type { Limits } from './limits.js'

const MINUTE_MS = 60_000

/** How long the next attempt waits: a growing backoff, what the service asked for, and never more dials in a minute than allowed. */
export class Redial {
  readonly #limits: Limits
  readonly #random: () => number
  #dials: number[] = []

  /** @param random in [0, 1) */
  constructor(limits: Limits, random: () => number) {
    this.#limits = limits
    this.#random = random
  }

  dialled(nowMs: number): void {
    this.#dials.push(nowMs)
  }

  /** @param attempt 0 for the first wait */
  waitMs(nowMs: number, attempt: number, retryAfterMs: number): number {
    const { backoff, maxDialsPerMinute } = this.#limits
    this.#dials = this.#dials.filter((at) => nowMs - at < MINUTE_MS)
    const oldest = this.#dials.at(-maxDialsPerMinute)
    const budgetMs = oldest === undefined ? 0 : oldest + MINUTE_MS - nowMs
    return Math.max(backoffMs(backoff, attempt, this.#random), retryAfterMs, budgetMs)
  }
}
