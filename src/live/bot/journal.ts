import type { Clock } from '../../core/time.js'
import type { Logger } from '../../observe/logger.js'
import type { Claim, MeetingStore, ParticipantRecord, SessionRecord, StoredSegment } from '../../records/port.js'
import type { Gap, Span } from '../audio/span.js'
import type { Segment } from '../transcript/segment.js'
import { Lane } from './lane.js'

/** What the journal tells. */
export interface JournalEvents {
  /** the segment is durable; only now may anybody be told */
  stored(segment: StoredSegment): void
  gapStored(gap: Gap): void
  /** another process owns the meeting: nothing more is written */
  claimLost(): void
}

const FLUSH_MS = 5_000
/** Final segments that may wait for a store that is away: hours of talk; beyond it the meeting is a fault, never a silent loss. */
const MAX_WAITING = 20_000

const spanKey = (span: Span): string => `${span.sessionId}/${span.channel}/${span.fromFrame}`

/**
 * Writes what a meeting yields, retrying until closed, in two lanes of one write at a time each: finals go out at once, together with
 * the spans they rest on; spans alone, gaps, people and sessions at most every five seconds. Neither lane waits for the other.
 */
export class Journal {
  readonly #store: MeetingStore
  readonly #claim: Claim
  readonly #clock: Clock
  readonly #events: JournalEvents
  #segments: Segment[] = []
  #gaps: Gap[] = []
  readonly #spans = new Map<string, Span>()
  readonly #sessions = new Map<string, SessionRecord>()
  #participants: readonly ParticipantRecord[] | null = null
  readonly #finals: Lane
  readonly #rest: Lane
  readonly #abort = new AbortController()
  #lost = false

  constructor(options: { store: MeetingStore; claim: Claim; clock: Clock; logger: Logger; random: () => number }, events: JournalEvents) {
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
    this.#finals = lane(
      () => this.#segments.length > 0,
      () => this.#writeFinals(),
    )
    this.#rest = lane(
      () => this.#gaps.length + this.#spans.size + this.#sessions.size > 0 || this.#participants !== null,
      () => this.#writeRest(),
    )
  }

  /** @throws Error when the store has been away so long that the bound is reached */
  segments(segments: readonly Segment[]): void {
    if (this.#segments.length + segments.length > MAX_WAITING) throw new Error(`the store has not answered for ${MAX_WAITING} segments`)
    this.#segments.push(...segments)
    this.#finals.soon(0)
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

  /** Gives up what waits after `deadlineMs`; returns how many segments could not be written. */
  async close(deadlineMs: number): Promise<number> {
    const giveUp = this.#clock.after(deadlineMs, () => this.#abort.abort(new Error('the store did not answer in time')))
    try {
      await this.flush()
    } finally {
      giveUp()
      this.#finals.close()
      this.#rest.close()
    }
    return this.#segments.length
  }

  #loseClaim(): void {
    if (this.#lost) return
    this.#lost = true
    this.#events.claimLost()
  }

  /** Each batch is taken away only after it is durable. */
  async #writeFinals(): Promise<void> {
    const batch = this.#segments
    const channels = new Set(batch.map((segment) => `${segment.sessionId}/${segment.channel}`))
    const spans = [...this.#spans.values()].filter((span) => channels.has(`${span.sessionId}/${span.channel}`))
    this.#segments = []
    let stored: readonly StoredSegment[]
    try {
      stored = await this.#store.appendSegments(this.#claim, batch, spans)
    } catch (thrown) {
      this.#segments = [...batch, ...this.#segments]
      throw thrown
    }
    this.#written(spans)
    for (const segment of stored) this.#events.stored(segment)
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
