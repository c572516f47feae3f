import type { TrackKey } from '../../core/ids.js'
import type { TrackClock } from './track-clock.js'

/** Since when a microphone is open, monotonic ms, and how much of its beginning may be missing without being a gap. */
export interface Opening {
  readonly sinceMs: number
  readonly allowedMs: number
}

/** Meeting ms. */
export interface Missing {
  readonly fromMs: number
  readonly toMs: number
}

/** Frames that queued up while the process stood still have all been read after this, and the first one is dated right. */
const SETTLE_MS = 500

interface Awaited {
  readonly fromMs: number
  readonly allowedMs: number
  /** of the first sample, meeting ms; NaN before it */
  firstMs: number
  /** monotonic ms */
  settledAtMs: number
}

/**
 * What is missing between the opening of a microphone and its first sample. Where that lies is known a little after it has come: the first frame
 * may have waited for a process that stood still, which those behind it tell.
 */
export class LateStarts {
  readonly #awaited = new Map<TrackKey, Awaited>()

  /** @param fromMs since when it is open, meeting ms */
  begin(key: TrackKey, fromMs: number, allowedMs: number): void {
    this.#awaited.set(key, { fromMs: Math.max(0, fromMs), allowedMs, firstMs: Number.NaN, settledAtMs: Number.POSITIVE_INFINITY })
  }

  /** A frame was dated. @returns what is missing before the first one, when that is certain and too much */
  frame(key: TrackKey, { startMs, jumpMs }: Pick<TrackClock, 'startMs' | 'jumpMs'>, arrivedMs: number): Missing | null {
    const awaited = this.#awaited.get(key)
    if (!awaited) return null
    if (Number.isNaN(awaited.firstMs)) {
      awaited.firstMs = startMs
      awaited.settledAtMs = arrivedMs + SETTLE_MS
    } else if (jumpMs < 0) awaited.firstMs += jumpMs
    return arrivedMs < awaited.settledAtMs ? null : this.end(key, startMs)
  }

  /** Nothing is known of a later frame, or nothing is to be made of it. @param atMs meeting ms @returns what is missing, when that is too much */
  end(key: TrackKey, atMs: number): Missing | null {
    const awaited = this.#awaited.get(key)
    this.#awaited.delete(key)
    if (!awaited) return null
    const { fromMs, allowedMs, firstMs } = awaited
    const toMs = Number.isNaN(firstMs) ? atMs : firstMs
    return toMs - fromMs > allowedMs ? { fromMs, toMs } : null
  }

  /** Since when a track of which no sample has come yet is open, meeting ms, and forgets it; null: there is none to wait for. */
  take(key: TrackKey): number | null {
    const awaited = this.#awaited.get(key)
    if (!awaited || !Number.isNaN(awaited.firstMs)) return null
    this.#awaited.delete(key)
    return awaited.fromMs
  }
}
