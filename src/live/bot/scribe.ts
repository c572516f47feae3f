import type { Identity, MeetingId, SessionId, TrackKey } from '../../core/ids.js'
import type { Scope } from '../../core/scope.js'
import type { Clock } from '../../core/time.js'
import type { BusinessEvents } from '../../observe/events.js'
import type { Logger } from '../../observe/logger.js'
import type { MeetingReason, SessionRecord } from '../../records/port.js'
import type { Activity } from '../audio/activity.js'
import type { Opening } from '../audio/late-starts.js'
import { AudioPlane, type AudioPlaneOptions } from '../audio/plane.js'
import type { Gap, Span } from '../audio/span.js'
import type { LeftAudio, SttPort, Utterance } from '../stt/port.js'
import { attribute, type AttributableUtterance } from '../transcript/attribute.js'
import { coverage, type Coverage } from '../transcript/coverage.js'
import type { Segment } from '../transcript/segment.js'
import { Transcript } from '../transcript/transcript.js'
import { SpanIndex } from '../transcript/span-index.js'
import { ACTIVITY_MS, ActivityWatch } from './activity-watch.js'
import type { Journal } from './journal.js'
import { SessionLosses } from './session-losses.js'
import { SpeechPool } from './speech-pool.js'

/** What the scribe tells while people speak. */
export interface ScribeEvents {
  /** an interim version, replaced by the next one of the same session and utterance, at last by stored segments */
  interim(segments: readonly Segment[]): void
  /** who speaks and who waits for a channel has changed, or goes on; nobody does while nobody is to be heard, and at the end */
  activity(activity: Activity): void
  /** no session will ever work */
  failed(reason: MeetingReason, error?: Error): void
}

/** Where a scribe writes. */
export type ScribeJournal = Pick<Journal, 'segments' | 'span' | 'gap' | 'session'>

/** The mixer is asked this often; a block is 50 ms. */
const TICK_MS = 10
/** Losses of speech sessions are told of this often, joined. */
const TELL_MS = 5_000

/**
 * Audio in, attributed text out: wires the audio plane to the speech sessions and their utterances, by way of spans,
 * to segments, and everything to the journal. Knows nothing of rooms.
 */
export class Scribe {
  readonly #clock: Clock
  readonly #meetingStartMs: number
  readonly #journal: ScribeJournal
  readonly #logger: Logger
  readonly #business: BusinessEvents
  readonly #events: ScribeEvents
  readonly #plane: AudioPlane
  readonly #pool: SpeechPool
  readonly #watch: ActivityWatch
  readonly #spans = new SpanIndex()
  readonly #transcript = new Transcript()
  /** sessions of bots before this one */
  readonly #inherited = new Set<SessionId>()
  /** tracks that can be heard now */
  readonly #heard = new Map<TrackKey, Identity>()
  /** of the audio plane and the room; those of sessions follow from their outcomes */
  readonly #gaps: Gap[] = []
  readonly #losses: SessionLosses
  #ignorePreferred: (() => void) | null
  #stopTicking: (() => void) | null = null
  #stopTelling: (() => void) | null = null
  #stopWatching: (() => void) | null = null
  #immediate: NodeJS.Immediate | null = null
  #tickDueMs: number

  constructor(
    options: {
      meetingId: MeetingId
      stt: SttPort
      clock: Clock
      logger: Logger
      business: BusinessEvents
      scope: Scope
      journal: ScribeJournal
      /** monotonic ms of meeting time 0 */
      meetingStartMs: number
      drainMs: number
      /** how the audio plane is to work */
      audio: Omit<AudioPlaneOptions, 'meetingStartMs'>
      hints: () => { language: string | null; vocabulary: readonly string[] }
      /** an exception in a tick ends the meeting */
      onFault: (error: unknown) => void
    },
    events: ScribeEvents,
  ) {
    this.#clock = options.clock
    this.#meetingStartMs = options.meetingStartMs
    this.#journal = options.journal
    this.#logger = options.logger
    this.#business = options.business
    this.#events = events
    this.#pool = new SpeechPool(options, {
      utterance: (utterance) => this.#utterance(utterance),
      gap: (sessionId, gap) => this.#losses.lost(sessionId, gap),
      pending: (sessionId, run) => this.#losses.isPending(sessionId, run),
      untexted: (id, toFrame) => {
        this.#losses.lost(id, { fromFrame: 0, toFrame, reason: 'session_lost' }, true)
        // before the record says that the session is over: whoever takes the meeting over believes that all is told then
        this.#losses.tell()
      },
      died: (sessionId) => this.#plane.sessionEnded(sessionId, this.#clock.monotonicMs()),
      failed: (reason, error) => this.#events.failed(reason, error),
      session: (record) => this.#keepSession(record),
      recovered: (from, channels, fromFrame, to, frames) => this.#copySpans(from, channels, fromFrame, to, frames),
    })
    this.#plane = new AudioPlane(
      { ...options.audio, meetingStartMs: options.meetingStartMs },
      {
        open: (channels) => this.#pool.open(channels),
        block: (sessionId, interleaved) => this.#pool.block(sessionId, interleaved),
        finish: (sessionId) => this.#pool.finish(sessionId),
        span: (span) => this.#span(span),
        gap: (gap) => this.gap(gap),
      },
    )
    this.#losses = new SessionLosses({
      spans: () => [...this.#spans],
      voice: () => this.#plane.coverageInput(),
      finals: () => this.#transcript.finals,
      isInherited: (sessionId) => this.#inherited.has(sessionId),
      tell: (gap, isInherited) => (isInherited ? this.gap(gap) : this.#tellGap(gap)),
    })
    const renew = () => {
      this.#pool.renewed()
      this.#plane.renew()
    }
    this.#ignorePreferred = options.stt.onPreferred?.(renew) ?? null
    this.#watch = new ActivityWatch({
      clock: options.clock,
      look: (nowMs) => this.#plane.activity(nowMs),
      tell: (activity) => this.#events.activity(activity),
    })
    const guarded = (work: () => void) => {
      try {
        work()
      } catch (thrown) {
        options.onFault(thrown)
      }
    }
    this.#tickDueMs = this.#clock.monotonicMs() + TICK_MS
    this.#stopTicking = options.clock.every(TICK_MS, () => {
      // after a stall, frames that queued up behind it are read before the mixer asks for them
      this.#immediate ??= setImmediate(() => {
        this.#immediate = null
        guarded(() => this.#tick(this.#clock.monotonicMs()))
      })
    })
    this.#stopTelling = options.clock.every(TELL_MS, () => guarded(() => this.#losses.tell()))
    this.#stopWatching = options.clock.every(ACTIVITY_MS, () => guarded(() => this.#watch.look()))
  }

  /** @param opening since when it could have been heard, meeting ms; absent: since now */
  trackStarted(key: TrackKey, identity: Identity, opening?: Opening): void {
    if (!this.#heard.has(key)) this.#business.trackHeard(1)
    this.#heard.set(key, identity)
    const since = opening && { ...opening, sinceMs: opening.sinceMs + this.#meetingStartMs }
    this.#plane.trackStarted({ key, identity }, this.#clock.monotonicMs(), since)
  }

  /** @returns until when it has come, or is known to be missing, meeting ms: after a stall of this process that may be long ago */
  trackEnded(key: TrackKey, keepSeat: boolean): number {
    this.#notHeard(key)
    return this.#plane.trackEnded(key, this.#clock.monotonicMs(), keepSeat)
  }

  /** @param sinceMs from when on nothing may have come, monotonic ms; the last sample when absent */
  trackStalled(key: TrackKey, sinceMs?: number): void {
    this.#plane.trackStalled(key, this.#clock.monotonicMs(), sinceMs)
  }

  trackResumed(key: TrackKey): void {
    this.#plane.trackResumed(key, this.#clock.monotonicMs())
  }

  /** Whether nobody is going to speak: then what was said is sent, and the session is closed. */
  rest(isResting: boolean): void {
    this.#plane.rest(isResting)
    if (isResting) this.#watch.close()
    else this.#watch.open()
  }

  personLeft(identity: Identity): void {
    for (const [key, whose] of this.#heard) if (whose === identity) this.#notHeard(key)
    this.#plane.personLeft(identity, this.#clock.monotonicMs())
  }

  /** @param samples 50 ms at 16 kHz; the scribe's afterwards */
  frame(key: TrackKey, samples: Int16Array, arrivedMs: number): void {
    this.#plane.frame(key, samples, arrivedMs)
  }

  /** Writes down meeting time that could not be heard. */
  gap(gap: Gap): void {
    this.#gaps.push(gap)
    this.#tellGap(gap)
  }

  /** What was written down as not heard, but for what speech sessions lost. */
  get gaps(): readonly Gap[] {
    return this.#gaps
  }

  /** The speech service has taken audio of this meeting before: a refusal is waited out. */
  goOn(): void {
    this.#pool.goOn()
  }

  /** Takes what a bot before this one knew of who spoke where; it is stored already. */
  inherit(spans: readonly Span[]): void {
    for (const span of spans) {
      this.#inherited.add(span.sessionId)
      this.#spans.put(span)
    }
  }

  /** Sends audio that a bot before this one could not send; its spans have been inherited. @returns false: it is over here, the audio is still yours */
  adopt(left: LeftAudio): boolean {
    return this.#pool.adopt(left)
  }

  /** Who said it, and when. */
  attribute(utterance: AttributableUtterance): readonly Segment[] {
    return attribute(utterance, this.#spans)
  }

  /** See `SpanIndex.frameOf`. */
  frameOf(said: Parameters<SpanIndex['frameOf']>[0]): number | null {
    return this.#spans.frameOf(said)
  }

  /** See `SpanIndex.copiedFrom`. */
  copiedFrom(from: SessionId, to: SessionId): number | null {
    return this.#spans.copiedFrom(from, to)
  }

  /** Adds final segments to the transcript; what is known changes nothing. */
  add(segments: readonly Segment[]): void {
    const added = this.#transcript.addFinal(segments)
    if (added.length === 0) return
    // what is missing before them goes first
    this.#losses.tell()
    this.#journal.segments(added)
  }

  /** Keeps how far the service had a session of a bot before this one. */
  reached(session: SessionRecord): void {
    this.#journal.session(session)
  }

  /** Sends what waits, ends every session and waits for the last texts. */
  async finish(): Promise<void> {
    this.#stop()
    this.#plane.finish(this.#clock.monotonicMs())
    await this.#pool.finishAll()
    this.#losses.tell()
    for (const record of this.#pool.records()) this.#journal.session(this.#withPending(record))
  }

  /** The process is to stop: no backlog is waited for. */
  hurry(): void {
    this.#pool.hurry()
  }

  /** After `finish` or `close`, when it is written down that it could not be sent: audio is left on this disk, but for that of a meeting that is purged. */
  letGo(isPurged = false): Promise<void> {
    return this.#pool.letGo(isPurged)
  }

  /** Every session so far, also those that repeat what a dead one had not got through: all of them are billed. */
  sessions(): readonly SessionRecord[] {
    return this.#pool.records()
  }

  /** What was heard, sent, acknowledged, returned and lost, by person. */
  coverage(names: ReadonlyMap<Identity, string>): Coverage {
    return coverage({
      counters: this.#plane.coverageInput(),
      // copies made for a recovery say nothing new
      spans: [...this.#spans].filter(({ sessionId }) => !this.#inherited.has(sessionId) && !this.#pool.isRecovery(sessionId)),
      sessions: this.#pool.outcomes(),
      segments: this.#transcript.finals.filter(({ sessionId }) => !this.#inherited.has(sessionId)),
      gaps: this.#gaps,
      names,
    })
  }

  /** Stops without waiting for texts. */
  async close(): Promise<void> {
    this.#stop()
    for (const key of this.#heard.keys()) this.#notHeard(key)
    await this.#pool.close()
  }

  #stop(): void {
    this.#ignorePreferred?.()
    this.#stopTicking?.()
    this.#stopTicking = null
    this.#stopTelling?.()
    this.#stopTelling = null
    this.#stopWatching?.()
    this.#stopWatching = null
    this.#watch.close()
    if (this.#immediate) clearImmediate(this.#immediate)
    this.#immediate = null
  }

  #tick(nowMs: number): void {
    this.#business.mixerTicked((nowMs - this.#tickDueMs) / 1000)
    // as the clock plans it
    this.#tickDueMs = Math.max(this.#tickDueMs + TICK_MS, nowMs)
    this.#plane.tick(nowMs)
  }

  #span(span: Span): void {
    this.#spans.put(span)
    this.#journal.span(span)
  }

  #utterance(utterance: Utterance): void {
    const segments = this.attribute(utterance)
    if (utterance.isFinal) this.add(segments)
    else if (this.#transcript.setInterim(segments)) this.#events.interim(segments)
  }

  #notHeard(key: TrackKey): void {
    if (this.#heard.delete(key)) this.#business.trackHeard(-1)
  }

  #tellGap(gap: Gap): void {
    this.#journal.gap(gap)
    this.#business.gapFound(this.#logger, { reason: gap.reason, ms: gap.toMs - gap.fromMs })
  }

  #keepSession(record: SessionRecord): void {
    if (record.endReason === null) return this.#journal.session(this.#withPending(record))
    // what it has lost is told right after its end, and is to be known before the record says that it is over
    queueMicrotask(() => {
      this.#losses.tell()
      this.#journal.session(this.#withPending(record))
    })
  }

  #withPending(record: SessionRecord): SessionRecord {
    const pendingTexts = record.endReason === 'done' ? [] : this.#losses.pending(record.sessionId)
    return pendingTexts.length === 0 ? record : { ...record, pendingTexts }
  }

  #copySpans(from: SessionId, channels: number, fromFrame: number, to: SessionId, frames: number): void {
    if (this.#inherited.has(from)) this.#inherited.add(to)
    this.#losses.repeats(to, from, fromFrame)
    for (const span of this.#spans.copies(from, channels, fromFrame, to, frames)) this.#span(span)
  }

  /** Ms from the meeting's start. */
  meetingMs(): number {
    return this.#clock.monotonicMs() - this.#meetingStartMs
  }
}
