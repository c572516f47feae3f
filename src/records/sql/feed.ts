import { toError } from '../../core/errors.js'
import type { MeetingId } from '../../core/ids.js'
import type { Scope } from '../../core/scope.js'
import type { Logger } from '../../observe/logger.js'
import type { FeedEvent, MeetingRecord, StoredSegment } from '../port.js'
import type { NumberedGap } from './transcript-rows.js'

/** What the feed reads when it was not told everything. */
export interface FeedSource {
  position(id: MeetingId): Promise<{ seq: number; gap: number }>
  segments(id: MeetingId, afterSeq: number, limit: number): Promise<readonly StoredSegment[]>
  numberedGaps(id: MeetingId, afterN: number): Promise<readonly NumberedGap[]>
  meeting(id: MeetingId): Promise<MeetingRecord>
}

/** Segments read at a time when a feed catches up. */
const PAGE = 200

interface Channel {
  readonly listeners: Set<(event: FeedEvent) => void>
  /** numbers up to which everything was told; undefined until read */
  position: { seq: number; gap: number } | undefined
  /** the lowest numbers that were announced before the position was read: those must be told */
  floor: { seq: number; gap: number }
  isReading: boolean
  /** announced while reading: read once more */
  isStale: boolean
  mustTellState: boolean
}

/**
 * Tells the subscribers of a meeting what was stored since they subscribed, each segment once and in order of `seq`.
 * F1 what this process wrote is told from memory when it is next in order. F2 anything else (another process wrote, two
 * writes of ours came back in the wrong order, notifications were lost) makes one read of what follows the last number
 * told; announcements during a read cause one more read, never a queue of them. F3 a listener that throws harms nobody.
 */
export class Feed {
  readonly #source: FeedSource
  readonly #scope: Scope
  readonly #logger: Logger
  readonly #channels = new Map<string, Channel>()

  constructor(source: FeedSource, scope: Scope, logger: Logger) {
    this.#source = source
    this.#scope = scope
    this.#logger = logger
  }

  /** Subscribes; everything stored after this call is told. */
  subscribe(id: MeetingId, listener: (event: FeedEvent) => void): () => void {
    const channel = this.#channels.get(id) ?? this.#open(id)
    // a listener twice is two subscriptions
    const own = (event: FeedEvent) => listener(event)
    channel.listeners.add(own)
    return () => {
      channel.listeners.delete(own)
      if (channel.listeners.size === 0 && this.#channels.get(id) === channel) this.#channels.delete(id)
    }
  }

  /** This process stored these. */
  stored(id: MeetingId, segments: readonly StoredSegment[]): void {
    const channel = this.#channels.get(id)
    const first = segments[0]
    if (!channel || !first) return
    if (channel.position && !channel.isReading && first.seq === channel.position.seq + 1) this.#tellSegments(channel, segments)
    else this.announced(id, { seq: first.seq })
  }

  /** This process stored these. */
  storedGaps(id: MeetingId, gaps: readonly NumberedGap[]): void {
    const channel = this.#channels.get(id)
    const first = gaps[0]
    if (!channel || !first) return
    if (channel.position && !channel.isReading) this.#tellGaps(channel, gaps)
    else this.announced(id, { gap: first.n })
  }

  /** The state was written by this process. */
  state(id: MeetingId, state: MeetingRecord['state'], reason: MeetingRecord['reason']): void {
    const channel = this.#channels.get(id)
    if (channel) this.#tell(channel, { kind: 'state', state, reason })
  }

  /** Somebody stored something: numbers from `seq` or `gap` on, or a state. */
  announced(id: MeetingId, what: { seq?: number; gap?: number; state?: boolean }): void {
    const channel = this.#channels.get(id)
    if (!channel) return
    if (what.seq !== undefined) channel.floor.seq = Math.min(channel.floor.seq, what.seq - 1)
    if (what.gap !== undefined) channel.floor.gap = Math.min(channel.floor.gap, what.gap - 1)
    if (what.state) channel.mustTellState = true
    this.#read(id, channel)
  }

  /** Announcements may have been lost: looks at every meeting that has subscribers. */
  lost(): void {
    for (const [id, channel] of this.#channels) {
      channel.mustTellState = true
      this.#read(id as MeetingId, channel)
    }
  }

  /** Forgets every subscription. */
  clear(): void {
    this.#channels.clear()
  }

  #open(id: MeetingId): Channel {
    const channel: Channel = {
      listeners: new Set(),
      position: undefined,
      floor: { seq: Number.POSITIVE_INFINITY, gap: Number.POSITIVE_INFINITY },
      isReading: false,
      isStale: false,
      mustTellState: false,
    }
    this.#channels.set(id, channel)
    this.#read(id, channel)
    return channel
  }

  #read(id: MeetingId, channel: Channel): void {
    channel.isStale = true
    if (channel.isReading || this.#scope.signal.aborted) return
    channel.isReading = true
    this.#scope.run('feed', async () => {
      try {
        while (channel.isStale && this.#channels.get(id) === channel && !this.#scope.signal.aborted) {
          channel.isStale = false
          await this.#catchUp(id, channel)
        }
      } catch (thrown) {
        // the next announcement, or the listener's reconnect, reads from the same place
        this.#logger.warn({ meeting: id, err: toError(thrown) }, 'live feed could not read')
      } finally {
        channel.isReading = false
      }
    })
  }

  async #catchUp(id: MeetingId, channel: Channel): Promise<void> {
    if (!channel.position) {
      const stored = await this.#source.position(id)
      channel.position = { seq: Math.min(stored.seq, channel.floor.seq), gap: Math.min(stored.gap, channel.floor.gap) }
    }
    for (;;) {
      const segments = await this.#source.segments(id, channel.position.seq, PAGE)
      this.#tellSegments(channel, segments)
      if (segments.length < PAGE) break
    }
    this.#tellGaps(channel, await this.#source.numberedGaps(id, channel.position.gap))
    if (channel.mustTellState) {
      channel.mustTellState = false
      const { state, reason } = await this.#source.meeting(id)
      this.#tell(channel, { kind: 'state', state, reason })
    }
  }

  #tellSegments(channel: Channel, segments: readonly StoredSegment[]): void {
    for (const segment of segments) {
      if (!channel.position || segment.seq <= channel.position.seq) continue
      channel.position.seq = segment.seq
      this.#tell(channel, { kind: 'segment', segment })
    }
  }

  #tellGaps(channel: Channel, gaps: readonly NumberedGap[]): void {
    for (const { n, gap } of gaps) {
      if (!channel.position || n <= channel.position.gap) continue
      channel.position.gap = n
      this.#tell(channel, { kind: 'gap', gap })
    }
  }

  #tell(channel: Channel, event: FeedEvent): void {
    for (const listener of channel.listeners) {
      try {
        listener(event)
      } catch (thrown) {
        this.#logger.error({ err: toError(thrown), event: event.kind }, 'live feed listener failed')
      }
    }
  }
}
