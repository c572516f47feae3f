import type { TrackKey } from '../../../core/ids.js'
import type { StallReason } from '../port.js'

/** Limits in ms. */
export interface StallLimits {
  /** an open stream without a frame for so long yields `no_frames` */
  readonly noFramesMs: number
  /** no RTP packet of a track for so long yields `no_packets`; of a track whose own packets are not known: none in the whole connection */
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

/** What the statistics say of one track. */
export interface TrackPackets {
  /** received since it was subscribed to */
  readonly packets: bigint
  /** how long the last one is ago, ms; NaN: unknown */
  readonly quietMs: number
}

interface Watched {
  lastFrameMs: number
  stalled: StallReason | null
  /** since when it is watched without a break */
  watchedSinceMs: number
  /** the last look at its own packets, or since when nothing can be said of them: none before can be the last one */
  lookedMs: number
  /** its own packets, when they were seen to change last, and the look before that: they stopped somewhere between; null: not looked at yet */
  own: { readonly packets: bigint; readonly changedMs: number; readonly beforeMs: number } | null
}

const NO_TRACKS: ReadonlyMap<TrackKey, TrackPackets> = new Map()

/**
 * Notices tracks that stopped without an event. Two measures, since neither sees everything: frames (a publisher that
 * withdraws permission stops them) and received RTP packets (a frozen publisher, server or network does not stop frames, the
 * client library makes up silence). An open microphone sends a packet every 0.4 s at least, silent or not. Pure; monotonic ms in.
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

  /** whether a track is said to be without packets */
  get isWaiting(): boolean {
    return [...this.#watched.values()].some(({ stalled }) => stalled === 'no_packets')
  }

  opened(key: TrackKey, nowMs: number): void {
    // a first stream starts a new measurement of packets: nothing was measured while none was open
    if (this.#watched.size === 0) this.#packets = undefined
    this.#watched.set(key, { lastFrameMs: nowMs, stalled: null, watchedSinceMs: nowMs, lookedMs: nowMs, own: null })
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
    for (const watched of this.#watched.values()) {
      watched.lastFrameMs = nowMs
      watched.watchedSinceMs = nowMs
      watched.lookedMs = nowMs
      watched.own = null
    }
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

  /**
   * @param received packets of audio received so far, all tracks together; any difference counts as life of those whose own are not known
   * @param tracks of each track whose own packets are known
   * @param askedMs when this was asked for: it was true some time from then to now
   */
  checkPackets(received: bigint, nowMs: number, tracks = NO_TRACKS, askedMs = nowMs): StallChange[] {
    const own = [...this.#watched].flatMap(([key, watched]) => this.#checkOwn(key, watched, tracks.get(key), nowMs, askedMs))
    return [...own, ...this.#checkAll(received, nowMs, askedMs)]
  }

  #checkOwn(key: TrackKey, watched: Watched, now: TrackPackets | undefined, nowMs: number, askedMs: number): StallChange[] {
    const { own, lookedMs } = watched
    if (!now) {
      // they may have stopped before it was lost sight of
      if (own && !watched.stalled) watched.lookedMs = own.beforeMs
      watched.own = null
      return []
    }
    watched.lookedMs = nowMs
    if (now.packets !== own?.packets) {
      watched.own = { packets: now.packets, changedMs: nowMs, beforeMs: lookedMs }
      if (!own) return []
      return watched.stalled === 'no_packets' ? [resumed(key, watched, nowMs)] : []
    }
    if (watched.stalled || askedMs - own.changedMs < this.#limits.noPacketsMs) return []
    watched.stalled = 'no_packets'
    const lastMs = Number.isNaN(now.quietMs) ? own.beforeMs : askedMs - now.quietMs
    return [{ key, stalled: 'no_packets', sinceMs: Math.min(own.changedMs, Math.max(own.beforeMs, lastMs)) }]
  }

  /** Those whose own packets are not known. */
  #checkAll(received: bigint, nowMs: number, askedMs: number): StallChange[] {
    const lookedMs = this.#lookedMs
    this.#lookedMs = nowMs
    const others = [...this.#watched].filter(([, { own }]) => own === null)
    if (this.#packets !== received) {
      this.#packetsBeforeMs = this.#packets === undefined || Number.isNaN(lookedMs) ? nowMs : lookedMs
      this.#packets = received
      this.#packetsSinceMs = nowMs
      return others.filter(([, { stalled }]) => stalled === 'no_packets').map(([key, watched]) => resumed(key, watched, nowMs))
    }
    return others.flatMap(([key, watched]) => {
      // who has just been opened had nothing to do with the silence before
      const quietMs = askedMs - Math.max(this.#packetsSinceMs, watched.watchedSinceMs)
      if (watched.stalled || quietMs < this.#limits.noPacketsMs) return []
      watched.stalled = 'no_packets'
      return [{ key, stalled: 'no_packets' as const, sinceMs: Math.max(this.#packetsBeforeMs, watched.watchedSinceMs) }]
    })
  }
}

function resumed(key: TrackKey, watched: Watched, nowMs: number): StallChange {
  watched.stalled = null
  watched.lookedMs = nowMs
  return { key, stalled: null, sinceMs: nowMs }
}
