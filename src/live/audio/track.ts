import type { Identity, SessionId, TrackKey } from '../../core/ids.js'
import { BlockQueue } from './block-queue.js'
import { TrackClock } from './track-clock.js'
import type { AudioTunables } from './tunables.js'

/** Why an unseated track waits: nothing to hear; a seat comes (the ring holds); there are more people than channels (it does not). */
export type Standing = 'idle' | 'holding' | 'crowded'

/** One track while it is known: its ring, its clock, and where it sits. */
export class Track {
  readonly key: TrackKey
  readonly identity: Identity
  readonly queue: BlockQueue
  readonly clock: TrackClock
  /** frames were said to have stopped although the track is not muted */
  isStalled = false
  /** gone for good: the seat is freed when the ring is empty */
  isLeaving = false
  /** meeting time since which frames are missing, until the next one comes */
  missingSinceMs: number | null = null
  /** since when frames may come, monotonic clock; NaN while they may not */
  liveSinceMs: number
  /** monotonic clock */
  lastArrivedMs = Number.NEGATIVE_INFINITY
  /** when it last asked for a seat for the first time, monotonic clock */
  wantsSinceMs = Number.POSITIVE_INFINITY
  seat: { readonly sessionId: SessionId; readonly channel: number } | null = null
  standing: Standing = 'idle'
  /** nothing of it has been sent from its seat yet */
  isFresh = true
  /** blocks without voice that were sent since the last one with */
  pausedBlocks = 0
  /** loudness of the quietest block sent since the roll began */
  quietestRms = Number.POSITIVE_INFINITY

  constructor(key: TrackKey, identity: Identity, meetingStartMs: number, nowMs: number, tunables: AudioTunables) {
    this.liveSinceMs = nowMs
    this.key = key
    this.identity = identity
    this.queue = new BlockQueue(tunables.ringBlocks, tunables.blockSamples)
    this.clock = new TrackClock(meetingStartMs, tunables.sampleRate, tunables.lostMs)
  }

  /** frames may come */
  get isLive(): boolean {
    return !Number.isNaN(this.liveSinceMs)
  }

  /** whether there is something to hear and nowhere to send it */
  get wantsSeat(): boolean {
    return this.seat === null && this.queue.audible > 0
  }

  /** blocks that its ring may hold where it stands */
  limit(tunables: AudioTunables): number {
    if (this.seat !== null || this.standing === 'holding') return tunables.ringBlocks
    // between ticks nothing audible is dropped: the next one says where the track stands
    return this.standing === 'idle' && this.queue.audible > 0 ? tunables.ringBlocks : tunables.preRollBlocks
  }
}
