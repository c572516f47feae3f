import type { SessionId } from '../../core/ids.js'
import { interleave } from './interleave.js'
import type { Ledger } from './ledger.js'
import { mayCut, mayDisplace, mayEnd, mayHurry, mayInterrupt, mayTakeOver, spareLead } from './lease/hold.js'
import { Leases, type LeaseOffer } from './lease/leases.js'
import { SampleClock } from './sample-clock.js'
import type { Span } from './span.js'
import { SpanLog } from './span-log.js'
import type { Track } from './track.js'
import { blockMsOf, type AudioTunables } from './tunables.js'

/** Inaudible blocks that may lead in: a sound may rise out of them. */
const LEAD_IN_BLOCKS = 1

/** How many tracks want a channel of a session. */
export interface Demand {
  readonly waiting: number
  /** of them, those that are not noise */
  readonly voices: number
  /** of them, those that have waited for so long that somebody may be interrupted */
  readonly overdue: number
}

/** One STT session as the mixer sees it: leased channels, a clock, and blocks made of what their holders have waiting. */
export class MixSession {
  readonly sessionId: SessionId
  readonly channels: number
  readonly openedMs: number
  readonly clock: SampleClock
  readonly #tunables: AudioTunables
  readonly #blockMs: number
  readonly #ledger: Ledger
  readonly #leases: Leases
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
    this.#leases = new Leases(channels, tunables.guardBlocks * tunables.blockSamples)
    this.#spans = new SpanLog(id, channels, tunables.sampleRate, writeSpan)
    this.#holders = Array.from({ length: channels }, () => null)
    this.#scratch = Array.from({ length: channels }, () => new Int16Array(tunables.blockSamples))
    this.#lines = Array.from({ length: channels }, () => null)
  }

  /** channels that nobody holds, those that still have to be silent for a while included */
  get free(): number {
    return this.#leases.free
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
  seat(track: Track, nowMs: number, reserved = 0): LeaseOffer['kind'] {
    const offer = this.#leases.take(track.key, this.#at, reserved)
    if (offer.kind !== 'channel') return offer.kind
    this.#holders[offer.channel] = track
    track.seat = { sessionId: this.sessionId, channel: offer.channel }
    if (track.wantsSinceMs !== Number.POSITIVE_INFINITY) this.#waited(track, nowMs - track.wantsSinceMs)
    track.wantsSinceMs = Number.POSITIVE_INFINITY
    // what leads in is not cut as a pause: a voice may begin before it is noticed
    track.restartPause()
    track.quietBlocks = 0
    track.isFresh = true
    track.heldBlocks = 0
    track.hurriedBlocks = 0
    track.quietestRms = Number.POSITIVE_INFINITY
    return 'channel'
  }

  /**
   * To be called after a track was seated that has the channel to itself: it was zeros until now, so what is as good as zeros need not
   * lead in, where it would make all that follows late. A session that has sent nothing yet begins that much earlier instead.
   */
  skipInaudible({ queue }: Track): void {
    if (this.clock.sent === 0) return
    for (let inaudible = queue.inaudibleAhead; inaudible > LEAD_IN_BLOCKS; inaudible--) queue.drop()
  }

  /** Frees a channel. The track is not told: it may sit elsewhere already. */
  vacate(channel: number): void {
    this.#holders[channel] = null
    this.#leases.release(channel, this.#at)
  }

  /**
   * Lets go of the channels whose holders have said what they had to say; when others wait, of as many more as they need: those
   * paused the longest, then noise, then those held the longest.
   */
  endHolds(demand: Demand): void {
    const tunables = this.#tunables
    for (const track of this.holders) if (mayEnd(track, tunables)) this.#letGo(track)
    const longestPaused = (a: Track, b: Track) => b.pausedBlocks - a.pausedBlocks
    const longestHeld = (a: Track, b: Track) => b.heldBlocks - a.heldBlocks
    // some channels are kept ready, so that their guards are over when the next one speaks; whoever had one last gets it back at once
    this.#makeRoom(Math.max(tunables.readyChannels, demand.waiting), (track) => mayTakeOver(track, tunables), longestPaused)
    this.#makeRoom(demand.voices, (track) => mayDisplace(track, tunables), longestHeld)
    const isShort = demand.overdue > this.free
    for (const track of this.holders) track.hurriedBlocks = isShort && mayHurry(track, tunables) ? track.hurriedBlocks + 1 : 0
    this.#makeRoom(demand.overdue, (track) => mayInterrupt(track, tunables), longestHeld)
  }

  /** Whether everybody who is expected to deliver has a block. */
  isReady(isExpected: (track: Track) => boolean): boolean {
    return this.#holders.every((track) => track === null || track.queue.length > 0 || !isExpected(track))
  }

  /**
   * Makes the next block: the oldest of every seat, zeros where there is none.
   * @param need blocks that are due, this one included; infinity cuts no pause
   * @param isOwn channels are not leased for voice
   * @returns interleaved, fresh, the caller's
   */
  nextBlock(need: number, isOwn: boolean): Int16Array {
    for (let channel = 0; channel < this.channels; channel++) {
      const track = this.#holders[channel] ?? null
      this.#lines[channel] = track === null ? null : this.#take(track, channel, need, isOwn)
    }
    this.clock.advance()
    const out = new Int16Array(this.channels * this.#tunables.blockSamples)
    interleave(this.#lines, out)
    return out
  }

  /** Tells of new and longer spans. */
  flush(): void {
    this.#spans.flush()
  }

  #makeRoom(wanted: number, may: (track: Track) => boolean, order: (a: Track, b: Track) => number): void {
    const missing = wanted - this.free
    if (missing <= 0) return
    const able = this.holders.filter(may).sort(order)
    for (const track of able.slice(0, missing)) this.#letGo(track)
  }

  #waited(track: Track, waitedMs: number): void {
    this.#ledger.waited(track.identity, waitedMs)
    // a session that has sent nothing begins earlier instead
    if (this.clock.sent === 0) return
    for (let spare = spareLead(track, waitedMs, this.#tunables); spare > 0; spare--) track.queue.drop()
  }

  #letGo(track: Track): void {
    if (track.seat === null) return
    this.vacate(track.seat.channel)
    track.seat = null
  }

  /** frame that the next block begins with */
  get #at(): number {
    return this.clock.sent * this.#tunables.blockSamples
  }

  #take(track: Track, channel: number, need: number, isOwn: boolean): Int16Array | null {
    const queue = track.queue
    track.heldBlocks++
    while (mayCut(track, need, isOwn, this.#tunables)) queue.drop()
    // who has just sat down with less than is due begins late rather than with a hole
    const beginsLater = track.isFresh && queue.length < need && need !== Number.POSITIVE_INFINITY
    if (queue.length === 0 || beginsLater) {
      track.sent('silent')
      track.quietBlocks++
      return null
    }
    track.isFresh = false
    const frames = this.#tunables.blockSamples
    const fromFrame = this.#at
    const { headMs, headRms, headKind } = queue
    const out = this.#scratch[channel] as Int16Array
    track.quietBlocks = queue.silentAhead(1, track.noiseRms) === 0 ? 0 : track.quietBlocks + 1
    queue.read(out)
    track.sent(headKind)
    if (headKind === 'voice') track.quietestRms = Math.min(track.quietestRms, headRms)
    this.#spans.append(channel, fromFrame, frames, track, headMs)
    this.#ledger.sent(track.identity, this.#blockMs)
    if (headKind === 'undecided') track.sentUndecided({ sessionId: this.sessionId, fromFrame })
    if (headKind === 'voice') this.#ledger.sentVoice(track.identity, this.#blockMs, this.sessionId, fromFrame, frames)
    return out
  }
}
