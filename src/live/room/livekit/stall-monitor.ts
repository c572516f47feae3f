import type { RemoteAudioTrack, Room } from '@livekit/rtc-node'
import type { TrackKey } from '../../../core/ids.js'
import type { Clock } from '../../../core/time.js'
import { within } from '../../../core/within.js'
import type { Logger } from '../../../observe/logger.js'
import { type BufferTotals, HeldBack } from './held-back.js'
import { noAnswer } from './library.js'
import { type StallChange, StallWatch, type TrackPackets } from './stall-watch.js'
import { StatsIds, type StatsIdOf } from './stats-ids.js'
import type { RoomTunables } from './tunables.js'

/** An answer that has not come by then is not waited for: its connection may be gone. */
const ANSWER_MS = 10_000

/** What the monitor needs. */
export interface StallMonitorParts {
  readonly room: Pick<Room, 'getRtcStats'>
  readonly statsIdOf: StatsIdOf
  readonly clock: Clock
  readonly logger: Logger
  readonly tunables: RoomTunables
  readonly report: (change: StallChange) => void
}

/**
 * Feeds the StallWatch: looks at frames on a short period, and asks the library for packet counts on a long one (the short one while a track is
 * without), only while a stream is open and never twice at a time.
 */
export class StallMonitor {
  readonly #parts: StallMonitorParts
  readonly #watch: StallWatch
  readonly #heldBack = new HeldBack()
  readonly #ids: StatsIds
  #cancels: (() => void)[] = []
  #checkedMs = 0
  #asking = false
  #paused = false

  constructor(parts: StallMonitorParts) {
    this.#parts = parts
    this.#watch = new StallWatch({ noFramesMs: parts.tunables.noFramesMs, noPacketsMs: parts.tunables.noPacketsMs })
    this.#ids = new StatsIds(parts.statsIdOf, (thrown) => parts.logger.debug({ err: thrown }, 'no statistics of a track'))
  }

  /** ms of sound that were received and not yielded yet, at the last look */
  get heldBackMs(): number {
    return this.#heldBack.ms
  }

  start(): void {
    const { clock, tunables } = this.#parts
    this.#checkedMs = clock.monotonicMs()
    this.#cancels = [
      clock.every(tunables.checkPacketsEveryMs, () => void this.#checkPackets()),
      clock.every(tunables.checkFramesEveryMs, () => this.#checkFrames()),
    ]
  }

  stop(): void {
    for (const cancel of this.#cancels) cancel()
    this.#cancels = []
    this.#paused = true
    this.#ids.stop()
  }

  /** While the connection is restored nothing is expected. */
  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#watch.excuse(this.#parts.clock.monotonicMs())
  }

  /** @param track whose own packets are looked at; absent: it sends none while nothing is to be heard, or is not there */
  opened(key: TrackKey, track?: RemoteAudioTrack): void {
    this.#watch.opened(key, this.#parts.clock.monotonicMs())
    if (track) this.#ids.opened(key, track)
  }

  closed(key: TrackKey): void {
    this.#watch.closed(key)
    this.#ids.closed(key)
  }

  frame(key: TrackKey, nowMs: number): void {
    if (this.#watch.frame(key, nowMs)) this.#parts.report({ key, stalled: null, sinceMs: nowMs })
  }

  #checkFrames(): void {
    const { clock, report } = this.#parts
    const nowMs = clock.monotonicMs()
    // when this process stood still the frames are still queued behind this call
    const late = this.#stoodStill(nowMs)
    this.#checkedMs = nowMs
    if (this.#paused) return
    if (late) this.#watch.excuse(nowMs)
    else this.#watch.checkFrames(nowMs).forEach(report)
    // the end of a gap is looked for more often than its beginning, of which it is known when it was
    if (this.#watch.isWaiting) void this.#checkPackets()
  }

  #stoodStill(nowMs: number): boolean {
    return nowMs - this.#checkedMs > 2 * this.#parts.tunables.checkFramesEveryMs
  }

  async #checkPackets(): Promise<void> {
    const { room, clock, logger, report } = this.#parts
    if (this.#paused || this.#asking || this.#watch.size === 0) return
    this.#asking = true
    this.#ids.seek()
    const askedMs = clock.monotonicMs()
    try {
      const { publisherStats, subscriberStats } = await within(clock, ANSWER_MS, room.getRtcStats(), noAnswer)
      const tracks = inboundAudio([...publisherStats, ...subscriberStats])
      this.#heldBack.look(tracks)
      const nowMs = clock.monotonicMs()
      // packets wait too, or were thrown away, and that is nobody's fault but ours
      if (this.#stoodStill(nowMs)) return this.#watch.excuse(nowMs)
      // no track is known to the statistics yet
      const received = tracks.length > 0 ? tracks.reduce((sum, { packets }) => sum + packets, 0n) : undefined
      if (this.#paused || received === undefined) return
      this.#watch.checkPackets(received, nowMs, this.#ids.pick(tracks), askedMs).forEach(report)
    } catch (thrown) {
      logger.debug({ err: thrown }, 'no packet statistics')
    } finally {
      this.#asking = false
    }
  }
}

type ConnectionStats = Awaited<ReturnType<Room['getRtcStats']>>['subscriberStats']

interface InboundAudio extends BufferTotals, TrackPackets {}

/** With one peer connection for both directions (the library's default, not ours) what is received is listed under the publisher. */
function inboundAudio(stats: ConnectionStats): readonly InboundAudio[] {
  return stats.flatMap(({ stats: entry }) => {
    if (entry.case !== 'inboundRtp' || entry.value.stream?.kind !== 'audio') return []
    const { rtc, received, inbound } = entry.value
    const {
      jitterBufferDelay: seconds = 0,
      jitterBufferEmittedCount = 0n,
      lastPacketReceivedTimestamp: lastMs = Number.NaN,
    } = inbound ?? {}
    // of one clock, the host's: microseconds and milliseconds
    const quietMs = Number(rtc?.timestamp ?? Number.NaN) / 1000 - lastMs
    const id = inbound?.trackIdentifier ?? rtc?.id ?? ''
    return [{ id, packets: received?.packetsReceived ?? 0n, quietMs, seconds, samples: Number(jitterBufferEmittedCount) }]
  })
}
