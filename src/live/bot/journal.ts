import { ClaimLostError, toError } from '../../core/errors.js'
import { backoffMs } from '../../core/backoff.js'
import type { Clock } from '../../core/time.js'
import type { Logger } from '../../observe/logger.js'
import type { Claim, MeetingStore, ParticipantRecord, SessionRecord, StoredSegment } from '../../records/port.js'
import type { Gap, Span } from '../audio/span.js'
import type { Segment } from '../transcript/segment.js'

/** What the journal tells. */
export interface JournalEvents {
  /** the segment is durable; only now may anybody be told */
  stored(segment: StoredSegment): void
  gapStored(gap: Gap): void
  /** another process owns the meeting: nothing more is written */
  claimLost(): void
}

const FLUSH_MS = 1_000
const RETRY = { firstMs: 100, maxMs: 5_000 }
/** Final segments that may wait for a store that is away: hours of talk; beyond it the meeting is a fault, never a silent loss. */
const MAX_WAITING = 20_000

const spanKey = (span: Span): string => `${span.sessionId}/${span.channel}/${span.fromFrame}`

/**
 * Writes what a meeting yields, in order, one write at a time, retrying until closed.
 * Finals go out at once with the spans they rest on; spans alone, people and sessions at most once a second.
 */
export class Journal {
  readonly #store: MeetingStore
  readonly #claim: Claim
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #random: () => number
  readonly #events: JournalEvents
  #segments: Segment[] = []
  #gaps: Gap[] = []
  readonly #spans = new Map<string, Span>()
  readonly #sessions = new Map<string, SessionRecord>()
  #participants: readonly ParticipantRecord[] | null = null
  #writing: Promise<void> | null = null
  #cancelFlush: (() => void) | null = null
  #lost = false
  readonly #abort = new AbortController()

  constructor(options: { store: MeetingStore; claim: Claim; clock: Clock; logger: Logger; random: () => number }, events: JournalEvents) {
    this.#store = options.store
    this.#claim = options.claim
    this.#clock = options.clock
    this.#logger = options.logger
    this.#random = options.random
    this.#events = events
  }

  /** @throws Error when the store has been away so long that the bound is reached */
  segments(segments: readonly Segment[]): void {
    if (this.#segments.length + segments.length > MAX_WAITING) throw new Error(`the store has not answered for ${MAX_WAITING} segments`)
    this.#segments.push(...segments)
    this.#kick()
  }

  gap(gap: Gap): void {
    this.#gaps.push(gap)
    this.#later()
  }

  span(span: Span): void {
    this.#spans.set(spanKey(span), span)
    this.#later()
  }

  session(session: SessionRecord): void {
    this.#sessions.set(session.sessionId, session)
    this.#later()
  }

  participants(participants: readonly ParticipantRecord[]): void {
    this.#participants = participants
    this.#later()
  }

  /** Writes everything that waits; resolves when it is durable or when the claim is lost. */
  async flush(): Promise<void> {
    this.#kick()
    while (this.#writing) await this.#writing
  }

  /** Gives up what waits after `deadlineMs`; returns how many segments could not be written. */
  async close(deadlineMs: number): Promise<number> {
    const giveUp = this.#clock.after(deadlineMs, () => this.#abort.abort(new Error('the store did not answer in time')))
    try {
      await this.flush()
    } finally {
      giveUp()
      this.#cancelFlush?.()
      this.#cancelFlush = null
    }
    return this.#segments.length
  }

  #later(): void {
    if (this.#lost || this.#writing || this.#cancelFlush || this.#abort.signal.aborted) return
    this.#cancelFlush = this.#clock.after(FLUSH_MS, () => {
      this.#cancelFlush = null
      this.#kick()
    })
  }

  #kick(): void {
    if (this.#lost || this.#writing || this.#abort.signal.aborted) return
    this.#cancelFlush?.()
    this.#cancelFlush = null
    this.#writing = this.#drain().finally(() => {
      this.#writing = null
      // what came between the last look and here must not wait for the next flush
      if (this.#segments.length > 0) this.#kick()
      else if (this.#waiting()) this.#later()
    })
  }

  #waiting(): boolean {
    return this.#segments.length + this.#gaps.length + this.#spans.size + this.#sessions.size > 0 || this.#participants !== null
  }

  async #drain(): Promise<void> {
    for (let attempt = 0; this.#waiting() && !this.#lost;) {
      try {
        await this.#writeOnce()
        attempt = 0
      } catch (thrown) {
        if (thrown instanceof ClaimLostError) {
          this.#lost = true
          this.#events.claimLost()
          return
        }
        this.#logger.warn({ err: toError(thrown), attempt, segments: this.#segments.length }, 'store write failed, will be repeated')
        try {
          await this.#clock.sleep(backoffMs(RETRY, attempt, this.#random), this.#abort.signal)
        } catch {
          return // closed: what waits is counted by close()
        }
        attempt++
      }
    }
  }

  /** One round: each batch is taken away only after it is durable. */
  async #writeOnce(): Promise<void> {
    if (this.#spans.size > 0) {
      const spans = [...this.#spans.values()]
      await this.#store.saveSpans(this.#claim, spans)
      for (const span of spans) if (this.#spans.get(spanKey(span)) === span) this.#spans.delete(spanKey(span))
    }
    if (this.#segments.length > 0) {
      const batch = this.#segments
      this.#segments = []
      try {
        for (const stored of await this.#store.appendSegments(this.#claim, batch)) this.#events.stored(stored)
      } catch (thrown) {
        this.#segments = [...batch, ...this.#segments]
        throw thrown
      }
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
}
