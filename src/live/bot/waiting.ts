import type { FinalsBatch } from '../../records/port.js'
import type { Gap } from '../audio/span.js'
import { WaitingSessions } from './waiting-sessions.js'
import { WaitingSpans } from './waiting-spans.js'

/** What stands beside the finals of a log: a transcript is known to miss nothing before a text only together with it. */
export type Beside = Omit<FinalsBatch, 'segments'>

/** Gaps that the store does not have yet, oldest first. */
export class WaitingGaps {
  #gaps: Gap[] = []
  #isDropped = false
  readonly #logged = new WeakSet<Gap>()

  get size(): number {
    return this.#gaps.length
  }

  /** Whether something is in the log that the store does not have, or will not get from here. */
  get isLogOnly(): boolean {
    return this.#isDropped || this.#gaps.some((gap) => this.#logged.has(gap))
  }

  /** @param most of more, the oldest goes @returns whether it had room */
  put(gap: Gap, most: number): boolean {
    this.#gaps.push(gap)
    if (this.#gaps.length <= most) return true
    this.#gaps.shift()
    this.#isDropped = true
    return false
  }

  /** The first ones, at most `limit`. */
  first(limit: number): readonly Gap[] {
    return this.#gaps.slice(0, limit)
  }

  unlogged(): readonly Gap[] {
    return this.#gaps.filter((gap) => !this.#logged.has(gap))
  }

  logged(gaps: readonly Gap[]): void {
    for (const gap of gaps) this.#logged.add(gap)
  }

  /** They are stored. @returns those that still waited */
  remove(gaps: readonly Gap[]): readonly Gap[] {
    const isStored = new Set(gaps)
    const waited = this.#gaps.filter((gap) => isStored.has(gap))
    this.#gaps = this.#gaps.filter((gap) => !isStored.has(gap))
    return waited
  }
}

/** What the store does not have yet, besides the finals and the people. */
export class Waiting {
  readonly spans = new WaitingSpans()
  readonly gaps = new WaitingGaps()
  readonly sessions = new WaitingSessions()

  /** Whether something is in the log that the store does not have. */
  get isLogOnly(): boolean {
    return this.spans.isLogOnly || this.gaps.isLogOnly || this.sessions.isLogOnly
  }

  /**
   * What the log is to have before anything newer: all of it, since what is told of a session rests on those before it.
   * @param isLast whether the log has all finals then: only so may it say how far the sessions came
   */
  unlogged(isLast: boolean): Beside {
    const gaps = this.gaps.unlogged()
    const sessions = this.sessions.unlogged(isLast)
    return { spans: this.spans.unlogged(), ...(gaps.length > 0 && { gaps }), ...(sessions.length > 0 && { sessions }) }
  }

  /** The log has it as it was given. */
  logged({ spans, gaps = [], sessions = [] }: Beside): void {
    this.spans.logged(spans)
    this.gaps.logged(gaps)
    this.sessions.logged(sessions)
  }
}
