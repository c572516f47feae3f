import type { TrackKey } from '../../../core/ids.js'

/** Which channel may be had: one; later, when one has been silent for long enough; or none. */
export type LeaseOffer = { readonly kind: 'channel'; readonly channel: number } | { readonly kind: 'guarded' } | { readonly kind: 'full' }

interface Channel {
  owner: TrackKey | null
  lastOwner: TrackKey | null
  /** frame from which on it carries zeros; minus infinity where nobody ever was */
  freeFrom: number
}

const GUARDED: LeaseOffer = { kind: 'guarded' }
const FULL: LeaseOffer = { kind: 'full' }

/**
 * Who holds which channel of one session, from which frame on. Pure: time is the session's frame number, and never goes back.
 *
 * ```
 *            take(key)                        release(at)
 *   free  ------------->  held by key  ------------------>  zeros, guarded  -- guardFrames -->  free
 *                                                               | take(key) of the same track: at once
 * ```
 *
 * - **L1** a channel has one owner a frame: it is taken only while nobody holds it;
 * - **L2** a track gets its own last channel back at once, if nobody has had it since;
 * - **L3** anybody else gets the channel that has been free for the longest, and only after `guardFrames` of zeros, so that the
 *   engine ends the old owner's utterance by itself. Silence that the old owner sent does not count: to the engine it may be voice.
 */
export class Leases {
  readonly #channels: Channel[]
  readonly #guardFrames: number

  constructor(channels: number, guardFrames: number) {
    this.#channels = Array.from({ length: channels }, () => ({ owner: null, lastOwner: null, freeFrom: Number.NEGATIVE_INFINITY }))
    this.#guardFrames = guardFrames
  }

  /** channels without an owner, the guarded ones included */
  get free(): number {
    return this.#channels.reduce((sum, channel) => sum + (channel.owner === null ? 1 : 0), 0)
  }

  owner(channel: number): TrackKey | null {
    return this.#channels[channel]?.owner ?? null
  }

  /**
   * Gives the track a channel from frame `at` on.
   * @param reserved free channels that are kept for others
   */
  take(key: TrackKey, at: number, reserved = 0): LeaseOffer {
    if (this.free <= reserved) return FULL
    const own = this.#channels.findIndex((channel) => channel.owner === null && channel.lastOwner === key)
    const channel = own === -1 ? this.#longestFree() : own
    const taken = this.#channels[channel]
    if (taken === undefined) return FULL
    if (own === -1 && at - taken.freeFrom < this.#guardFrames) return GUARDED
    taken.owner = key
    taken.lastOwner = key
    return { kind: 'channel', channel }
  }

  /** The channel is free from frame `at` on; without effect when it is. */
  release(channel: number, at: number): void {
    const held = this.#channels[channel]
    if (held === undefined || held.owner === null) return
    held.owner = null
    held.freeFrom = at
  }

  #longestFree(): number {
    let best = -1
    for (const [index, channel] of this.#channels.entries()) {
      if (channel.owner !== null) continue
      if (best === -1 || channel.freeFrom < (this.#channels[best] as Channel).freeFrom) best = index
    }
    return best
  }
}
