import { deferred } from '../../core/deferred.js'
import { toError } from '../../core/errors.js'
import type { Clock } from '../../core/time.js'
import type { Logger } from '../../observe/logger.js'
import type { Claim, FinalsLog, FinalsLogs, MeetingStore, ParticipantRecord, SessionRecord } from '../../records/port.js'
import type { Gap, Span } from '../audio/span.js'
import type { Segment } from '../transcript/segment.js'
import { Lane } from './lane.js'

/** What the journal tells. */
export interface JournalEvents {
  /** the segment is kept, in the log or in the store, whichever was first; only now may anybody be told */
  stored(segment: Segment): void
  gapStored(gap: Gap): void
  /** another process owns the meeting: nothing more is written */
  claimLost(): void
}

const FLUSH_MS = 5_000
/** The store is asked when the log has answered, or after so long when it does not: the two do not compete for the processor. */
const STORE_AFTER_MS = 50
/** A disk that hangs must not keep the meeting from ending. */
const LOG_CLOSE_MS = 2_000
/** Final segments that may wait for a store that is away: hours of talk; beyond it the meeting is a fault, never a silent loss. */
const MAX_WAITING = 20_000

const spanKey = (span: Span): string => `${span.sessionId}/${span.channel}/${span.fromFrame}`

/**
 * Writes what a meeting yields, in lanes of one write at a time each that do not wait for one another.
 * J1 Finals go to a log on this host's disk at once, and right after it to the store, both times with the spans they rest on. Either
 *    makes them durable; a log that fails or hangs costs nothing but time. J2 The store is asked until it takes them or the journal is
 *    closed; what it has not taken by then stays in the log. J3 Spans alone, gaps, people and sessions are stored at most every five seconds.
 */
export class Journal {
  readonly #store: MeetingStore
  readonly #claim: Claim
  readonly #clock: Clock
  readonly #events: JournalEvents
  /** not in the store yet */
  #segments: Segment[] = []
  #unlogged: Segment[] = []
  /** not durable yet, so nobody knows of them */
  readonly #untold = new Set<Segment>()
  #gaps: Gap[] = []
  readonly #spans = new Map<string, Span>()
  readonly #sessions = new Map<string, SessionRecord>()
  #participants: readonly ParticipantRecord[] | null = null
  readonly #logs: FinalsLogs | null
  readonly #logger: Logger
  #log: FinalsLog | null = null
  readonly #logged: Lane
  readonly #finals: Lane
  readonly #rest: Lane
  readonly #abort = new AbortController()
  #lost = false

  /** @param options without `logs` finals are durable when the store has them */
  constructor(
    options: { store: MeetingStore; logs?: FinalsLogs | null; claim: Claim; clock: Clock; logger: Logger; random: () => number },
    events: JournalEvents,
  ) {
    this.#logs = options.logs ?? null
    this.#logger = options.logger
    this.#store = options.store
    this.#claim = options.claim
    this.#events = events
    this.#clock = options.clock
    const lane = (hasWork: () => boolean, write: () => Promise<void>) =>
      new Lane({
        ...options,
        signal: this.#abort.signal,
        hasWork: () => !this.#lost && hasWork(),
        write,
        onClaimLost: () => this.#loseClaim(),
      })
    this.#logged = lane(
      () => this.#unlogged.length > 0,
      () => this.#writeLog(),
    )
    this.#finals = lane(
      () => this.#segments.length > 0,
      () => this.#writeFinals(),
    )
    this.#rest = lane(
      () => this.#gaps.length + this.#spans.size + this.#sessions.size > 0 || this.#participants !== null,
      () => this.#writeRest(),
    )
  }

  /**
   * Opens the log and stores what an earlier bot of this meeting left in it. Call once, before anything else is written.
   * @throws what the store throws; without a disk there is no log, which is told in the log of this process
   */
  async open(): Promise<void> {
    try {
      this.#log = (await this.#logs?.open(this.#claim)) ?? null
    } catch (thrown) {
      this.#logger.warn({ err: toError(thrown) }, 'no log of finals: they wait for the store')
    }
    if (!this.#log) return
    try {
      for (const { segments, spans } of this.#log.left) {
        const stored = await this.#store.appendSegments(this.#claim, segments, spans)
        if (stored.length > 0) this.#logger.warn({ segments: stored.length }, 'finals left by an earlier bot stored')
      }
      await this.#log.forgetLeft()
    } catch (thrown) {
      await this.#log.close(true)
      throw thrown
    }
  }

  /** @throws Error when the store has been away so long that the bound is reached */
  segments(segments: readonly Segment[]): void {
    if (this.#segments.length + segments.length > MAX_WAITING) throw new Error(`the store has not answered for ${MAX_WAITING} segments`)
    this.#segments.push(...segments)
    for (const segment of segments) this.#untold.add(segment)
    if (this.#log) this.#unlogged.push(...segments)
    this.#logged.soon(0)
    this.#finals.soon(this.#log ? STORE_AFTER_MS : 0)
  }

  gap(gap: Gap): void {
    this.#gaps.push(gap)
    this.#rest.soon(FLUSH_MS)
  }

  span(span: Span): void {
    this.#spans.set(spanKey(span), span)
    this.#rest.soon(FLUSH_MS)
  }

  session(session: SessionRecord): void {
    this.#sessions.set(session.sessionId, session)
    this.#rest.soon(FLUSH_MS)
  }

  participants(participants: readonly ParticipantRecord[]): void {
    this.#participants = participants
    this.#rest.soon(FLUSH_MS)
  }

  /** Writes everything that waits; resolves when it is durable or when the claim is lost. */
  async flush(): Promise<void> {
    await Promise.all([this.#finals.flush(), this.#rest.flush()])
  }

  /** Gives up what waits after `deadlineMs`; returns how many segments could not be stored. */
  async close(deadlineMs: number): Promise<number> {
    const giveUp = this.#clock.after(deadlineMs, () => this.#abort.abort(new Error('the store did not answer in time')))
    try {
      await this.flush()
    } finally {
      giveUp()
      for (const lane of [this.#logged, this.#finals, this.#rest]) lane.close()
      await this.#closeLog()
    }
    return this.#segments.length
  }

  async #closeLog(): Promise<void> {
    const closed = deferred()
    const giveUp = this.#clock.after(LOG_CLOSE_MS, closed.resolve)
    this.#log?.close(this.#segments.length > 0).then(closed.resolve, (thrown: unknown) => {
      this.#logger.warn({ err: toError(thrown) }, 'log of finals could not be closed')
      closed.resolve()
    })
    if (!this.#log) closed.resolve()
    await closed.promise
    giveUp()
  }

  #loseClaim(): void {
    if (this.#lost) return
    this.#lost = true
    this.#events.claimLost()
  }

  /** What the log does not take is not offered again: the store has it soon. */
  async #writeLog(): Promise<void> {
    const segments = this.#unlogged
    this.#unlogged = []
    try {
      await this.#log?.append({ segments, spans: this.#spansOf(segments) })
      this.#tell(segments)
    } catch (thrown) {
      this.#logger.warn({ err: toError(thrown), segments: segments.length }, 'finals could not be logged')
    }
    this.#finals.soon(0)
  }

  /** Each batch is taken away only after it is stored. */
  async #writeFinals(): Promise<void> {
    const batch = this.#segments
    const spans = this.#spansOf(batch)
    this.#segments = []
    try {
      await this.#store.appendSegments(this.#claim, batch, spans)
    } catch (thrown) {
      this.#segments = [...batch, ...this.#segments]
      throw thrown
    }
    this.#written(spans)
    this.#tell(batch)
    if (this.#segments.length > 0) return
    this.#unlogged = []
    this.#log?.stored()
  }

  #tell(segments: readonly Segment[]): void {
    for (const segment of segments) if (this.#untold.delete(segment)) this.#events.stored(segment)
  }

  #spansOf(segments: readonly Segment[]): Span[] {
    const channels = new Set(segments.map((segment) => `${segment.sessionId}/${segment.channel}`))
    return [...this.#spans.values()].filter((span) => channels.has(`${span.sessionId}/${span.channel}`))
  }

  async #writeRest(): Promise<void> {
    if (this.#spans.size > 0) {
      const spans = [...this.#spans.values()]
      await this.#store.saveSpans(this.#claim, spans)
      this.#written(spans)
    }
    if (this.#gaps.length > 0) {
      const batch = [...this.#gaps]
      await this.#store.appendGaps(this.#claim, batch)
      this.#gaps = this.#gaps.slice(batch.length)
      for (const gap of batch) this.#events.gapStored(gap)
    }
    if (this.#participants) {
      const people = this.#participants
      await this.#store.saveParticipants(this.#claim, people)
      if (this.#participants === people) this.#participants = null
    }
    for (const [id, session] of this.#sessions) {
      await this.#store.saveSession(this.#claim, session)
      if (this.#sessions.get(id) === session) this.#sessions.delete(id)
    }
  }

  /** A span that has grown since is still to be written. */
  #written(spans: readonly Span[]): void {
    for (const span of spans) if (this.#spans.get(spanKey(span)) === span) this.#spans.delete(spanKey(span))
  }
}
