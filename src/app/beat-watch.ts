import { BACK_WITHIN_MS, type Standing } from '../records/claims.js'

/** A process that lives gives a sign of it so often. */
export const BEAT_MS = 500
/** Whoever has given none for so long, watched all the while, is dead: two signs and half of one are missing. */
export const DEAD_AFTER_MS = 1_250
/** How often a holder is looked at: two looks within the time of two signs. */
export const LOOK_MS = 200
/** A holder that was seen alive is looked at less often: it may be so for hours. */
export const CALM_LOOK_MS = 1_000

/** Looks further apart than this had a store between them that did not answer, or a watcher that stood still: nothing was watched meanwhile. */
const BLIND_MS = 2_000

/**
 * Tells a dead holder from one that lives, by watching. Only changes count, and the watcher's own monotonic clock: a clock that jumps,
 * on whichever host, makes nobody dead. Silence counts only while it was watched: a store that was away kept every holder silent.
 */
export class BeatWatch {
  #seen: Pick<Standing, 'epoch' | 'holder' | 'beat'> | null = null
  #sinceMs = 0
  #lookedMs = Number.NEGATIVE_INFINITY
  #deadAfterMs = DEAD_AFTER_MS

  /** @param nowMs monotonic. @returns whether the holder has been silent for long enough */
  isDead(standing: Standing, nowMs: number): boolean {
    const { epoch, holder, beat } = standing
    const seen = this.#seen
    const isSame = seen?.epoch === epoch && seen.holder === holder && seen.beat === beat
    const wasBlind = seen !== null && nowMs - this.#lookedMs > BLIND_MS
    this.#lookedMs = nowMs
    if (isSame && !wasBlind) return nowMs - this.#sinceMs >= this.#deadAfterMs
    this.#seen = { epoch, holder, beat }
    this.#sinceMs = nowMs
    this.#deadAfterMs = wasBlind ? BACK_WITHIN_MS : DEAD_AFTER_MS
    return false
  }

  /** A look failed: what was seen before it says nothing about now. */
  blind(): void {
    this.#lookedMs = Number.NEGATIVE_INFINITY
  }
}
