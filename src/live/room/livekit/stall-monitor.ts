import type { Room } from '@livekit/rtc-node'
import type { TrackKey } from '../../../core/ids.js'
import type { Clock } from '../../../core/time.js'
import type { Logger } from '../../../observe/logger.js'
import { type BufferTotals, HeldBack } from './held-back.js'
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
  readonly #heldBack = new HeldBack()
  #cancels: (() => void)[] = []
  #checkedMs = 0
  #asking = false
  #paused = false

  constructor(parts: StallMonitorParts) {
    this.#parts = parts
    this.#watch = new StallWatch({ noFramesMs: parts.tunables.noFramesMs, noPacketsMs: parts.tunables.noPacketsMs })
  }

  /** ms of sound that were received and not yielded yet, at the last look */
  get heldBackMs(): number {
    return this.#heldBack.ms
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
      const tracks = inboundAudio([...publisherStats, ...subscriberStats])
      this.#heldBack.look(tracks)
      // no track is known to the statistics yet
      const received = tracks.length > 0 ? tracks.reduce((sum, { packets }) => sum + packets, 0n) : undefined
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

interface InboundAudio extends BufferTotals {
  /** received since the peer connection began */
  readonly packets: bigint
}

/** With one peer connection for both directions (the library's default) what is received is listed under the publisher. */
function inboundAudio(stats: ConnectionStats): readonly InboundAudio[] {
  return stats.flatMap(({ stats: entry }) => {
    if (entry.case !== 'inboundRtp' || entry.value.stream?.kind !== 'audio') return []
    const { rtc, received, inbound } = entry.value
    const { jitterBufferDelay: seconds = 0, jitterBufferEmittedCount = 0n } = inbound ?? {}
    return [{ id: rtc?.id ?? '', packets: received?.packetsReceived ?? 0n, seconds, samples: Number(jitterBufferEmittedCount) }]
  })
}
