import { expect } from 'vitest'
import { asIdentity, asSessionId, trackKey, type Identity, type SessionId, type TrackKey } from '../../../../src/core/ids.js'
import { channelOf } from '../../../../src/live/audio/interleave.js'
import { AudioPlane, type AudioPlaneOptions } from '../../../../src/live/audio/plane.js'
import type { AudioSink } from '../../../../src/live/audio/sink.js'
import type { Gap, Span } from '../../../../src/live/audio/span.js'
import type { AudioTunables } from '../../../../src/live/audio/tunables.js'

export const BLOCK = 800

/** What a session was given. */
export interface SunkSession {
  readonly sessionId: SessionId
  readonly channels: number
  readonly blocks: Int16Array[]
  /** of every block, how many of any session were sent before it */
  readonly turns: number[]
  isFinished: boolean
}

/** Keeps everything that an audio plane puts out. */
export class KeepingSink implements AudioSink {
  readonly sessions: SunkSession[] = []
  readonly spans = new Map<string, Span>()
  readonly gaps: Gap[] = []
  /** order of everything, for rules about order */
  readonly log: string[] = []
  #turn = 0

  open(channels: number): SessionId {
    const sessionId = asSessionId(`s${this.sessions.length}`)
    this.sessions.push({ sessionId, channels, blocks: [], turns: [], isFinished: false })
    this.log.push(`open ${sessionId} ${channels}`)
    return sessionId
  }

  block(sessionId: SessionId, interleaved: Int16Array, frames: number): void {
    const session = this.session(sessionId)
    if (session.isFinished) throw new Error(`block after finish of ${sessionId}`)
    if (interleaved.length !== frames * session.channels) throw new Error('block of the wrong size')
    session.blocks.push(interleaved)
    session.turns.push(this.#turn++)
  }

  finish(sessionId: SessionId): void {
    const session = this.session(sessionId)
    if (session.isFinished) throw new Error(`${sessionId} finished twice`)
    session.isFinished = true
    this.log.push(`finish ${sessionId}`)
  }

  span(span: Span): void {
    const key = `${span.sessionId}/${span.channel}/${span.fromFrame}`
    const known = this.spans.get(key)
    if (known && (known.toFrame > span.toFrame || known.identity !== span.identity || known.meetingMs !== span.meetingMs)) {
      throw new Error(`span ${key} was rewritten`)
    }
    this.spans.set(key, span)
  }

  gap(gap: Gap): void {
    this.gaps.push(gap)
  }

  session(sessionId: SessionId): SunkSession {
    const session = this.sessions.find((one) => one.sessionId === sessionId)
    if (!session) throw new Error(`no session ${sessionId}`)
    return session
  }

  /** the live sessions, oldest first */
  get live(): SunkSession[] {
    return this.sessions.filter((session) => !session.isFinished)
  }

  /** First sample of every block of a channel: the tests write a block's number there; 0 where it is silence. */
  marks(sessionId: SessionId, channel: number): number[] {
    const { blocks, channels } = this.session(sessionId)
    return blocks.map((block) => channelOf(block, channel, channels)[0] ?? 0)
  }

  spansOf(identity: string): Span[] {
    return [...this.spans.values()].filter((span) => span.identity === identity)
  }
}

/** A block whose first sample is a mark; voiced blocks are loud, silent ones hold nothing but the mark, small. */
export function block(mark: number, isVoiced: boolean): Int16Array {
  const samples = new Int16Array(BLOCK)
  if (isVoiced) samples.fill(1000)
  samples[0] = mark
  return samples
}

export const keyOf = (name: string): TrackKey => trackKey(asIdentity(name), 'microphone')
export const who = (name: string): Identity => asIdentity(name)

/** A plane, its sink, and a clock that ticks it every 20 ms while people deliver a frame every 50 ms. */
export class RoomOfTracks {
  readonly sink = new KeepingSink()
  readonly plane: AudioPlane
  nowMs: number
  readonly #people = new Map<string, { nextMs: number; speaks: (nowMs: number) => Int16Array | null }>()

  constructor(tunables: Partial<AudioTunables> = {}, meetingStartMs = 0, options: Partial<AudioPlaneOptions> = {}) {
    this.nowMs = meetingStartMs
    this.plane = new AudioPlane({ meetingStartMs, tunables, ...options }, this.sink)
  }

  /** The person delivers what `speaks` returns every 50 ms from now on, `phaseMs` after now first; null delivers nothing. */
  join(name: string, speaks: (nowMs: number) => Int16Array | null, phaseMs = 50): void {
    this.plane.trackStarted({ key: keyOf(name), identity: who(name) }, this.nowMs)
    this.#people.set(name, { nextMs: this.nowMs + phaseMs, speaks })
  }

  /** The person delivers no more; the plane is not told. */
  hush(name: string): void {
    this.#people.delete(name)
  }

  leave(name: string): void {
    this.hush(name)
    this.plane.personLeft(who(name), this.nowMs)
  }

  /** Time passes in steps of 10 ms: frames as they fall due, a tick every 20 ms. */
  run(ms: number): void {
    for (const end = this.nowMs + ms; this.nowMs < end;) {
      this.nowMs += 10
      this.deliver()
      if (this.nowMs % 20 === 0) this.plane.tick(this.nowMs)
    }
  }

  /** Delivers every frame that fell due, all with the present time: what happens after a stall. */
  deliver(): void {
    for (const [name, person] of this.#people) {
      for (; person.nextMs <= this.nowMs; person.nextMs += 50) {
        const samples = person.speaks(person.nextMs)
        if (samples) this.plane.frame(keyOf(name), samples, this.nowMs)
      }
    }
  }
}

/** Speaks all the time, numbering its blocks from `first`. */
export function speaker(first = 1): () => Int16Array {
  let mark = first
  return () => block(mark++, true)
}

/** Delivers silence. */
export const silent = (): Int16Array => new Int16Array(BLOCK)

export const numbers = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index)

/** Speaks in the given stretches of ms, else delivers silence; every block is numbered. */
export function script(first: number, ...stretches: (readonly [number, number])[]): (nowMs: number) => Int16Array {
  let mark = first
  return (nowMs) =>
    block(
      mark++,
      stretches.some(([from, to]) => nowMs > from && nowMs <= to),
    )
}

/** Whoever spoke was sent, all of it. */
export function expectNothingLost(room: RoomOfTracks): void {
  expect(room.sink.gaps).toEqual([])
  for (const row of room.plane.coverageInput()) {
    expect([row.identity, row.sentVoiceMs, row.lostVoiceMs, row.waitingVoiceMs]).toEqual([row.identity, row.heardMs, 0, 0])
  }
}
