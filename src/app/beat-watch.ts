import { BACK_WITHIN_MS, type Standing } from '../records/claims.js'

/** A process that lives gives a sign of it so often. */
export const BEAT_MS = 500
/** Whoever has given none for so long, watched all the while, is dead: two signs and half of one are missing. */
export const DEAD_AFTER_MS = 1_250
/** How often a holder is looked at: two looks within the time of two signs. */
export const LOOK_MS = 200
/** A holder that was seen alive is looked at less often: it may be so for hours. */
export const CALM_LOOK_MS = 1_000

/**
 * Looks further apart than this, or that took so long, had a store that did not answer, or a watcher that stood still: nothing was watched
 * meanwhile.
 */
export const BLIND_MS = 2_000
/** Own signs of life further apart than this: the store did not answer, or did so late. */
const UNSTEADY_MS = 3 * BEAT_MS

/** Whether the store has answered this process's own signs of life all along; monotonic ms. */
export class StoreWatch {
  #sinceMs = Number.NEGATIVE_INFINITY
  readonly #begunMs: number | null
  #answeredMs: number | null = null

  /** @param begunMs when this process began to give signs of life, of which the first may take its time; null: it gives none */
  constructor(begunMs: number | null) {
    this.#begunMs = begunMs
  }

  /** A sign of life was stored. */
  answered(nowMs: number): void {
    if (this.#isLate(nowMs)) this.#sinceMs = nowMs
    this.#answeredMs = nowMs
  }

  /** Whether every process that lives has had the time to find out that the store answers. */
  isSteady(nowMs: number): boolean {
    return !this.#isLate(nowMs) && nowMs - this.#sinceMs >= BACK_WITHIN_MS
  }

  /** Whether it is steady and this process has been there for that time too: whoever has given no sign of life meanwhile is dead. */
  hasWatched(nowMs: number): boolean {
    return this.isSteady(nowMs) && (this.#begunMs === null || nowMs - this.#begunMs >= BACK_WITHIN_MS)
  }

  #isLate(nowMs: number): boolean {
    if (this.#answeredMs !== null) return nowMs - this.#answeredMs > UNSTEADY_MS
    return this.#begunMs !== null && nowMs - this.#begunMs > BACK_WITHIN_MS
  }
}

/**
 * Tells a dead holder from one that lives, by watching. Only changes count, and the watcher's own monotonic clock: a clock that jumps,
 * on whichever host, makes nobody dead. Silence counts only while it was watched: a store that was away kept every holder silent.
 */
export class BeatWatch {
  #seen: Pick<Standing, 'epoch' | 'holder' | 'beat'> | null = null
  #sinceMs = 0
  #lookedMs = 0
  #isBlind = false
  #deadAfterMs = DEAD_AFTER_MS
  #isAlive = false

  /** whether the holder that was looked at last has given a sign of life while it was watched */
  get isAlive(): boolean {
    return this.#isAlive
  }

  /**
   * @param nowMs monotonic
   * @param isSteady whether the store has answered all along, also before this watch
   * @returns whether the holder has been silent for long enough
   */
  isDead(standing: Standing, nowMs: number, isSteady: boolean): boolean {
    const { epoch, holder, beat } = standing
    const seen = this.#seen
    const isOne = seen !== null && seen.epoch === epoch && seen.holder === holder
    const wasBlind = this.#isBlind || (seen !== null && nowMs - this.#lookedMs > BLIND_MS)
    this.#lookedMs = nowMs
    this.#isBlind = false
    if (isOne && seen.beat === beat && !wasBlind) return nowMs - this.#sinceMs >= (isSteady ? this.#deadAfterMs : BACK_WITHIN_MS)
    this.#isAlive = isOne && !wasBlind && seen.beat !== null && beat !== null
    this.#seen = { epoch, holder, beat }
    this.#sinceMs = nowMs
    this.#deadAfterMs = wasBlind ? BACK_WITHIN_MS : DEAD_AFTER_MS
    return false
  }

  /** A look failed, or took too long: what was seen before it says nothing about now. */
  blind(): void {
    this.#isBlind = true
  }
}
