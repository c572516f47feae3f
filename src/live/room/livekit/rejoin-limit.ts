import type { Clock } from '../../../core/time.js'

/** How often a room may be joined anew because nothing arrives from it: where nobody lets the bot hear, that would go on for ever. */
export class RejoinLimit {
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #everyMs: number
  /** rooms, and when they were; older ones are forgotten */
  readonly #taken = new Map<string, number>()

  constructor(clock: Pick<Clock, 'monotonicMs'>, everyMs: number) {
    this.#clock = clock
    this.#everyMs = everyMs
  }

  /** @returns whether it may be now; then not again for a while */
  take(room: string): boolean {
    const nowMs = this.#clock.monotonicMs()
    for (const [name, atMs] of this.#taken) if (nowMs - atMs >= this.#everyMs) this.#taken.delete(name)
    if (this.#taken.has(room)) return false
    this.#taken.set(room, nowMs)
    return true
  }
}
