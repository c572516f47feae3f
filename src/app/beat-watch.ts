import type { Standing } from '../records/claims.js'

/** A process that lives gives a sign of it so often. */
export const BEAT_MS = 500
/** Whoever has given none for so long, watched all the while, is dead: two signs and half of one are missing. */
export const DEAD_AFTER_MS = 1_250
/** How often a holder is looked at: two looks within the time of two signs. */
export const LOOK_MS = 200
/** A holder that was seen alive is looked at less often: it may be so for hours. */
export const CALM_LOOK_MS = 1_000

/**
 * Tells a dead holder from one that lives, by watching. Only changes count, and the watcher's own monotonic clock: a clock that jumps,
 * on whichever host, makes nobody dead.
 */
export class BeatWatch {
  #seen: Pick<Standing, 'epoch' | 'holder' | 'beat'> | null = null
  #sinceMs = 0

  /** @param nowMs monotonic. @returns whether the holder has been silent for long enough */
  isDead(standing: Standing, nowMs: number): boolean {
    const { epoch, holder, beat } = standing
    const seen = this.#seen
    if (seen?.epoch === epoch && seen.holder === holder && seen.beat === beat) return nowMs - this.#sinceMs >= DEAD_AFTER_MS
    this.#seen = { epoch, holder, beat }
    this.#sinceMs = nowMs
    return false
  }
}
