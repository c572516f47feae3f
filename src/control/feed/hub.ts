import { UpstreamError } from '../../core/errors.js'
import type { MeetingId } from '../../core/ids.js'
import type { FeedPosition } from '../../records/port.js'
import { Pump } from './pump.js'
import { LiveChannel, type ChannelParts, type LiveSink } from './channel.js'

/** Readers of one process, at most. */
const MOST_READERS = 5000
const PING_MS = 15_000
/** A channel without readers is kept for those who come back at once. */
const LINGER_MS = 5000

/** The live feeds of this process: a channel for each meeting that somebody reads. */
export class LiveHub {
  readonly #parts: ChannelParts
  readonly #channels = new Map<MeetingId, Promise<LiveChannel>>()
  /** channels without readers, about to be closed */
  readonly #lingering = new Map<MeetingId, () => void>()
  readonly #stopPings: () => void
  readonly #pump: Pump
  #readers = 0
  #isClosed = false

  constructor(parts: ChannelParts) {
    this.#parts = parts
    this.#pump = new Pump(parts.clock)
    this.#stopPings = parts.clock.every(PING_MS, () => {
      for (const channel of this.#channels.values()) channel.then((open) => open.ping()).catch(() => undefined)
    })
  }

  /**
   * Tells a reader everything beyond a place, and goes on.
   * @returns takes the reader away
   * @throws NotFoundError; UpstreamError the store is away, or this process has as many readers as it may
   */
  async read(id: MeetingId, after: FeedPosition, sink: LiveSink): Promise<() => void> {
    if (this.#isClosed) throw new UpstreamError('stopping', 'this process is stopping', { service: 'process', retryable: true })
    if (this.#readers >= MOST_READERS) {
      throw new UpstreamError('too_many_readers', `${MOST_READERS} readers are connected here already`, {
        service: 'process',
        retryable: true,
      })
    }
    this.#readers++
    try {
      const channel = await this.#channel(id)
      const leave = channel.add(this.#pump.sink(sink), after)
      let isGone = false
      return () => {
        if (isGone) return
        isGone = true
        this.#readers--
        leave()
        if (channel.readers === 0) this.#closeLater(id, channel)
      }
    } catch (thrown) {
      this.#readers--
      throw thrown
    }
  }

  /** Ends every stream. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#stopPings()
    for (const cancel of this.#lingering.values()) cancel()
    for (const channel of await Promise.allSettled(this.#channels.values())) if (channel.status === 'fulfilled') channel.value.close()
    this.#channels.clear()
  }

  #channel(id: MeetingId): Promise<LiveChannel> {
    const known = this.#channels.get(id)
    if (known) return known
    const opening = LiveChannel.open(id, this.#parts)
    this.#channels.set(id, opening)
    opening.catch(() => this.#channels.delete(id))
    return opening
  }

  #closeLater(id: MeetingId, channel: LiveChannel): void {
    if (this.#isClosed) return
    this.#lingering.get(id)?.()
    const cancel = this.#parts.clock.after(LINGER_MS, () => {
      this.#lingering.delete(id)
      if (channel.readers > 0) return
      this.#channels.delete(id)
      channel.close()
    })
    this.#lingering.set(id, cancel)
  }
}
