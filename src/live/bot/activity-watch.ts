import type { Clock } from '../../core/time.js'
import type { Activity } from '../audio/activity.js'

/** so often it is looked who speaks and who waits */
export const ACTIVITY_MS = 250
/** while anybody does, the same is told again so often: whoever watches may have missed it, or have come since */
const RENEW_MS = 3_000

const NOBODY: Activity = { speaking: [], waiting: [] }

/** What a watch looks at and whom it tells. */
export interface ActivityWatchParts {
  readonly clock: Pick<Clock, 'monotonicMs'>
  /** @param nowMs monotonic clock */
  readonly look: (nowMs: number) => Activity
  readonly tell: (activity: Activity) => void
}

/** Tells who speaks and who waits, when that has changed. Nobody does while it is closed. */
export class ActivityWatch {
  readonly #parts: ActivityWatchParts
  #told = NOBODY
  #toldMs = 0
  #isClosed = false

  constructor(parts: ActivityWatchParts) {
    this.#parts = parts
  }

  /** To be called every `ACTIVITY_MS`. */
  look(): void {
    if (this.#isClosed) return
    const nowMs = this.#parts.clock.monotonicMs()
    const now = this.#parts.look(nowMs)
    const isRenewal = !isNobody(now) && nowMs - this.#toldMs >= RENEW_MS
    if (isRenewal || !isSame(now, this.#told)) this.#tell(now, nowMs)
  }

  /** Nobody is heard from now on: whoever spoke is told to have stopped. */
  close(): void {
    this.#isClosed = true
    if (!isNobody(this.#told)) this.#tell(NOBODY, this.#parts.clock.monotonicMs())
  }

  /** People are heard again. */
  open(): void {
    this.#isClosed = false
  }

  #tell(now: Activity, nowMs: number): void {
    this.#told = now
    this.#toldMs = nowMs
    this.#parts.tell(now)
  }
}

const isNobody = ({ speaking, waiting }: Activity): boolean => speaking.length + waiting.length === 0

const isSame = (one: Activity, other: Activity): boolean =>
  isSameList(one.speaking, other.speaking) && isSameList(one.waiting, other.waiting)

const isSameList = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((identity, at) => identity === other[at])
