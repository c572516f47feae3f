const BUCKET_MS = 250
const BUCKETS = 8
/** frames that tell of a loss at the end of a track */
const PACED = 3

/**
 * Meeting time of a track's samples. Frames carry no time of their own, so the first one is dated by its arrival and the rest by
 * counting samples; the least lateness of the last 2 s says whether the count still holds.
 *
 * - late for less than 2 s (a burst after a stall, jitter): nothing changes, the frames are there and in order;
 * - the least lateness of 2 s of arrivals exceeds the limit: frames were lost; the clock moves on by it (`jumpMs > 0`);
 * - a frame that comes earlier than it can have been spoken: the first frame was late; the clock moves back (`jumpMs < 0`).
 */
export class TrackClock {
  /** meeting time of the first sample of the last frame, ms */
  startMs = Number.NaN
  /** how far the clock was moved by the last frame, before `startMs` was read off it */
  jumpMs = 0
  /** whether the last frame was dated by its own arrival */
  anchored = false
  readonly #meetingStartMs: number
  readonly #sampleRate: number
  readonly #limitMs: number
  readonly #least = new Float64Array(BUCKETS)
  #bucket = -1
  #filled = 0
  /** frames since the last burst, and how late the last ones were */
  #pacedFrames = 0
  readonly #pacedLateMs = new Float64Array(PACED)
  #arrivalMs = Number.NEGATIVE_INFINITY
  #nextMs = Number.NaN
  #runStartMs = Number.NaN
  /** end of what came before this run: dates never go back beyond it */
  #floorMs = Number.NEGATIVE_INFINITY
  #isSet = false

  /**
   * @param meetingStartMs monotonic clock at the meeting's start
   * @param limitMs lateness from which frames count as lost
   */
  constructor(meetingStartMs: number, sampleRate: number, limitMs: number) {
    this.#meetingStartMs = meetingStartMs
    this.#sampleRate = sampleRate
    this.#limitMs = limitMs
  }

  /** meeting time of the end of the last frame; NaN before the first */
  get endMs(): number {
    return this.#nextMs
  }

  /**
   * How much has gone missing for sure if no frame follows any more: what the last three frames were late by at least, when they came at
   * their pace and that is over the limit. A burst is late because nobody listened: it tells nothing. 0 after `restart`.
   */
  get missingMs(): number {
    const leastMs = this.#pacedFrames < PACED ? 0 : Math.min(...this.#pacedLateMs)
    return leastMs > this.#limitMs ? leastMs : 0
  }

  /** The next frame is dated by its arrival again, never before the end of the last one. */
  restart(): void {
    this.#isSet = false
  }

  #begin(startMs: number): void {
    if (!Number.isNaN(this.#nextMs)) this.#floorMs = this.#nextMs
    this.#runStartMs = startMs
    this.#nextMs = startMs
    this.#forget()
  }

  #back(byMs: number): void {
    const jumpMs = Math.max(byMs, this.#floorMs - this.#runStartMs)
    if (jumpMs >= 0) return
    this.jumpMs = jumpMs
    this.#nextMs += jumpMs
    this.#runStartMs += jumpMs
    this.#forget()
  }

  /** Dates one frame: read `startMs`, `jumpMs` and `anchored` afterwards. */
  received(samples: number, arrivedMs: number): void {
    const lengthMs = (samples * 1000) / this.#sampleRate
    const arrivalMs = arrivedMs - this.#meetingStartMs
    this.jumpMs = 0
    this.anchored = !this.#isSet
    if (!this.#isSet) {
      this.#isSet = true
      const freshMs = arrivalMs - lengthMs
      this.#begin(Number.isNaN(this.#nextMs) ? freshMs : Math.max(freshMs, this.#nextMs))
    }
    const lateMs = arrivalMs - (this.#nextMs + lengthMs)
    if (lateMs < -this.#limitMs) this.#back(lateMs)
    else {
      this.jumpMs = this.#lost(lateMs, arrivalMs)
      if (this.jumpMs > 0) this.#begin(this.#nextMs + this.jumpMs)
    }
    this.startMs = this.#nextMs
    this.#nextMs += lengthMs
    this.#pace(arrivalMs, lengthMs)
  }

  #pace(arrivalMs: number, lengthMs: number): void {
    if (arrivalMs - this.#arrivalMs < lengthMs / 2) this.#pacedFrames = 0
    else this.#pacedLateMs[this.#pacedFrames++ % PACED] = arrivalMs - this.#nextMs
    this.#arrivalMs = arrivalMs
  }

  /** Sliding minimum over the last buckets in which anything arrived. */
  #lost(lateMs: number, arrivalMs: number): number {
    const bucket = Math.floor(arrivalMs / BUCKET_MS)
    let lost = 0
    if (bucket !== this.#bucket) {
      if (this.#filled >= BUCKETS) {
        const least = Math.min(...this.#least, lateMs)
        if (least > this.#limitMs) lost = least
      }
      this.#bucket = bucket
      this.#least[this.#filled % BUCKETS] = lateMs
      this.#filled++
    } else {
      const at = (this.#filled - 1) % BUCKETS
      this.#least[at] = Math.min(this.#least[at] as number, lateMs)
    }
    return lost
  }

  #forget(): void {
    this.#bucket = -1
    this.#filled = 0
    this.#pacedFrames = 0
  }
}
