import type { Track } from './track.js'
import type { AudioTunables } from './tunables.js'

/** For whom, and for how long, a due block waits. Knows when the process itself stood still. */
export class Patience {
  readonly #tunables: AudioTunables
  #lastTickMs = Number.NaN
  #stallFromMs = Number.NaN
  #resumedMs = Number.NEGATIVE_INFINITY

  constructor(tunables: AudioTunables) {
    this.#tunables = tunables
  }

  /** To be called first in every tick: a tick long after the last one is the end of a stall. */
  ticked(nowMs: number): void {
    if (nowMs - this.#lastTickMs > this.#tunables.stallMs) {
      this.#stallFromMs = this.#lastTickMs
      this.#resumedMs = nowMs
    }
    this.#lastTickMs = nowMs
  }

  /** Whether a block due then has waited long enough; what a stall queued up arrives after it, so waiting starts there. */
  isOverdue(dueMs: number, nowMs: number): boolean {
    return nowMs - Math.max(dueMs, this.#resumedMs) >= this.#tunables.graceMs
  }

  /** Whether frames of the track are on their way as far as one can tell. */
  isExpected(track: Track, nowMs: number): boolean {
    if (!track.isLive || track.isStalled) return false
    if (nowMs - track.lastArrivedMs <= this.#tunables.activeMs) return true
    const isAfterStall = nowMs - this.#resumedMs <= this.#tunables.graceMs
    return isAfterStall && track.lastArrivedMs >= this.#stallFromMs - this.#tunables.activeMs
  }
}
