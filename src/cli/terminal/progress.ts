import { clockText } from './paint.js'

/** Where progress is shown. */
export interface ProgressView {
  /** one line that is replaced; without a terminal only when it is worth a line of its own */
  status(text: string, isMilestone: boolean): void
  note(text: string): void
}

/** A status line changes this often. */
const STATUS_MS = 500
/** Without a terminal a line is printed this often. */
const MILESTONE_MS = 30_000
/** A speech service that is waited for so long is told of. */
const HELD_MS = 5_000

/** How far a recording has been played. */
export class Progress {
  readonly #view: ProgressView
  readonly #lengthMs: number
  readonly #monotonicMs: () => number
  #shownMs = Number.NEGATIVE_INFINITY
  #milestoneMs: number
  #heldSinceMs: number | null = null
  #isHeldTold = false

  constructor(view: ProgressView, lengthMs: number, monotonicMs: () => number) {
    this.#view = view
    this.#lengthMs = lengthMs
    this.#monotonicMs = monotonicMs
    this.#milestoneMs = monotonicMs()
  }

  /** @param isHeld nothing is played for now, since the speech service does not keep up */
  played(playedMs: number, isHeld: boolean): void {
    const nowMs = this.#monotonicMs()
    this.#held(isHeld, nowMs)
    if (nowMs - this.#shownMs < STATUS_MS) return
    this.#shownMs = nowMs
    const isMilestone = nowMs - this.#milestoneMs >= MILESTONE_MS
    if (isMilestone) this.#milestoneMs = nowMs
    const percent = Math.floor((playedMs / this.#lengthMs) * 100)
    this.#view.status(`${clockText(playedMs)} of ${clockText(this.#lengthMs)} (${percent} %)`, isMilestone)
  }

  #held(isHeld: boolean, nowMs: number): void {
    if (!isHeld) {
      this.#heldSinceMs = null
      return
    }
    this.#heldSinceMs ??= nowMs
    if (this.#isHeldTold || nowMs - this.#heldSinceMs < HELD_MS) return
    this.#isHeldTold = true
    this.#view.note('the speech service does not keep up: it is waited for')
  }
}
