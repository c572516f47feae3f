import type { LiveActivity } from '../../records/partials.js'

/** Bots tell again every 3 s while anybody speaks or waits: after this silence whoever told has died. */
const AGE_MS = 10_000
const NOBODY: LiveActivity = { speaking: [], waiting: [] }

/** Who speaks and who waits in one meeting, as its readers are to see it. */
export class ActivityBoard {
  #told: LiveActivity | null = null
  #toldMs = 0
  /** what the event says, and out of what it was made */
  #text = ''
  #shown: LiveActivity | null = null
  #event: Buffer | null = null

  /** @param nowMs monotonic clock */
  heard(told: LiveActivity, nowMs: number): void {
    this.#told = told
    this.#toldMs = nowMs
  }

  /**
   * The event that says how it is now: the same object for as long as nothing changes; null when nobody has ever told.
   * It has no id: whoever resumes is told the present one, not what was.
   */
  present(nowMs: number): Buffer | null {
    if (this.#told === null) return null
    if (nowMs - this.#toldMs > AGE_MS) this.#told = NOBODY
    if (this.#told === this.#shown) return this.#event
    this.#shown = this.#told
    const { speaking, waiting } = this.#told
    const text = JSON.stringify({ speaking, waiting })
    if (text !== this.#text) {
      this.#text = text
      this.#event = Buffer.from(`event: activity\ndata: ${text}\n\n`)
    }
    return this.#event
  }
}
