import { newSessionId, type MeetingId, type SessionId } from '../../core/ids.js'
import type { Alarm } from '../../core/alarm.js'
import type { Scope } from '../../core/scope.js'
import type { Clock } from '../../core/time.js'
import type { BusinessEvents, SessionOpening } from '../../observe/events.js'
import type { Logger } from '../../observe/logger.js'
import type { MeetingReason, SessionRecord } from '../../records/port.js'
import { SAMPLE_RATE } from '../room/port.js'
import type { Backlog, LeftAudio, SttEndReason, SttGap, SttPhase, SttPort, Utterance } from '../stt/port.js'
import type { Entry, Parked, PoolOutcome } from './pool-entry.js'
import { isUntexted, outcomeOf, recordOf, replayMs, restAll, waitingFrames } from './pool-entry.js'
import { FATAL, refusalOf } from './refusal.js'
import { Replacements } from './replacements.js'
import { addGap, lateGap, Unsent } from './unsent.js'

/** What the pool tells. */
export interface SpeechPoolEvents {
  utterance(utterance: Utterance): void
  /** frames of a session that did not reach the service */
  gap(sessionId: SessionId, gap: SttGap): void
  /** texts of frames of a session, which the service had acknowledged, may come at its end only */
  pending(sessionId: SessionId, run: { readonly fromFrame: number; readonly toFrame: number }): void
  /** the session is over, and texts of the frames below, which the service had acknowledged, may never come */
  untexted(sessionId: SessionId, frames: number): void
  /** the session is over before it was asked to end: whoever sits there needs another one */
  died(sessionId: SessionId): void
  /** no session will ever work in this meeting */
  failed(reason: MeetingReason, error?: Error): void
  /** the record of a session has changed */
  session(record: SessionRecord): void
  /**
   * Audio of a dead session goes to a new one: the same frames from `fromFrame` of `from` are frames 0.. of `to`.
   * Spans have to be copied before any text comes back.
   */
  recovered(from: SessionId, channels: number, fromFrame: number, to: SessionId, frames: number): void
}

/** A session that is to end does when no more than this is not at the service yet: in an outage its audio waits. */
const CAUGHT_UP_FRAMES = 2 * SAMPLE_RATE
/** How far a session has got is told in such steps: should this process die, the next one knows what the service has not. */
const TOLD_FRAMES = 5 * SAMPLE_RATE

/**
 * The speech sessions of one meeting: opens, feeds, finishes and replaces them. One is live, two while rolling, and a
 * dead session's unacknowledged audio gets a session of its own, so that no frame number ever changes its meaning.
 * P1 A service that refuses before any session worked fails the meeting; what was heard stays on the disk (P5). P2 Later it does not: audio is kept in sessions that are held
 * back, the operator is told once, and the service is asked again every 10 min and at the end, by one session: what others had waits, and is sent one after the other once that is taken. P3 One death in 5 min is made up for at once,
 * with two sessions at most; after that two and one that repeats audio again are opened in two minutes, and what waits is held back. P4 A session that is to end does so when the service has taken it and has its audio, or when the meeting ends: then a backlog is waited for, 10 min at most.
 * P5 When the process is to stop it is not, nor when the meeting has gone elsewhere. What is not sent by then is a gap, and its audio is
 *    left on this disk (`letGo`), so that its texts come late rather than never.
 */
export class SpeechPool {
  readonly #meetingId: MeetingId
  readonly #stt: SttPort
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #business: BusinessEvents
  readonly #scope: Scope
  readonly #events: SpeechPoolEvents
  readonly #hints: () => { language: string | null; vocabulary: readonly string[] }
  readonly #drainMs: number
  readonly #entries = new Map<SessionId, Entry>()
  readonly #replacements = new Replacements()
  /** the service has taken a session in this meeting */
  #hasWorked: boolean
  /** told once for all meetings of the service */
  readonly #refusal: Alarm
  #isRefused = false
  #isRefusedAtEnd = false
  #closing = false
  #isClosed = false
  /** monotonic ms by which everything is to end; null: there is time */
  #endMs: number | null = null
  readonly #unsent: Unsent
  /** what sessions had that the service refused */
  readonly #parked: Parked[] = []

  constructor(
    options: {
      meetingId: MeetingId
      stt: SttPort
      clock: Clock
      logger: Logger
      business: BusinessEvents
      scope: Scope
      drainMs: number
      /** a service that refuses is not the end of the meeting, as if one session had worked (P2) */
      isPatient?: boolean
      hints: () => { language: string | null; vocabulary: readonly string[] }
    },
    events: SpeechPoolEvents,
  ) {
    this.#meetingId = options.meetingId
    this.#stt = options.stt
    this.#clock = options.clock
    this.#logger = options.logger
    this.#business = options.business
    this.#scope = options.scope
    this.#hints = options.hints
    this.#unsent = new Unsent(options)
    this.#refusal = refusalOf(options.stt)
    this.#drainMs = options.drainMs
    this.#hasWorked = options.isPatient ?? false
    this.#events = events
  }

  /** Opens a session; audio may be sent at once. */
  open(channels: number): SessionId {
    return this.#open(channels, null).session.sessionId
  }

  /** The service has taken a session of this meeting before, of an earlier bot: P2 holds. */
  goOn(): void {
    this.#hasWorked = true
  }

  /** Sessions are opened at another service from now on. What waited for the one that refused is sent there. */
  renewed(): void {
    this.#isRefused = false
    this.#replacements.renewed()
    this.#sendParked()
  }

  /** Sends what a session of an earlier bot could not send, in a session of its own. Its spans have to be known. @returns false after `close` */
  adopt({ sessionId, channels, fromFrame, backlog }: LeftAudio): boolean {
    if (this.#isClosed) return false
    this.#resend(sessionId, channels, fromFrame, backlog)
    return true
  }

  /** @param block interleaved s16; owned by the session afterwards */
  block(sessionId: SessionId, block: Int16Array): void {
    const entry = this.#entries.get(sessionId)
    if (entry?.endReason === null) entry.session.send(block)
    else if (entry) this.#lose(entry, lateGap(entry, block))
  }

  /** Ends one session in the background: its last texts still come. */
  finish(sessionId: SessionId): void {
    const entry = this.#entries.get(sessionId)
    if (!entry || entry.endReason !== null) return
    entry.isEnding = true
    this.#finishCaughtUp(entry)
  }

  /** Ends every session and waits for the last texts; bounded by the drain deadline of each. */
  async finishAll(): Promise<void> {
    this.#closing = true
    for (;;) {
      const open = [...this.#entries.values()].filter((entry) => entry.endReason === null)
      const next = open.length === 0 ? this.#parked.shift() : undefined
      if (next && this.#isRefusedAtEnd) this.#giveUp(next)
      else if (next) this.#sendAgain(next)
      else if (open.length === 0) return
      await Promise.all(open.map((entry) => entry.session.finish(this.#deadlineMs(entry))))
    }
  }

  /** The process is to stop: everything ends within the time for the last texts. What has not been sent by then is kept for `letGo`. */
  hurry(): void {
    if (this.#endMs !== null) return
    this.#endMs = this.#clock.monotonicMs() + this.#drainMs
    for (const { session, endReason, finishing } of this.#entries.values()) {
      if (endReason !== null || !(finishing || this.#closing)) continue
      this.#scope.run('speech session finish', () => session.finish(this.#drainMs))
    }
  }

  /** After the end: see `Unsent`. */
  letGo(isPurged = false): Promise<void> {
    return this.#unsent.letGo(isPurged)
  }

  /** Closes what is still open, without waiting for texts. */
  async close(): Promise<void> {
    this.#closing = true
    this.#isClosed = true
    await Promise.all([...this.#entries.values()].map((entry) => entry.session.close()))
    for (const parked of this.#parked.splice(0)) this.#giveUp(parked)
  }

  records(): readonly SessionRecord[] {
    return [...this.#entries.values()].map((entry) => recordOf(entry))
  }

  /** Whether the session repeats audio of a dead one: its spans are copies. */
  isRecovery(sessionId: SessionId): boolean {
    return this.#entries.get(sessionId)?.recovery ?? false
  }

  /** How every session went that took audio first; recoveries are told of in the session that they repeat. */
  outcomes(): readonly PoolOutcome[] {
    return [...this.#entries.values()].filter((entry) => !entry.recovery).map((entry) => outcomeOf(entry, this.#entries))
  }

  /** @param backlog audio that the session repeats, or null for one that takes audio first */
  #open(channels: number, backlog: Backlog | null): Entry {
    const sessionId = newSessionId()
    const recovery = backlog !== null
    const why = recovery ? 'recovery' : this.#opening()
    const { language, vocabulary } = this.#hints()
    let last: SttPhase = 'opening'
    const session = this.#stt.open(
      {
        meetingId: this.#meetingId,
        sessionId,
        channels,
        sampleRate: SAMPLE_RATE,
        language,
        vocabulary,
        ...this.#held(recovery),
        ...(backlog && { backlog }),
      },
      {
        utterance: (utterance) => this.#events.utterance(utterance),
        acknowledged: () => {
          const entry = this.#entries.get(sessionId)
          if (!entry) return
          if (entry.isEnding) this.#finishCaughtUp(entry)
          if (entry.session.acknowledgedFrames - entry.toldFrames >= TOLD_FRAMES) this.#tell(sessionId)
        },
        gap: (gap) => {
          const entry = this.#entries.get(sessionId)
          if (entry) addGap(entry.lost, gap)
          this.#events.gap(sessionId, gap)
          if (entry?.isEnding) this.#finishCaughtUp(entry)
        },
        pending: (run) => {
          this.#events.pending(sessionId, run)
          this.#tell(sessionId)
        },
        phase: (phase, detail) => {
          this.#logger.debug({ session: sessionId, phase, detail }, 'speech session phase')
          if (phase === 'live') this.#worked(sessionId)
          if (phase === 'waiting' && last === 'live') this.#business.reconnecting('speech')
          last = phase
        },
        ended: (reason, replaceable, error) => this.#ended(sessionId, reason, replaceable, error),
      },
    )
    const entry: Entry = {
      session,
      recovery,
      lost: [],
      isEnding: false,
      isTaken: false,
      finishing: false,
      endReason: null,
      toldFrames: 0,
      recoveredBy: null,
    }
    this.#entries.set(sessionId, entry)
    this.#business.sessionOpened(this.#logger, { session: sessionId, channels, why })
    return entry
  }

  /** Why another session is opened, by what became of the last one. */
  #opening(): SessionOpening {
    const last = [...this.#entries.values()].findLast((entry) => !entry.recovery)
    if (!last) return 'first'
    if (last.isEnding) return 'reopened'
    return last.endReason === null ? 'roll' : 'replacement'
  }

  #tell(sessionId: SessionId): void {
    const entry = this.#entries.get(sessionId)
    if (!entry) return
    entry.toldFrames = entry.session.acknowledgedFrames
    this.#events.session(recordOf(entry))
  }

  #ended(sessionId: SessionId, reason: SttEndReason, replaceable: boolean, error: Error | undefined): void {
    const entry = this.#entries.get(sessionId)
    if (!entry) return
    entry.endReason = reason
    this.#business.sessionEnded(this.#logger, { session: sessionId, reason, frames: entry.session.sentFrames, err: error })
    if (isUntexted(entry)) this.#events.untexted(sessionId, entry.session.acknowledgedFrames)
    this.#tell(sessionId)
    const fatal = FATAL[reason]
    if (fatal !== undefined && !this.#hasWorked) {
      this.#keep(entry, reason)
      this.#events.failed(fatal, error)
      return
    }
    // while the meeting goes on there is time for what an ending session could not get through in its own
    const { sentFrames, acknowledgedFrames } = entry.session
    const isLate = reason === 'drain_timeout' && acknowledgedFrames < sentFrames && !this.#closing && this.#endMs === null
    const isOver = reason === 'done' || reason === 'aborted' || !(replaceable || isLate)
    if (fatal !== undefined && this.#closing) this.#isRefusedAtEnd = true
    if (fatal === undefined ? isOver : this.#closing) {
      this.#keep(entry, reason)
      return this.#sendParked()
    }
    if (fatal !== undefined) this.#refused(reason, error)
    if (!this.#mayReplace(entry.recovery)) return this.#keep(entry, reason)
    this.#recover(entry, fatal !== undefined)
    if (!this.#closing && !entry.isEnding && !entry.recovery) this.#events.died(sessionId)
  }

  /** Holds on to what was not sent, and tells it as the session would have. */
  #keep(entry: Entry, reason: SttEndReason): void {
    const gap = this.#unsent.keep(entry.session, reason)
    if (gap) this.#lose(entry, gap)
  }

  #lose({ session, lost }: Entry, gap: SttGap): void {
    addGap(lost, gap)
    this.#events.gap(session.sessionId, gap)
  }

  /** Told once until a session works again. */
  #refused(reason: SttEndReason, error: Error | undefined): void {
    this.#replacements.refused(this.#clock.monotonicMs())
    this.#isRefused = true
    if (this.#refusal.raise()) this.#logger.error({ reason, err: error }, 'the speech service refuses: audio is kept until it is put right')
  }

  #worked(sessionId: SessionId): void {
    this.#hasWorked = true
    this.#tell(sessionId)
    const entry = this.#entries.get(sessionId)
    if (!entry) return
    // one that it took long ago comes back while it refuses others
    if (!entry.isTaken) {
      this.#refusal.clear()
      this.#isRefused = false
      this.#replacements.worked()
    }
    entry.isTaken = true
    if (entry.isEnding) this.#finishCaughtUp(entry)
    this.#sendParked()
  }

  /** One after the other, while the service takes sessions and none of them repeats audio. */
  #sendParked(): void {
    if (this.#closing || this.#isRefused || [...this.#entries.values()].some((one) => one.recovery && one.endReason === null)) return
    const next = this.#parked.shift()
    if (next) this.#sendAgain(next)
  }

  #giveUp({ entry, fromFrame, backlog }: Parked): void {
    const gap = { fromFrame, toFrame: fromFrame + backlog.frames, reason: 'session_lost' as const }
    this.#unsent.hold(backlog)
    this.#lose(entry, gap)
  }

  #held(isRepeat: boolean): { readonly holdMs?: number } {
    const holdMs = this.#closing ? 0 : this.#replacements.holdMs(this.#clock.monotonicMs(), isRepeat)
    return holdMs > 0 ? { holdMs } : {}
  }

  #finishCaughtUp(entry: Entry): void {
    if (entry.finishing || entry.endReason !== null || waitingFrames(entry) > CAUGHT_UP_FRAMES) return
    if (!entry.isTaken && entry.session.sentFrames > 0) return
    entry.finishing = true
    this.#scope.run('speech session finish', () => entry.session.finish(this.#drainMs))
  }

  #deadlineMs(entry: Entry): number {
    if (this.#endMs !== null) return Math.max(0, this.#endMs - this.#clock.monotonicMs())
    return this.#drainMs + replayMs(entry)
  }

  /** @returns false at the end of the meeting, where none can wait, after too many */
  #mayReplace(isRepeat: boolean): boolean {
    if (this.#closing) return this.#replacements.mayAtEnd()
    this.#replacements.died(this.#clock.monotonicMs(), isRepeat)
    return true
  }

  #recover(entry: Entry, isRefused: boolean): void {
    const rest = entry.session.takeUnacknowledged?.() ?? null
    if (!rest) return
    const parked = { entry, ...rest }
    // whoever takes audio first is made up for, and asks; else somebody has to. One that the service has taken asks no more
    const isAsking =
      !(entry.recovery || entry.isEnding) || [...this.#entries.values()].some((one) => one.endReason === null && !one.isTaken)
    if (!isRefused || !isAsking) return this.#sendAgain(parked)
    this.#parked.push(parked)
    restAll(this.#parked)
  }

  #sendAgain({ entry, fromFrame, backlog }: Parked): void {
    const { session } = entry
    entry.recoveredBy = { sessionId: this.#resend(session.sessionId, session.channels, fromFrame, backlog), fromFrame }
  }

  /** Audio of a session that is no more gets one of its own. @returns which */
  #resend(from: SessionId, channels: number, fromFrame: number, backlog: Backlog): SessionId {
    const { frames } = backlog
    const to = this.#open(channels, backlog).session.sessionId
    this.#replacements.repeated()
    this.#events.recovered(from, channels, fromFrame, to, frames)
    if (!this.#closing) this.finish(to)
    return to
  }
}
