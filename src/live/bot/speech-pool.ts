import { newSessionId, type MeetingId, type SessionId } from '../../core/ids.js'
import type { Scope } from '../../core/scope.js'
import type { Clock } from '../../core/time.js'
import type { BusinessEvents, SessionOpening } from '../../observe/events.js'
import type { Logger } from '../../observe/logger.js'
import type { MeetingReason, SessionRecord } from '../../records/port.js'
import { SAMPLE_RATE } from '../room/port.js'
import type { Backlog, LeftAudio, SttEndReason, SttGap, SttPort, SttSession, Utterance } from '../stt/port.js'

/** What the pool tells. */
export interface SpeechPoolEvents {
  utterance(utterance: Utterance): void
  /** frames of a session that did not reach the service */
  gap(sessionId: SessionId, gap: SttGap): void
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

/** How a session went, for coverage: what became of its audio, its recovery included. */
export interface PoolOutcome {
  readonly sessionId: SessionId
  readonly acknowledgedFrames: number
  readonly lost: readonly SttGap[]
  readonly endReason: string | null
}

interface Entry {
  readonly session: SttSession
  readonly recovery: boolean
  readonly lost: SttGap[]
  finishing: boolean
  endReason: SttEndReason | null
  /** the session that took over what this one had not acknowledged, from `fromFrame` on */
  recoveredBy: { readonly sessionId: SessionId; readonly fromFrame: number } | null
}

/** Sessions that may be opened to replace dead ones, within `REPLACEMENT_WINDOW_MS`. */
const MAX_REPLACEMENTS = 6
const REPLACEMENT_WINDOW_MS = 5 * 60_000

const FATAL: Partial<Record<SttEndReason, MeetingReason>> = {
  unauthorized: 'speech_unauthorized',
  payment_required: 'speech_payment_required',
  rejected: 'speech_rejected',
  unreachable: 'speech_unreachable',
}

/**
 * The speech sessions of one meeting: opens, feeds, finishes and replaces them. One is live, two while rolling, and a
 * dead session's unacknowledged audio gets a session of its own, so that no frame number ever changes its meaning.
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
  readonly #replacements: number[] = []
  #closing = false

  constructor(
    options: {
      meetingId: MeetingId
      stt: SttPort
      clock: Clock
      logger: Logger
      business: BusinessEvents
      scope: Scope
      drainMs: number
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
    this.#drainMs = options.drainMs
    this.#events = events
  }

  /** Opens a session; audio may be sent at once. */
  open(channels: number): SessionId {
    return this.#open(channels, null).session.sessionId
  }

  /** Sends what a session of an earlier bot could not send, in a session of its own. Its spans have to be known. */
  adopt({ sessionId, channels, fromFrame, backlog }: LeftAudio): void {
    const { frames } = backlog
    const recovery = this.#open(channels, backlog).session.sessionId
    this.#events.recovered(sessionId, channels, fromFrame, recovery, frames)
    if (!this.#closing) this.finish(recovery)
  }

  /** @param block interleaved s16; owned by the session afterwards */
  block(sessionId: SessionId, block: Int16Array): void {
    const entry = this.#entries.get(sessionId)
    if (entry && entry.endReason === null) entry.session.send(block)
  }

  /** Ends one session in the background: its last texts still come. */
  finish(sessionId: SessionId): void {
    const entry = this.#entries.get(sessionId)
    if (!entry || entry.endReason !== null || entry.finishing) return
    entry.finishing = true
    this.#scope.run('speech session finish', () => entry.session.finish(this.#drainMs))
  }

  /** Ends every session and waits for the last texts; bounded by the drain deadline of each. */
  async finishAll(): Promise<void> {
    this.#closing = true
    for (;;) {
      const open = [...this.#entries.values()].filter((entry) => entry.endReason === null)
      if (open.length === 0) return
      await Promise.all(open.map((entry) => entry.session.finish(this.#drainMs)))
    }
  }

  /** Closes what is still open, without waiting for texts. */
  async close(): Promise<void> {
    this.#closing = true
    await Promise.all([...this.#entries.values()].map((entry) => entry.session.close()))
  }

  records(): readonly SessionRecord[] {
    return [...this.#entries.values()].map((entry) => this.#record(entry))
  }

  /** Whether the session repeats audio of a dead one: its spans are copies. */
  isRecovery(sessionId: SessionId): boolean {
    return this.#entries.get(sessionId)?.recovery ?? false
  }

  /** How every session went that took audio first; recoveries are told of in the session that they repeat. */
  outcomes(): readonly PoolOutcome[] {
    return [...this.#entries.values()].filter((entry) => !entry.recovery).map((entry) => this.#outcome(entry))
  }

  #outcome(entry: Entry): PoolOutcome {
    const { sessionId, acknowledgedFrames, sentFrames, hasAllTexts } = entry.session
    const next = entry.recoveredBy === null ? undefined : this.#entries.get(entry.recoveredBy.sessionId)
    if (!next || entry.recoveredBy === null) {
      // dead, but nothing of it is missing
      const isWhole = entry.endReason === 'session_lost' && hasAllTexts === true && acknowledgedFrames >= sentFrames
      return { sessionId, acknowledgedFrames, lost: entry.lost, endReason: isWhole ? 'done' : entry.endReason }
    }
    const { fromFrame } = entry.recoveredBy
    const rest = this.#outcome(next)
    const shifted = rest.lost.map((gap) => ({ ...gap, fromFrame: gap.fromFrame + fromFrame, toFrame: gap.toFrame + fromFrame }))
    return {
      sessionId,
      acknowledgedFrames: fromFrame + rest.acknowledgedFrames,
      lost: [...entry.lost, ...shifted],
      // what it had acknowledged is not sent again: without its texts the recovery is no good end
      endReason: hasAllTexts === false ? entry.endReason : rest.endReason,
    }
  }

  #record({ session, endReason }: Entry): SessionRecord {
    return {
      sessionId: session.sessionId,
      vendorId: session.vendorId,
      channels: session.channels,
      sampleRate: SAMPLE_RATE,
      sentFrames: session.sentFrames,
      acknowledgedFrames: session.acknowledgedFrames,
      endReason,
    }
  }

  /** @param backlog audio that the session repeats, or null for one that takes audio first */
  #open(channels: number, backlog: Backlog | null): Entry {
    const sessionId = newSessionId()
    const recovery = backlog !== null
    const why = recovery ? 'recovery' : this.#opening()
    const { language, vocabulary } = this.#hints()
    const session = this.#stt.open(
      { meetingId: this.#meetingId, sessionId, channels, sampleRate: SAMPLE_RATE, language, vocabulary, ...(backlog && { backlog }) },
      {
        utterance: (utterance) => this.#events.utterance(utterance),
        acknowledged: () => undefined,
        gap: (gap) => {
          const entry = this.#entries.get(sessionId)
          if (entry) addGap(entry.lost, gap)
          this.#events.gap(sessionId, gap)
        },
        phase: (phase, detail) => {
          this.#logger.debug({ session: sessionId, phase, detail }, 'speech session phase')
          if (phase === 'live') this.#tell(sessionId)
        },
        ended: (reason, replaceable, error) => this.#ended(sessionId, reason, replaceable, error),
      },
    )
    const entry: Entry = { session, recovery, lost: [], finishing: false, endReason: null, recoveredBy: null }
    this.#entries.set(sessionId, entry)
    this.#business.sessionOpened(this.#logger, { session: sessionId, channels, why })
    return entry
  }

  /** Why another session is opened, by what became of the last one. */
  #opening(): SessionOpening {
    const last = [...this.#entries.values()].findLast((entry) => !entry.recovery)
    if (!last) return 'first'
    if (last.finishing) return 'reopened'
    return last.endReason === null ? 'roll' : 'replacement'
  }

  #tell(sessionId: SessionId): void {
    const entry = this.#entries.get(sessionId)
    if (entry) this.#events.session(this.#record(entry))
  }

  #ended(sessionId: SessionId, reason: SttEndReason, replaceable: boolean, error: Error | undefined): void {
    const entry = this.#entries.get(sessionId)
    if (!entry) return
    entry.endReason = reason
    this.#business.sessionEnded(this.#logger, { session: sessionId, reason, frames: entry.session.sentFrames, err: error })
    this.#tell(sessionId)
    const fatal = FATAL[reason]
    if (fatal !== undefined) {
      this.#events.failed(fatal, error)
      return
    }
    if (!replaceable || reason === 'done' || reason === 'aborted') return
    if (!this.#mayReplace()) {
      this.#events.failed('speech_unreachable', error)
      return
    }
    this.#recover(entry)
    if (!this.#closing && !entry.finishing && !entry.recovery) this.#events.died(sessionId)
  }

  #recover(entry: Entry): void {
    const { session } = entry
    const rest = session.takeUnacknowledged?.() ?? null
    if (!rest) return
    const { frames } = rest.backlog
    const recovery = this.#open(session.channels, rest.backlog)
    entry.recoveredBy = { sessionId: recovery.session.sessionId, fromFrame: rest.fromFrame }
    this.#events.recovered(session.sessionId, session.channels, rest.fromFrame, recovery.session.sessionId, frames)
    if (!this.#closing) this.finish(recovery.session.sessionId)
  }

  #mayReplace(): boolean {
    const now = this.#clock.monotonicMs()
    while (this.#replacements.length > 0 && now - (this.#replacements[0] ?? now) > REPLACEMENT_WINDOW_MS) this.#replacements.shift()
    if (this.#replacements.length >= MAX_REPLACEMENTS) return false
    this.#replacements.push(now)
    return true
  }
}

/** Joins a gap to the last one where it goes on: a full buffer lets go block by block. */
function addGap(gaps: SttGap[], gap: SttGap): void {
  const last = gaps.at(-1)
  if (last?.reason === gap.reason && last.toFrame === gap.fromFrame) gaps[gaps.length - 1] = { ...last, toFrame: gap.toFrame }
  else gaps.push(gap)
}
