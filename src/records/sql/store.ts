import { sql } from 'kysely'
import { ClaimLostError, StateError } from '../../core/errors.js'
import type { MeetingId } from '../../core/ids.js'
import type { Scope } from '../../core/scope.js'
import type { Clock } from '../../core/time.js'
import type { Gap, Span } from '../../live/audio/span.js'
import type { CoverageRow, Doubt, Segment } from '../../live/transcript/segment.js'
import { storeLeft } from '../left-behind.js'
import type { Logger } from '../../observe/logger.js'
import type * as port from '../port.js'
import { Feed } from './feed.js'
import { MeetingRows } from './meeting-rows.js'
import { ResultRows } from './result-rows.js'
import type { Sql } from './sql.js'
import { TranscriptRows } from './transcript-rows.js'
import { isFinal } from './transitions.js'

/** a claim taken while segments are adopted makes one more attempt; so many claims in a row are no accident */
const ADOPT_ATTEMPTS = 10

/** The store on SQL: hands each call to the rows it concerns, and what was stored to the feed. */
export class SqlMeetingStore implements port.MeetingStore {
  readonly #sql: Sql
  readonly #meetings: MeetingRows
  readonly #transcripts: TranscriptRows
  readonly #results: ResultRows
  readonly #scope: Scope
  /** the live feed; whoever listens to other processes tells it of them */
  readonly feed: Feed

  /** @param scope the store's own: its close() ends it */
  constructor(sql: Sql, clock: Clock, logger: Logger, scope: Scope) {
    this.#sql = sql
    this.#scope = scope
    this.#meetings = new MeetingRows(sql, clock)
    this.#transcripts = new TranscriptRows(sql, this.#meetings)
    this.#results = new ResultRows(sql)
    const source = {
      position: (id: MeetingId) => this.#transcripts.position(id),
      segments: (id: MeetingId, afterSeq: number, limit: number) => this.#transcripts.segments(id, afterSeq, limit),
      numberedGaps: (id: MeetingId, afterN: number) => this.#transcripts.numberedGaps(id, afterN),
      meeting: (id: MeetingId) => this.#meetings.meeting(id),
    }
    this.feed = new Feed(source, scope, logger, clock)
  }

  create(request: port.MeetingRequest): Promise<{ meeting: port.MeetingRecord; created: boolean }> {
    return this.#meetings.create(request)
  }

  meeting(id: MeetingId): Promise<port.MeetingRecord> {
    return this.#meetings.meeting(id)
  }

  meetingWithStep(id: MeetingId): ReturnType<port.MeetingStore['meetingWithStep']> {
    return this.#meetings.meetingWithStep(id)
  }

  meetings(filter: port.MeetingFilter): Promise<readonly port.MeetingRecord[]> {
    return this.#meetings.meetings(filter)
  }

  lastOf(room: string): Promise<port.MeetingRecord | null> {
    return this.#meetings.lastOf(room)
  }

  async requestStop(id: MeetingId): Promise<port.MeetingRecord> {
    const meeting = await this.#meetings.requestStop(id)
    this.feed.state(id, meeting.state, meeting.reason)
    return meeting
  }

  async setPaused(id: MeetingId, paused: boolean): Promise<port.MeetingRecord> {
    const meeting = await this.#meetings.setPaused(id, paused)
    this.feed.state(id, meeting.state, meeting.reason)
    return meeting
  }

  async requestDelete(id: MeetingId): Promise<port.MeetingRecord> {
    const meeting = await this.#meetings.requestDelete(id)
    this.feed.state(id, meeting.state, meeting.reason)
    return meeting
  }

  deleted(limit: number): Promise<readonly port.MeetingRecord[]> {
    return this.#meetings.deleted(limit)
  }

  purge(id: MeetingId): Promise<boolean> {
    return this.#meetings.purge(id)
  }

  claim(id: MeetingId): Promise<port.Claim> {
    return this.#meetings.claim(id)
  }

  async setState(
    claim: port.Claim,
    state: port.MeetingState,
    reason: port.MeetingReason | null,
    times?: { startedAt?: string; endedAt?: string },
  ): Promise<void> {
    await this.#meetings.setState(claim, state, reason, times)
    this.feed.state(claim.meetingId, state, reason)
  }

  async saveParticipants(claim: port.Claim, participants: readonly port.ParticipantRecord[]): Promise<void> {
    await this.#transcripts.saveParticipants(claim, participants)
    this.feed.announced(claim.meetingId, { state: true })
  }

  saveSession(claim: port.Claim, session: port.SessionRecord): Promise<void> {
    return this.#transcripts.saveSession(claim, session)
  }

  saveSpans(claim: port.Claim, spans: readonly Span[]): Promise<void> {
    return this.#transcripts.saveSpans(claim, spans)
  }

  appendSegments(claim: port.Claim, segments: readonly Segment[], spans: readonly Span[] = []): Promise<readonly port.StoredSegment[]> {
    return this.feed.segments(claim.meetingId, this.#transcripts.appendSegments(claim, segments, spans))
  }

  async adopt(claim: port.Claim, left: port.FinalsBatch): Promise<{ stored: number; isOver: boolean }> {
    for (let attempt = 1; ; attempt++) {
      const { epoch, state } = await this.#meetings.standing(claim.meetingId)
      try {
        const stored = await storeLeft(this, { ...claim, epoch }, left)
        return { stored, isOver: isFinal(state) || epoch !== claim.epoch }
      } catch (thrown) {
        // claimed in between: that claim is the one to write under
        if (!(thrown instanceof ClaimLostError) || attempt === ADOPT_ATTEMPTS) throw thrown
      }
    }
  }

  appendGaps(claim: port.Claim, gaps: readonly Gap[]): Promise<void> {
    return this.feed.gaps(claim.meetingId, this.#transcripts.appendGaps(claim, gaps))
  }

  saveCoverage(claim: port.Claim, coverage: readonly CoverageRow[], complete: boolean, doubts: readonly Doubt[] = []): Promise<void> {
    return this.#transcripts.saveCoverage(claim, { rows: coverage, complete, doubts })
  }

  saveShare(claim: port.Claim, share: port.CoverageShare): Promise<void> {
    return this.#transcripts.saveShare(claim, share)
  }

  segments(id: MeetingId, afterSeq?: number, limit?: number): Promise<readonly port.StoredSegment[]> {
    return this.#transcripts.segments(id, afterSeq, limit)
  }

  numberedGaps(id: MeetingId, after: number): Promise<readonly { n: number; gap: Gap }[]> {
    return this.#transcripts.numberedGaps(id, after)
  }

  feedPosition(id: MeetingId): Promise<port.FeedPosition> {
    return this.#transcripts.position(id)
  }

  gaps(id: MeetingId): Promise<readonly Gap[]> {
    return this.#transcripts.gaps(id)
  }

  spans(id: MeetingId): Promise<readonly Span[]> {
    return this.#transcripts.spans(id)
  }

  sessions(id: MeetingId): Promise<readonly port.SessionRecord[]> {
    return this.#transcripts.sessions(id)
  }

  coverage(id: MeetingId): Promise<port.StoredCoverage | null> {
    return this.#transcripts.coverage(id)
  }

  shares(id: MeetingId): Promise<readonly port.CoverageShare[]> {
    return this.#transcripts.shares(id)
  }

  receipt(id: MeetingId): ReturnType<port.MeetingStore['receipt']> {
    return this.#transcripts.receipt(id)
  }

  saveSummary(summary: port.SummaryRecord): Promise<void> {
    return this.#results.saveSummary(summary)
  }

  summary(id: MeetingId): Promise<port.SummaryRecord | null> {
    return this.#results.summary(id)
  }

  intendDelivery(id: MeetingId, destination: string, part: string): Promise<port.DeliveryRecord> {
    return this.#results.intendDelivery(id, destination, part)
  }

  markDelivered(id: MeetingId, destination: string, part: string, reference: string): Promise<void> {
    return this.#results.markDelivered(id, destination, part, reference)
  }

  deliveries(id: MeetingId): Promise<readonly port.DeliveryRecord[]> {
    return this.#results.deliveries(id)
  }

  async finish(id: MeetingId): Promise<void> {
    const meeting = await this.#meetings.finish(id)
    this.feed.state(id, meeting.state, meeting.reason)
  }

  subscribe(id: MeetingId, listener: (event: port.FeedEvent) => void, after?: number | port.FeedPosition): () => void {
    if (this.#scope.signal.aborted) throw new StateError('the store is closed')
    return this.feed.subscribe(id, listener, after)
  }

  async ping(): Promise<void> {
    await this.#sql.rows(sql`SELECT 1`)
  }

  /** Ends the live feed; the connections belong to whoever opened them. */
  async close(): Promise<void> {
    this.feed.clear()
    await this.#scope.close()
  }
}
