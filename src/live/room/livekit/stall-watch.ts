import type { TrackKey } from '../../../core/ids.js'
import type { StallReason } from '../port.js'

/** Limits in ms. */
export interface StallLimits {
  /** an open stream without a frame for so long yields `no_frames` */
  readonly noFramesMs: number
  /** no RTP packet of audio in the whole connection for so long yields `no_packets` on every open track */
  readonly noPacketsMs: number
}

/** What changed. */
export interface StallChange {
  readonly key: TrackKey
  /** null: delivers again */
  readonly stalled: StallReason | null
  /** from when on nothing may have come, monotonic ms; when it delivers again, since now */
  readonly sinceMs: number
}

interface Watched {
  lastFrameMs: number
  stalled: StallReason | null
}

/**
 * Notices tracks that stopped without an event. Two measures, since neither sees everything: frames (a publisher that
 * withdraws permission stops them) and received RTP packets (a frozen server or network does not stop frames, the
 * client library makes up silence). Pure; monotonic ms in.
 */
export class StallWatch {
  readonly #limits: StallLimits
  readonly #watched = new Map<TrackKey, Watched>()
  #packets: bigint | undefined
  /** when a change was seen last, and the look before that: packets stopped somewhere between */
  #packetsSinceMs = 0
  #packetsBeforeMs = 0
  #lookedMs = Number.NaN

  constructor(limits: StallLimits) {
    this.#limits = limits
  }

  /** open streams */
  get size(): number {
    return this.#watched.size
  }

  opened(key: TrackKey, nowMs: number): void {
    // a first stream starts a new measurement of packets: nothing was measured while none was open
    if (this.#watched.size === 0) this.#packets = undefined
    this.#watched.set(key, { lastFrameMs: nowMs, stalled: null })
  }

  closed(key: TrackKey): void {
    this.#watched.delete(key)
  }

  /** @returns whether the track had been reported as without frames, and delivers again now */
  frame(key: TrackKey, nowMs: number): boolean {
    const watched = this.#watched.get(key)
    if (!watched) return false
    watched.lastFrameMs = nowMs
    if (watched.stalled !== 'no_frames') return false
    watched.stalled = null
    return true
  }

  /** Nothing can be said of the past: after a reconnect, or when this process itself stood still. */
  excuse(nowMs: number): void {
    for (const watched of this.#watched.values()) watched.lastFrameMs = nowMs
    this.#packets = undefined
    this.#lookedMs = Number.NaN
  }

  /** Tracks that have been without frames for too long, each once. */
  checkFrames(nowMs: number): StallChange[] {
    const changes: StallChange[] = []
    for (const [key, watched] of this.#watched) {
      if (watched.stalled || nowMs - watched.lastFrameMs < this.#limits.noFramesMs) continue
      watched.stalled = 'no_frames'
      changes.push({ key, stalled: 'no_frames', sinceMs: watched.lastFrameMs })
    }
    return changes
  }

  /** @param received packets of audio received so far, all tracks together; any difference counts as life */
  checkPackets(received: bigint, nowMs: number): StallChange[] {
    const changes: StallChange[] = []
    const lookedMs = this.#lookedMs
    this.#lookedMs = nowMs
    if (this.#packets !== received) {
      this.#packetsBeforeMs = this.#packets === undefined || Number.isNaN(lookedMs) ? nowMs : lookedMs
      this.#packets = received
      this.#packetsSinceMs = nowMs
      for (const [key, watched] of this.#watched) {
        if (watched.stalled !== 'no_packets') continue
        watched.stalled = null
        changes.push({ key, stalled: null, sinceMs: nowMs })
      }
    } else if (nowMs - this.#packetsSinceMs >= this.#limits.noPacketsMs) {
      for (const [key, watched] of this.#watched) {
        if (watched.stalled) continue
        watched.stalled = 'no_packets'
        changes.push({ key, stalled: 'no_packets', sinceMs: this.#packetsBeforeMs })
      }
    }
    return changes
  }
}
