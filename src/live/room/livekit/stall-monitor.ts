import type { Room } from '@livekit/rtc-node'
import type { TrackKey } from '../../../core/ids.js'
import type { Clock } from '../../../core/time.js'
import type { Logger } from '../../../observe/logger.js'
import { type StallChange, StallWatch } from './stall-watch.js'
import type { RoomTunables } from './tunables.js'

/** What the monitor needs. */
export interface StallMonitorParts {
  readonly room: Pick<Room, 'getRtcStats'>
  readonly clock: Clock
  readonly logger: Logger
  readonly tunables: RoomTunables
  readonly report: (change: StallChange) => void
}

/**
 * Feeds the StallWatch: looks at frames on a short period, and asks the library for packet counts on a long one,
 * only while a stream is open and never twice at a time.
 */
export class StallMonitor {
  readonly #parts: StallMonitorParts
  readonly #watch: StallWatch
  #cancels: (() => void)[] = []
  #checkedMs = 0
  #asking = false
  #paused = false

  constructor(parts: StallMonitorParts) {
    this.#parts = parts
    this.#watch = new StallWatch({ noFramesMs: parts.tunables.noFramesMs, noPacketsMs: parts.tunables.noPacketsMs })
  }

  start(): void {
    const { clock, tunables } = this.#parts
    this.#checkedMs = clock.monotonicMs()
    this.#cancels = [
      clock.every(tunables.checkFramesEveryMs, () => this.#checkFrames()),
      clock.every(tunables.checkPacketsEveryMs, () => void this.#checkPackets()),
    ]
  }

  stop(): void {
    for (const cancel of this.#cancels) cancel()
    this.#cancels = []
    this.#paused = true
  }

  /** While the connection is restored nothing is expected. */
  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#watch.excuse(this.#parts.clock.monotonicMs())
  }

  opened(key: TrackKey): void {
    this.#watch.opened(key, this.#parts.clock.monotonicMs())
  }

  closed(key: TrackKey): void {
    this.#watch.closed(key)
  }

  frame(key: TrackKey, nowMs: number): void {
    if (this.#watch.frame(key, nowMs)) this.#parts.report({ key, stalled: null, sinceMs: nowMs })
  }

  #checkFrames(): void {
    const { clock, tunables, report } = this.#parts
    const nowMs = clock.monotonicMs()
    // when this process stood still the frames are still queued behind this call
    const late = nowMs - this.#checkedMs > 2 * tunables.checkFramesEveryMs
    this.#checkedMs = nowMs
    if (this.#paused) return
    if (late) this.#watch.excuse(nowMs)
    else this.#watch.checkFrames(nowMs).forEach(report)
  }

  async #checkPackets(): Promise<void> {
    const { room, clock, logger, report } = this.#parts
    if (this.#paused || this.#asking || this.#watch.size === 0) return
    this.#asking = true
    try {
      const { publisherStats, subscriberStats } = await room.getRtcStats()
      const received = receivedAudioPackets([...publisherStats, ...subscriberStats])
      if (this.#paused || received === undefined) return
      this.#watch.checkPackets(received, clock.monotonicMs()).forEach(report)
    } catch (thrown) {
      logger.debug({ err: thrown }, 'no packet statistics')
    } finally {
      this.#asking = false
    }
  }
}

type ConnectionStats = Awaited<ReturnType<Room['getRtcStats']>>['subscriberStats']

/**
 * Packets of audio received since the peer connection began, all tracks together; undefined when no track is known
 * to the statistics yet. With one peer connection for both directions (the library's default) what is received is
 * listed under the publisher.
 */
function receivedAudioPackets(stats: ConnectionStats): bigint | undefined {
  let total: bigint | undefined
  for (const { stats: entry } of stats) {
    if (entry.case === 'inboundRtp' && entry.value.stream?.kind === 'audio') {
      total = (total ?? 0n) + (entry.value.received?.packetsReceived ?? 0n)
    }
  }
  return total
}
