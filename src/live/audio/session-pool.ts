import type { SessionId } from '../../core/ids.js'
import type { Ledger } from './ledger.js'
import type { Patience } from './patience.js'
import { mayMove } from './pauses.js'
import { MixSession } from './session.js'
import type { AudioSink } from './sink.js'
import type { Track } from './track.js'
import type { AudioTunables } from './tunables.js'

/** The session, or the two while rolling from one to the other; who sits in which; what they send. Rules A2 to A9 of README.md. */
export class SessionPool {
  readonly #tunables: AudioTunables
  readonly #sink: AudioSink
  readonly #ledger: Ledger
  readonly #patience: Patience
  #current: MixSession | null = null
  /** where a roll leads */
  #next: MixSession | null = null

  constructor(tunables: AudioTunables, sink: AudioSink, ledger: Ledger, patience: Patience) {
    this.#tunables = tunables
    this.#sink = sink
    this.#ledger = ledger
    this.#patience = patience
  }

  /**
   * Gives seats to those who have something to say, opening or growing when needed, and says of the others where they stand.
   * @param present tracks that are there, seated or not
   */
  assign(tracks: Iterable<Track>, present: number, nowMs: number): void {
    const wanting: Track[] = []
    for (const track of tracks) {
      if (track.wantsSeat) {
        if (track.wantsSinceMs === Number.POSITIVE_INFINITY) track.wantsSinceMs = nowMs
        wanting.push(track)
      } else if (track.seat === null) {
        track.standing = 'idle'
        track.wantsSinceMs = Number.POSITIVE_INFINITY
      }
    }
    this.#renew(present, nowMs)
    if (wanting.length === 0) return
    wanting.sort((a, b) => a.wantsSinceMs - b.wantsSinceMs)
    const before = this.#next ?? this.#current
    for (const track of wanting) this.#place(track, present, nowMs)
    const after = this.#next ?? this.#current
    if (after !== before) this.#backdate(after)
  }

  /** Sends what is due, moving those who may between blocks of a roll, and ends the session that a roll left empty. */
  send(nowMs: number): void {
    if (this.#next) this.#move(nowMs)
    this.#settle()
    const rolling = this.#next !== null
    if (this.#current) this.#sendDue(this.#current, nowMs)
    if (rolling && this.#next) this.#sendDue(this.#next, nowMs)
    this.#settle()
    this.#current?.flush()
    this.#next?.flush()
  }

  /** Frees the track's seat, if it has one. */
  release(track: Track): void {
    if (track.seat === null) return
    this.#session(track.seat.sessionId)?.vacate(track.seat.channel)
    track.seat = null
  }

  /** The session is dead: everybody moves at once, into the other one or a new one of their own. Unknown ones are no matter. */
  ended(sessionId: SessionId, present: number, nowMs: number): void {
    const dead = this.#session(sessionId)
    if (!dead) return
    dead.flush()
    const moving = dead.holders
    for (const track of moving) track.seat = null
    if (dead === this.#next) {
      this.#next = moving.length === 0 ? null : this.#open(dead.channels, nowMs)
      this.#seatAll(moving, this.#next, nowMs)
      this.#backdate(this.#next)
      return
    }
    this.#current = this.#next
    this.#next = null
    if (this.#current === null && moving.length > 0) {
      this.#current = this.#open(this.#sizeFor(Math.max(present, moving.length)), nowMs)
      this.#seatAll(moving, this.#current, nowMs)
      this.#backdate(this.#current)
    } else this.#seatAll(moving, this.#current, nowMs)
  }

  /** Sends all that waits, at once and whole, also of those without a seat, and finishes every session. */
  drain(tracks: readonly Track[], nowMs: number): void {
    for (const session of [this.#current, this.#next]) if (session) this.#empty(session)
    for (;;) {
      const rest = tracks.filter((track) => track.seat === null && track.queue.voiced > 0)
      if (rest.length === 0) break
      const session = (this.#current ??= this.#open(this.#sizeFor(rest.length), nowMs))
      for (const track of session.holders) this.release(track)
      for (let block = 0; block < this.#tunables.guardBlocks; block++) this.#sendBlock(session, Number.POSITIVE_INFINITY)
      for (const track of rest) session.seat(track, nowMs)
      this.#empty(session)
    }
    for (const session of [this.#current, this.#next]) if (session) this.#finish(session)
    this.#current = null
    this.#next = null
  }

  #session(sessionId: SessionId): MixSession | null {
    return [this.#current, this.#next].find((session) => session?.sessionId === sessionId) ?? null
  }

  #sizeFor(people: number, above = 0): number {
    const { sizes } = this.#tunables
    return sizes.find((size) => size > above && size >= people) ?? (sizes.at(-1) as number)
  }

  #open(channels: number, nowMs: number): MixSession {
    const sessionId = this.#sink.open(channels)
    return new MixSession(sessionId, channels, nowMs, this.#ledger, this.#tunables, (span) => this.#sink.span(span))
  }

  #roll(channels: number, nowMs: number): MixSession {
    this.#next = this.#open(channels, nowMs)
    for (const track of this.#current?.holders ?? []) track.quietestRms = Number.POSITIVE_INFINITY
    return this.#next
  }

  /** What waits already is due at once: the session begins that much earlier. */
  #backdate(session: MixSession | null): void {
    if (session && session.clock.sent === 0) session.clock.shift(-session.mostWaiting)
  }

  /** Rolls a session that grows too old; one where nobody sits ends, and the next sound opens another. */
  #renew(present: number, nowMs: number): void {
    const current = this.#current
    if (current === null || this.#next !== null || nowMs - current.openedMs < this.#tunables.maxSessionMs) return
    const seated = current.holders.length
    if (seated > 0) this.#roll(this.#sizeFor(Math.max(present, seated)), nowMs)
    else {
      this.#finish(current)
      this.#current = null
    }
  }

  #place(track: Track, present: number, nowMs: number): void {
    this.#current ??= this.#open(this.#sizeFor(present), nowMs)
    const max = this.#tunables.sizes.at(-1) as number
    const target = this.#next ?? this.#current
    // those who still have to move keep their places
    const offer = target.seat(track, nowMs, this.#next ? this.#current.holders.length : 0)
    if (offer === 'channel') return
    if (offer === 'full' && this.#next === null && target.channels < max) {
      const grown = this.#roll(this.#sizeFor(present, target.channels), nowMs)
      grown.seat(track, nowMs, this.#current.holders.length)
      return
    }
    track.standing = offer === 'full' && target.channels >= max ? 'crowded' : 'holding'
  }

  #seatAll(tracks: readonly Track[], session: MixSession | null, nowMs: number): void {
    for (const track of tracks) if (session?.seat(track, nowMs) !== 'channel') track.standing = 'holding'
  }

  #move(nowMs: number): void {
    const from = this.#current
    const to = this.#next
    if (!from || !to) return
    for (const track of from.holders) {
      const channel = track.seat?.channel
      if (channel === undefined) continue
      if (!mayMove(track, nowMs - to.openedMs, this.#tunables)) continue
      if (to.seat(track, nowMs) === 'channel') from.vacate(channel)
    }
  }

  /** The roll is over when nobody sits in the old session. */
  #settle(): void {
    if (!this.#current || !this.#next || this.#current.holders.length > 0) return
    this.#finish(this.#current)
    this.#current = this.#next
    this.#next = null
  }

  #sendDue(session: MixSession, nowMs: number): void {
    const { clock } = session
    const { catchUpBlocks, ringBlocks } = this.#tunables
    const behind = clock.behind(nowMs)
    if (behind > ringBlocks) clock.shift(behind - ringBlocks)
    for (let need = Math.min(behind, ringBlocks), sent = 0; need > 0 && sent < catchUpBlocks; need--, sent++) {
      const isReady = session.isReady((track) => this.#patience.isExpected(track, nowMs))
      if (!isReady && !this.#patience.isOverdue(clock.dueMs, nowMs)) return
      this.#sendBlock(session, need)
      if (session !== this.#current || !this.#next) continue
      this.#move(nowMs)
      if (session.holders.length === 0) return
    }
  }

  #sendBlock(session: MixSession, need: number): void {
    this.#sink.block(session.sessionId, session.nextBlock(need), this.#tunables.blockSamples)
  }

  #empty(session: MixSession): void {
    while (session.mostWaiting > 0) this.#sendBlock(session, Number.POSITIVE_INFINITY)
  }

  #finish(session: MixSession): void {
    session.flush()
    this.#sink.finish(session.sessionId)
  }
}
