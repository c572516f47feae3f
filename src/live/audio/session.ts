import type { SessionId } from '../../core/ids.js'
import { interleave } from './interleave.js'
import type { Ledger } from './ledger.js'
import { mayCut } from './pauses.js'
import { SampleClock } from './sample-clock.js'
import { Seats, type SeatOffer } from './seats.js'
import type { Span } from './span.js'
import { SpanLog } from './span-log.js'
import type { Track } from './track.js'
import { blockMsOf, type AudioTunables } from './tunables.js'

/** One STT session as the mixer sees it: seats, a clock, and blocks made of what the seated tracks have waiting. */
export class MixSession {
  readonly sessionId: SessionId
  readonly channels: number
  readonly openedMs: number
  readonly clock: SampleClock
  readonly #tunables: AudioTunables
  readonly #blockMs: number
  readonly #ledger: Ledger
  readonly #seats: Seats
  readonly #spans: SpanLog
  readonly #holders: (Track | null)[]
  readonly #scratch: readonly Int16Array[]
  readonly #lines: (Int16Array | null)[]

  constructor(id: SessionId, channels: number, openedMs: number, ledger: Ledger, tunables: AudioTunables, writeSpan: (span: Span) => void) {
    this.sessionId = id
    this.channels = channels
    this.openedMs = openedMs
    this.#tunables = tunables
    this.#blockMs = blockMsOf(tunables)
    this.clock = new SampleClock(openedMs, this.#blockMs)
    this.#ledger = ledger
    this.#seats = new Seats(channels, tunables.guardBlocks)
    this.#spans = new SpanLog(id, channels, tunables.sampleRate, writeSpan)
    this.#holders = Array.from({ length: channels }, () => null)
    this.#scratch = Array.from({ length: channels }, () => new Int16Array(tunables.blockSamples))
    this.#lines = Array.from({ length: channels }, () => null)
  }

  /** who sits here, in the order of channels */
  get holders(): Track[] {
    return this.#holders.filter((track) => track !== null)
  }

  /** blocks that wait for this session, of the track that has most */
  get mostWaiting(): number {
    return this.#holders.reduce((most, track) => Math.max(most, track?.queue.length ?? 0), 0)
  }

  /** Seats the track here; where it sat before is to be vacated by the caller. */
  seat(track: Track, nowMs: number, reserved = 0): SeatOffer['kind'] {
    const offer = this.#seats.take(track.key, reserved)
    if (offer.kind !== 'channel') return offer.kind
    this.#holders[offer.channel] = track
    track.seat = { sessionId: this.sessionId, channel: offer.channel }
    track.standing = 'idle'
    if (track.wantsSinceMs !== Number.POSITIVE_INFINITY) this.#ledger.waited(track.identity, nowMs - track.wantsSinceMs)
    track.wantsSinceMs = Number.POSITIVE_INFINITY
    // the channel was silent until now: what leads in may be cut to the spare blocks
    track.pausedBlocks = this.#tunables.pauseBlocks
    track.isFresh = true
    return 'channel'
  }

  /** Frees a channel. The track is not told: it may sit elsewhere already. */
  vacate(channel: number): void {
    this.#holders[channel] = null
    this.#seats.release(channel)
  }

  /** Whether everybody who is expected to deliver has a block. */
  isReady(isExpected: (track: Track) => boolean): boolean {
    return this.#holders.every((track) => track === null || track.queue.length > 0 || !isExpected(track))
  }

  /**
   * Makes the next block: the oldest of every seat, zeros where there is none.
   * @param need blocks that are due, this one included; infinity cuts no pause
   * @returns interleaved, fresh, the caller's
   */
  nextBlock(need: number): Int16Array {
    for (let channel = 0; channel < this.channels; channel++) {
      const track = this.#holders[channel] ?? null
      this.#lines[channel] = track === null ? null : this.#take(track, channel, need)
    }
    this.#seats.blockSent()
    this.clock.advance()
    const out = new Int16Array(this.channels * this.#tunables.blockSamples)
    interleave(this.#lines, out)
    return out
  }

  /** Tells of new and longer spans. */
  flush(): void {
    this.#spans.flush()
  }

  #take(track: Track, channel: number, need: number): Int16Array | null {
    const queue = track.queue
    while (mayCut(track, need, this.#tunables)) queue.drop()
    // who has just sat down with less than is due begins late rather than with a hole
    const beginsLater = track.isFresh && queue.length < need && need !== Number.POSITIVE_INFINITY
    if (queue.length === 0 || beginsLater) {
      track.pausedBlocks++
      return null
    }
    track.isFresh = false
    const frames = this.#tunables.blockSamples
    const fromFrame = this.clock.sent * frames
    const { headMs, headRms, headVoiced } = queue
    const out = this.#scratch[channel] as Int16Array
    queue.read(out)
    track.pausedBlocks = headVoiced ? 0 : track.pausedBlocks + 1
    track.quietestRms = Math.min(track.quietestRms, headRms)
    this.#spans.append(channel, fromFrame, frames, track, headMs)
    this.#ledger.sent(track.identity, this.#blockMs)
    if (headVoiced) this.#ledger.sentVoice(track.identity, this.#blockMs, this.sessionId, fromFrame, frames)
    return out
  }
}
