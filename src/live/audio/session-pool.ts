import type { SessionId } from '../../core/ids.js'
import { mayMove } from './lease/hold.js'
import type { Sizing } from './lease/sizing.js'
import type { Ledger } from './ledger.js'
import type { Patience } from './patience.js'
import { MixSession, type Demand } from './session.js'
import type { AudioSink } from './sink.js'
import type { Track } from './track.js'
import type { AudioTunables } from './tunables.js'

/** The people of one moment, as far as channels are concerned. */
interface Crowd {
  /** who may want a channel */
  readonly people: number
  /** of them, those who have spoken */
  readonly speakers: number
  /** whose speech is being sent or waits */
  readonly speaking: number
}

const NOBODY: Crowd = { people: 0, speakers: 0, speaking: 0 }

/** The session, or the two while rolling from one to the other; who holds which channel; what they send. Rules A2 to A10 of README.md. */
export class SessionPool {
  readonly #tunables: AudioTunables
  readonly #sink: AudioSink
  readonly #ledger: Ledger
  readonly #patience: Patience
  readonly #sizing: Sizing
  #current: MixSession | null = null
  /** where a roll leads */
  #next: MixSession | null = null
  #crowd = NOBODY
  /** when anybody was last heard to speak, monotonic clock, those who have left since included */
  #lastVoiceMs = Number.NEGATIVE_INFINITY
  /** those who want a channel, in the order of service */
  #waiting: Track[] = []
  /** closed for want of speech: the next one opens for a voice, not for a sound */
  #isToRenew = false
  #isResting = false
  /** nobody is going to speak for long */
  #isToRest = false

  constructor(tunables: AudioTunables, sink: AudioSink, ledger: Ledger, patience: Patience, sizing: Sizing) {
    this.#tunables = tunables
    this.#sink = sink
    this.#ledger = ledger
    this.#patience = patience
    this.#sizing = sizing
  }

  /** Looks at everybody once: who wants a channel, and whether the session is to be opened, grown, shrunk, renewed or closed. */
  assign(tracks: Iterable<Track>, nowMs: number): void {
    const all = [...tracks]
    this.#crowd = this.#count(all)
    this.#waiting = this.#queue(all, nowMs)
    this.#rest(nowMs)
    this.#renew(nowMs)
    this.#shrink(nowMs)
    this.#grant(nowMs)
  }

  /** Sends what is due, changing owners between blocks, and ends the session that a roll left empty. */
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

  /** Frees the track's channel, if it has one. */
  release(track: Track): void {
    if (track.seat === null) return
    this.#session(track.seat.sessionId)?.vacate(track.seat.channel)
    track.seat = null
  }

  /** The session is dead: everybody moves at once, into the other one or a new one of their own. Unknown ones are no matter. */
  ended(sessionId: SessionId, nowMs: number): void {
    const dead = this.#session(sessionId)
    if (!dead) return
    dead.flush()
    const moving = dead.holders
    for (const track of moving) track.seat = null
    if (dead === this.#current) {
      this.#current = this.#next
      this.#next = null
      if (this.#current !== null || moving.length === 0) return this.#seatAll(moving, this.#current, nowMs)
      this.#current = this.#open(dead.channels, nowMs)
      this.#seatAll(moving, this.#current, nowMs)
      this.#backdate(this.#current)
      return
    }
    this.#next = moving.length === 0 ? null : this.#open(dead.channels, nowMs)
    this.#seatAll(moving, this.#next, nowMs)
    this.#backdate(this.#next)
  }

  /** Sends all that waits, at once and whole, also of those without a channel, and finishes every session. */
  drain(tracks: readonly Track[], nowMs: number): void {
    for (const session of [this.#current, this.#next]) if (session) this.#empty(session)
    for (;;) {
      const rest = tracks.filter((track) => track.wantsSeat)
      if (rest.length === 0) break
      const session = this.#target ?? (this.#current = this.#open(this.#sizing.first(rest.length), nowMs))
      for (const track of session.holders) this.release(track)
      for (let block = 0; block < this.#tunables.guardBlocks; block++) this.#sendBlock(session, Number.POSITIVE_INFINITY)
      for (const track of rest) session.seat(track, nowMs)
      this.#empty(session)
    }
    for (const session of [this.#current, this.#next]) if (session) this.#finish(session)
    this.#current = null
    this.#next = null
  }

  #count(tracks: readonly Track[]): Crowd {
    let people = 0
    let speakers = 0
    let speaking = 0
    for (const track of tracks) {
      this.#lastVoiceMs = Math.max(this.#lastVoiceMs, track.lastVoiceMs)
      const isSpeaking = track.queue.voiced > 0 || (track.seat !== null && track.pausedBlocks < this.#tunables.hangoverBlocks)
      if (isSpeaking) speaking++
      if (track.isLeaving) continue
      people++
      if (track.hasSpoken) speakers++
    }
    return { people, speakers, speaking }
  }

  /** everybody can have a channel */
  get #isRoomy(): boolean {
    return !this.#isResting && this.#crowd.people <= this.#sizing.room(this.#target?.channels ?? 0)
  }

  /** Speech wants a channel; where everybody can have one, so does every sound. First come, first served, noise last. */
  #queue(tracks: readonly Track[], nowMs: number): Track[] {
    const isRoomy = this.#isRoomy
    const waiting = tracks.filter((track) => {
      const wants = track.wantsSeat || (isRoomy && track.isAudible)
      if (!wants) track.wantsSinceMs = Number.POSITIVE_INFINITY
      else if (track.wantsSinceMs === Number.POSITIVE_INFINITY) track.wantsSinceMs = nowMs
      return wants
    })
    return waiting.sort((a, b) => Number(a.isNoisy) - Number(b.isNoisy) || a.wantsSinceMs - b.wantsSinceMs)
  }

  /** where new ones go */
  get #target(): MixSession | null {
    return this.#next ?? this.#current
  }

  /** somebody waits for whom there is no channel, not even one that has to be silent first */
  get #isContested(): boolean {
    return this.#waiting.length > (this.#target?.free ?? 0)
  }

  /** channels are let go of when the holder pauses: there are more people than channels, and all have been taken */
  get #isShared(): boolean {
    const channels = this.#target?.channels ?? 0
    return (this.#crowd.people > this.#sizing.room(channels) && this.#crowd.speakers >= channels) || this.#isContested
  }

  #session(sessionId: SessionId): MixSession | null {
    return [this.#current, this.#next].find((session) => session?.sessionId === sessionId) ?? null
  }

  #open(channels: number, nowMs: number): MixSession {
    this.#isResting = false
    this.#isToRenew = false
    this.#sizing.rolled(nowMs)
    const sessionId = this.#sink.open(channels)
    return new MixSession(sessionId, channels, nowMs, this.#ledger, this.#tunables, (span) => this.#sink.span(span))
  }

  #roll(channels: number, nowMs: number): void {
    this.#next = this.#open(channels, nowMs)
    for (const track of this.#current?.holders ?? []) track.quietestRms = Number.POSITIVE_INFINITY
  }

  /** What waits already is due at once: the session begins that much earlier. */
  #backdate(session: MixSession | null): void {
    if (session && session.clock.sent === 0) session.clock.shift(-session.mostWaiting)
  }

  /** The session is closed when nothing waits, as after a long silence; one that is opened for what still waits, too. */
  rest(isResting: boolean): void {
    this.#isToRest = isResting
  }

  /** Silence is billed too: a session in which nobody has spoken for long is closed, once what was said before has been sent. */
  #rest(nowMs: number): void {
    if (this.#current === null || this.#next !== null) return
    const { idleCloseMs } = this.#tunables
    const isIdle = nowMs - Math.max(this.#lastVoiceMs, this.#current.openedMs) >= idleCloseMs && this.#crowd.speaking === 0
    const isQuiet = this.#isToRest && this.#current.mostWaiting === 0 && this.#waiting.length === 0
    if (!isQuiet && !isIdle) return
    for (const track of this.#current.holders) this.release(track)
    this.#finish(this.#current)
    this.#current = null
    this.#isResting = true
    this.#waiting = this.#waiting.filter((track) => track.wantsSeat)
  }

  /** The present session is rolled when that may be: another service is to be had. */
  renew(): void {
    this.#isToRenew = this.#current !== null
  }

  /** Rolls a session that grows too old; one where nobody sits ends, and the next speech opens another. */
  #renew(nowMs: number): void {
    const current = this.#current
    if (current === null || this.#next !== null || (!this.#isToRenew && nowMs - current.openedMs < this.#tunables.maxSessionMs)) return
    this.#isToRenew = false
    if (current.holders.length > 0) this.#roll(current.channels, nowMs)
    else {
      this.#finish(current)
      this.#current = null
    }
  }

  #shrink(nowMs: number): void {
    if (this.#current === null || this.#next !== null) return
    const channels = this.#sizing.shrunk(this.#current.channels, this.#crowd.speaking, nowMs)
    if (channels !== null) this.#roll(channels, nowMs)
  }

  /** Gives channels to those who wait, in their order, opening or growing the session when need be. */
  #grant(nowMs: number): void {
    const before = this.#target
    let guarded = 0
    for (const track of this.#waiting) {
      this.#current ??= this.#open(this.#sizing.first(this.#crowd.people), nowMs)
      const offer = this.#target?.seat(track, nowMs, guarded) ?? 'full'
      if (offer === 'channel' && this.#isRoomy) this.#target?.skipInaudible(track)
      // a channel that is being silent for one is not for those behind
      if (offer === 'guarded') guarded++
      if (offer !== 'full' || this.#next !== null) continue
      const channels = this.#sizing.grown(this.#current.channels, this.#crowd.people, nowMs - track.wantsSinceMs)
      if (channels === null) continue
      this.#roll(channels, nowMs)
      this.#target?.seat(track, nowMs)
    }
    this.#waiting = this.#waiting.filter((track) => track.seat === null)
    if (this.#target !== before) this.#backdate(this.#target)
  }

  #seatAll(tracks: readonly Track[], session: MixSession | null, nowMs: number): void {
    for (const track of tracks) session?.seat(track, nowMs)
  }

  #move(nowMs: number): void {
    const from = this.#current
    const to = this.#next
    if (!from || !to) return
    for (const track of from.holders) {
      const channel = track.seat?.channel
      const rollMs = nowMs - to.openedMs
      if (channel === undefined || !mayMove(track, rollMs, this.#tunables)) continue
      const mayLetGo = track.queue.voiced === 0 || rollMs >= this.#tunables.holdLimitMs
      const offer = this.#isShared && mayLetGo ? 'full' : to.seat(track, nowMs)
      if (offer === 'channel') from.vacate(channel)
      // a smaller session has no channel for everybody who sits in the old one
      else if (offer === 'full' && mayLetGo) this.release(track)
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
      if (session === this.#current && this.#next) {
        this.#move(nowMs)
        if (session.holders.length === 0) return
      } else this.#pass(session, nowMs)
    }
  }

  /** Between two blocks: whoever has finished lets go, and whoever waits comes next. */
  #pass(session: MixSession, nowMs: number): void {
    if (this.#isShared) session.endHolds(this.#demand(nowMs))
    if (this.#waiting.length > 0) this.#grant(nowMs)
  }

  #demand(nowMs: number): Demand {
    const { patienceMs } = this.#tunables
    const overdue = this.#waiting.filter((track) => nowMs - track.wantsSinceMs >= patienceMs).length
    return { waiting: this.#waiting.length, voices: this.#waiting.filter((track) => !track.isNoisy).length, overdue }
  }

  #sendBlock(session: MixSession, need: number): void {
    this.#sink.block(session.sessionId, session.nextBlock(need, !this.#isShared), this.#tunables.blockSamples)
  }

  #empty(session: MixSession): void {
    while (session.mostWaiting > 0) this.#sendBlock(session, Number.POSITIVE_INFINITY)
  }

  #finish(session: MixSession): void {
    session.flush()
    this.#sink.finish(session.sessionId)
  }
}
