import type { TrackKey } from '../../core/ids.js'

/** Where a track may sit: a channel; later, when a channel has been silent long enough; or nowhere. */
export type SeatOffer = { readonly kind: 'channel'; readonly channel: number } | { readonly kind: 'guarded' } | { readonly kind: 'full' }

interface Channel {
  owner: TrackKey | null
  lastOwner: TrackKey | null
  /** blocks of zeros since it became free; infinite when nobody ever sat there */
  idleBlocks: number
}

const GUARDED: SeatOffer = { kind: 'guarded' }
const FULL: SeatOffer = { kind: 'full' }

/**
 * Who sits on which channel of one session: one owner a channel until it is let go. Pure policy; leasing replaces it.
 * A track comes back to its old channel when that is free; else it gets the channel that has been free the longest, and only after
 * `guardBlocks` of zeros, so that the engine ends the old owner's utterance first.
 */
export class Seats {
  readonly #channels: Channel[]
  readonly #guardBlocks: number

  constructor(channels: number, guardBlocks: number) {
    this.#channels = Array.from({ length: channels }, () => ({ owner: null, lastOwner: null, idleBlocks: Number.POSITIVE_INFINITY }))
    this.#guardBlocks = guardBlocks
  }

  /** channels without an owner, the guarded ones included */
  get free(): number {
    return this.#channels.reduce((sum, channel) => sum + (channel.owner === null ? 1 : 0), 0)
  }

  owner(channel: number): TrackKey | null {
    return this.#channels[channel]?.owner ?? null
  }

  /**
   * Seats a track.
   * @param reserved free channels that are kept for others
   */
  take(key: TrackKey, reserved = 0): SeatOffer {
    if (this.free <= reserved) return FULL
    const own = this.#channels.findIndex((channel) => channel.owner === null && channel.lastOwner === key)
    const channel = own === -1 ? this.#longestIdle() : own
    const seat = this.#channels[channel]
    if (seat === undefined) return FULL
    if (own === -1 && seat.idleBlocks < this.#guardBlocks) return GUARDED
    seat.owner = key
    seat.lastOwner = key
    seat.idleBlocks = 0
    return { kind: 'channel', channel }
  }

  /** Frees a channel; its zeros are counted from now on. */
  release(channel: number): void {
    const seat = this.#channels[channel]
    if (seat === undefined || seat.owner === null) return
    seat.owner = null
    seat.idleBlocks = 0
  }

  /** A block was sent: free channels were zeros for its length. */
  blockSent(): void {
    for (const channel of this.#channels) if (channel.owner === null) channel.idleBlocks++
  }

  #longestIdle(): number {
    let best = -1
    let idle = -1
    for (const [index, channel] of this.#channels.entries()) {
      if (channel.owner !== null || channel.idleBlocks <= idle) continue
      best = index
      idle = channel.idleBlocks
    }
    return best
  }
}
