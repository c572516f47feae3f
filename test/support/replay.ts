import { asIdentity, asSessionId, trackKey, type SessionId } from '../../src/core/ids.js'
import { AudioPlane, type AudioPlaneOptions } from '../../src/live/audio/plane.js'
import type { AudioCounters } from '../../src/live/audio/ledger.js'
import type { AudioSink } from '../../src/live/audio/sink.js'
import type { Gap, Span } from '../../src/live/audio/span.js'
import { blockOf, BLOCK_MS, CrowdAudio, personOf, readStamp, sumOf, type CrowdAudioOptions } from './crowd-audio.js'
import type { Meeting } from './turns.js'

const STEP_MS = 10
const TICK_MS = 20

/** What one session was given: stamps instead of samples. */
export class RecordedSession {
  readonly sessionId: SessionId
  readonly channels: number
  readonly openedMs: number
  /** whether another one was open then: this one is a roll */
  readonly isRoll: boolean
  finishedMs = Number.NaN
  blocks = 0
  /** [block x channels + channel]: whose block, 0 where there were zeros */
  stamps = new Int32Array(4096)
  /** when each block was sent */
  sentMs = new Float64Array(1024)

  constructor(sessionId: SessionId, channels: number, openedMs: number, isRoll: boolean) {
    this.sessionId = sessionId
    this.channels = channels
    this.openedMs = openedMs
    this.isRoll = isRoll
  }

  stamp(block: number, channel: number): number {
    return this.stamps[block * this.channels + channel] ?? 0
  }

  /** Adds a block whose stamps are filled in by the caller from the index returned on. */
  grow(nowMs: number): number {
    const from = this.blocks * this.channels
    if (from + this.channels > this.stamps.length) this.stamps = grown(this.stamps, new Int32Array(2 * this.stamps.length))
    if (this.blocks === this.sentMs.length) this.sentMs = grown(this.sentMs, new Float64Array(2 * this.sentMs.length))
    this.sentMs[this.blocks++] = nowMs
    return from
  }
}

function grown<Numbers extends Int32Array | Float64Array>(from: Numbers, to: Numbers): Numbers {
  to.set(from)
  return to
}

/** Keeps what an audio plane puts out as stamps, and checks each block against the one that was made. */
export class RecordingSink implements AudioSink {
  readonly sessions: RecordedSession[] = []
  readonly spans = new Map<string, Span>()
  readonly gaps: Gap[] = []
  /** blocks that are not what was made, sample by sample */
  damaged = 0
  /** blocks of a wrong size or of a session that is over */
  misplaced = 0
  nowMs = 0
  readonly #audio: CrowdAudio

  constructor(audio: CrowdAudio) {
    this.#audio = audio
  }

  open(channels: number): SessionId {
    const sessionId = asSessionId(`s${this.sessions.length}`)
    const isRoll = this.sessions.some((session) => Number.isNaN(session.finishedMs))
    this.sessions.push(new RecordedSession(sessionId, channels, this.nowMs, isRoll))
    return sessionId
  }

  block(sessionId: SessionId, interleaved: Int16Array, frames: number): void {
    const session = this.#session(sessionId)
    if (
      !session ||
      frames !== this.#audio.blockSamples ||
      interleaved.length !== frames * session.channels ||
      !Number.isNaN(session.finishedMs)
    ) {
      this.misplaced++
      return
    }
    const from = session.grow(this.nowMs)
    for (let channel = 0; channel < session.channels; channel++) {
      const stamp = readStamp(interleaved, channel, session.channels)
      session.stamps[from + channel] = stamp
      const expected = stamp === 0 ? 0 : this.#audio.sums[personOf(stamp)]?.[blockOf(stamp)]
      if (sumOf(interleaved, channel, session.channels) !== expected) this.damaged++
    }
  }

  finish(sessionId: SessionId): void {
    const session = this.#session(sessionId)
    if (!session || !Number.isNaN(session.finishedMs)) this.misplaced++
    else session.finishedMs = this.nowMs
  }

  span(span: Span): void {
    this.spans.set(`${span.sessionId}/${span.channel}/${span.fromFrame}`, span)
  }

  gap(gap: Gap): void {
    this.gaps.push(gap)
  }

  #session(sessionId: SessionId): RecordedSession | undefined {
    return this.sessions.findLast((session) => session.sessionId === sessionId)
  }
}

/** How a meeting is replayed. */
export interface ReplayOptions extends CrowdAudioOptions {
  readonly channels?: { readonly max: number; readonly mode: 'fixed' | 'auto' }
  readonly plane?: Omit<AudioPlaneOptions, 'meetingStartMs' | 'channels'>
}

/** One meeting through one audio plane, and everything that it put out. */
export interface Recording {
  readonly meeting: Meeting
  readonly audio: CrowdAudio
  readonly sink: RecordingSink
  /** the plane's own account, for comparison */
  readonly counters: readonly AudioCounters[]
}

/** Everybody joins at the meeting's start and stays; frames come when they end, in steps of 10 ms, and a tick every 20 ms. */
export function replay(meeting: Meeting, options: ReplayOptions): Recording {
  const audio = new CrowdAudio(meeting, options)
  const sink = new RecordingSink(audio)
  const plane = drive(meeting, audio, options, sink, (nowMs) => {
    sink.nowMs = nowMs
  })
  return { meeting, audio, sink, counters: plane.coverageInput() }
}

/** Where the time of a replay goes: the same frames with no plane behind them, or with one whose output goes nowhere. CPU in ms. */
export function cpuOfReplay(meeting: Meeting, options: ReplayOptions, isWithPlane: boolean): number {
  const audio = new CrowdAudio(meeting, options)
  const before = process.cpuUsage()
  if (isWithPlane) drive(meeting, audio, options, new NoSink(), () => undefined)
  else
    play(
      audio,
      () => undefined,
      () => undefined,
    )
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

/** Plays the meeting into a plane to its end. @param time told before anything happens at a time */
function drive(
  meeting: Meeting,
  audio: CrowdAudio,
  { channels, plane: own }: ReplayOptions,
  sink: AudioSink,
  time: (nowMs: number) => void,
): AudioPlane {
  const { blockSamples } = audio
  const tunables = { ...own?.tunables, blockSamples, sampleRate: (blockSamples * 1000) / BLOCK_MS }
  const plane = new AudioPlane({ ...own, meetingStartMs: 0, tunables, ...(channels && { channels }) }, sink)
  const tracks = meeting.people.map((name) => ({ key: trackKey(asIdentity(name), 'microphone'), identity: asIdentity(name) }))
  for (const track of tracks) plane.trackStarted(track, 0)
  const endMs = play(
    audio,
    (person, samples, nowMs) => plane.frame(tracks[person]!.key, samples, nowMs),
    (nowMs, isTick) => {
      time(nowMs)
      if (isTick) plane.tick(nowMs)
    },
  )
  plane.finish(endMs)
  return plane
}

/** @param step told of each step after the frames of it @returns when it ended */
function play(
  audio: CrowdAudio,
  frame: (person: number, samples: Int16Array, nowMs: number) => void,
  step: (nowMs: number, isTick: boolean) => void,
): number {
  const byPhase: number[][] = [[], [], [], [], []]
  for (let person = 0; person < audio.people; person++) byPhase[audio.phaseMs(person) / STEP_MS]?.push(person)
  const endMs = audio.blocks * BLOCK_MS + BLOCK_MS
  for (let nowMs = 0; nowMs <= endMs; nowMs += STEP_MS) {
    const phase = nowMs % BLOCK_MS
    const block = (nowMs - phase) / BLOCK_MS - 1
    if (block >= 0 && block < audio.blocks) {
      for (const person of byPhase[phase / STEP_MS] ?? []) frame(person, audio.make(person, block), nowMs)
    }
    step(nowMs, nowMs % TICK_MS === 0)
  }
  return endMs
}

/** Takes everything and keeps nothing. */
class NoSink implements AudioSink {
  #sessions = 0

  open(): SessionId {
    return asSessionId(`s${this.#sessions++}`)
  }

  block(): void {}
  finish(): void {}
  span(): void {}
  gap(): void {}
}
