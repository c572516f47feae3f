import { sql, type RawBuilder, type Selectable } from 'kysely'
import { codeOf, ClaimLostError } from '../../core/errors.js'
import type { MeetingId } from '../../core/ids.js'
import type { Gap, Span } from '../../live/audio/span.js'
import type { Segment } from '../../live/transcript/segment.js'
import type { Claim, CoverageShare, ParticipantRecord, SessionRecord, StoredCoverage, StoredReceipt, StoredSegment } from '../port.js'
import { coverageOf } from './coverage-document.js'
import { CLAIM_LOST } from './failures.js'
import { checkId, type MeetingRows } from './meeting-rows.js'
import { gapOf, jsonText, oneByKey, segmentColumns, segmentOf, sessionOf, spanOf } from './rows.js'
import { clean } from './sanitise.js'
import type { Sql } from './sql.js'
import type { GapTable, MeetingTable, SegmentTable, SessionTable } from './tables.js'

/** A gap with its number over all meetings: what a feed reader goes by. */
export interface NumberedGap {
  readonly n: number
  readonly gap: Gap
}

/**
 * What the live plane writes. Every write is one statement whose first step locks the meeting's row if the epoch is
 * current; without that row nothing is written. So a claim taken meanwhile is seen, and none can be taken in between.
 */
export class TranscriptRows {
  readonly #sql: Sql
  readonly #meetings: MeetingRows

  constructor(sql: Sql, meetings: MeetingRows) {
    this.#sql = sql
    this.#meetings = meetings
  }

  async saveParticipants(claim: Claim, participants: readonly ParticipantRecord[]): Promise<void> {
    await this.#updateMeeting(
      claim,
      sql`participants = ${jsonText(participants)}`,
      sql`, roomscribe.tell(id, 'state', NULL, ${this.#sql.origin})`,
    )
  }

  async saveCoverage(claim: Claim, { rows, complete, doubts }: StoredCoverage): Promise<void> {
    await this.#updateMeeting(claim, sql`coverage = ${jsonText({ rows, doubts })}, is_complete = ${complete}`)
  }

  async saveShare(claim: Claim, { epoch, rows, doubts }: CoverageShare): Promise<void> {
    await this.#fenced(
      claim,
      sql`INSERT INTO roomscribe.coverage_share (meeting_id, epoch, coverage)
        SELECT fenced.id, ${epoch}::integer, ${jsonText({ rows, doubts })}::jsonb FROM fenced
        ON CONFLICT (meeting_id, epoch) DO UPDATE SET coverage = excluded.coverage
        RETURNING NULL::integer AS n`,
    )
  }

  async saveSession(claim: Claim, session: SessionRecord): Promise<void> {
    const { sessionId, vendorId, channels, sampleRate, sentFrames, acknowledgedFrames, endReason, pendingTexts } = clean(session)
    await this.#fenced(
      claim,
      sql`INSERT INTO roomscribe.session (meeting_id, session_id, vendor_id, channels, sample_rate, sent_frames, acknowledged_frames, end_reason,
          pending_texts, epoch)
        SELECT fenced.id, ${sessionId}, ${vendorId}, ${channels}::integer, ${sampleRate}::integer, ${sentFrames}::bigint,
          ${acknowledgedFrames}::bigint, ${endReason}, ${pendingTexts ? jsonText(pendingTexts) : null}::jsonb, ${claim.standsFor ?? claim.epoch}::integer
        FROM fenced
        ON CONFLICT (meeting_id, session_id) DO UPDATE SET vendor_id = coalesce(excluded.vendor_id, session.vendor_id),
          channels = excluded.channels, sample_rate = excluded.sample_rate,
          end_reason = coalesce(excluded.end_reason, session.end_reason),
          pending_texts = CASE WHEN excluded.end_reason IS NULL AND session.end_reason IS NOT NULL THEN session.pending_texts
            ELSE excluded.pending_texts END,
          sent_frames = greatest(session.sent_frames, excluded.sent_frames),
          acknowledged_frames = greatest(session.acknowledged_frames, excluded.acknowledged_frames)
        RETURNING NULL::integer AS n`,
    )
  }

  async saveSpans(claim: Claim, spans: readonly Span[]): Promise<void> {
    await this.#fenced(
      claim,
      sql`INSERT INTO roomscribe.span (meeting_id, session_id, channel, from_frame, to_frame, track_key, identity, meeting_ms)
        SELECT fenced.id, s."sessionId", s.channel, s."fromFrame", s."toFrame", s."trackKey", s.identity, s."meetingMs"
        FROM fenced, jsonb_to_recordset(${jsonText(longestSpans(spans))}::jsonb) AS s("sessionId" text, channel integer, "fromFrame" bigint,
          "toFrame" bigint, "trackKey" text, identity text, "meetingMs" double precision)
        ON CONFLICT (meeting_id, session_id, channel, from_frame) DO UPDATE SET to_frame = greatest(span.to_frame, excluded.to_frame)
        RETURNING NULL::integer AS n`,
    )
  }

  /** @returns those that were not stored before, numbered, by number */
  async appendSegments(claim: Claim, segments: readonly Segment[], spans: readonly Span[]): Promise<readonly StoredSegment[]> {
    checkId(claim.meetingId)
    const given = oneByKey(
      segments.map((segment) => clean(segment)),
      (segment) => JSON.stringify([segment.sessionId, segment.utteranceId, segment.part]),
      (first) => first,
    )
    const rows = JSON.stringify(given.map(segmentColumns))
    try {
      const numbered = await this.#sql.rows<{ ordinal: number; seq: number }>(
        sql`SELECT * FROM roomscribe.append_segments(${claim.meetingId}, ${welcome(claim)}, ${rows}::jsonb,
          ${jsonText(longestSpans(spans))}::jsonb, ${this.#sql.origin})`,
      )
      return numbered.flatMap(({ ordinal, seq }) => {
        const segment = given[ordinal]
        return segment ? [{ ...segment, seq }] : []
      })
    } catch (thrown) {
      if (thrown instanceof Error && codeOf(thrown.cause) === CLAIM_LOST) return this.#lost(claim)
      throw thrown
    }
  }

  /** @returns those that were not stored before, numbered */
  async appendGaps(claim: Claim, gaps: readonly Gap[]): Promise<readonly NumberedGap[]> {
    const rows = await this.#fenced<GapTable>(
      claim,
      sql`INSERT INTO roomscribe.gap (meeting_id, identity, from_ms, to_ms, reason)
        SELECT fenced.id, g.identity, g."fromMs", g."toMs", g.reason
        FROM fenced, jsonb_to_recordset(${jsonText(gaps)}::jsonb) AS g(identity text, "fromMs" double precision, "toMs" double precision,
          reason text)
        ON CONFLICT (meeting_id, identity, from_ms, to_ms, reason) DO NOTHING
        RETURNING n, identity, from_ms, to_ms, reason`,
      sql`, roomscribe.tell(${claim.meetingId}::uuid, 'gap', (SELECT min(n) FROM written), ${this.#sql.origin})`,
    )
    return rows.map((row) => ({ n: row.n, gap: gapOf(row) }))
  }

  async segments(id: MeetingId, afterSeq = 0, limit?: number): Promise<readonly StoredSegment[]> {
    checkId(id)
    const rows = await this.#sql.rows<Selectable<SegmentTable>>(
      sql`SELECT * FROM roomscribe.segment WHERE meeting_id = ${id} AND seq > ${Math.min(Math.max(0, Math.floor(afterSeq)), 2_147_483_647)}
        ORDER BY seq LIMIT ${limit ?? null}`,
    )
    return this.#orMissing(id, rows.map(segmentOf))
  }

  async gaps(id: MeetingId): Promise<readonly Gap[]> {
    return this.#orMissing(
      id,
      (await this.numberedGaps(id, 0)).map(({ gap }) => gap),
    )
  }

  /** Gaps numbered above `afterN`, in order; empty for an unknown meeting. */
  async numberedGaps(id: MeetingId, afterN: number): Promise<readonly NumberedGap[]> {
    checkId(id)
    const rows = await this.#sql.attempt((db) =>
      db.selectFrom('gap').selectAll().where('meeting_id', '=', id).where('n', '>', afterN).orderBy('n').execute(),
    )
    return rows.map((row) => ({ n: row.n, gap: gapOf(row) }))
  }

  async spans(id: MeetingId): Promise<readonly Span[]> {
    checkId(id)
    const rows = await this.#sql.attempt((db) =>
      db
        .selectFrom('span')
        .selectAll()
        .where('meeting_id', '=', id)
        .orderBy('session_id')
        .orderBy('channel')
        .orderBy('from_frame')
        .execute(),
    )
    return this.#orMissing(id, rows.map(spanOf))
  }

  async sessions(id: MeetingId): Promise<readonly SessionRecord[]> {
    checkId(id)
    const rows = await this.#sql.attempt((db) =>
      db.selectFrom('session').selectAll().where('meeting_id', '=', id).orderBy('position').execute(),
    )
    return this.#orMissing(id, rows.map(sessionOf))
  }

  async coverage(id: MeetingId): Promise<StoredCoverage | null> {
    checkId(id)
    const row = await this.#sql.attempt((db) =>
      db.selectFrom('meeting').select(['coverage', 'is_complete']).where('id', '=', id).executeTakeFirst(),
    )
    return row ? storedCoverage(row) : this.#meetings.missing(id)
  }

  async shares(id: MeetingId): Promise<readonly CoverageShare[]> {
    checkId(id)
    const rows = await this.#sql.attempt((db) =>
      db.selectFrom('coverage_share').selectAll().where('meeting_id', '=', id).orderBy('epoch').execute(),
    )
    return this.#orMissing(
      id,
      rows.map(({ epoch, coverage }) => ({ epoch, ...coverage })),
    )
  }

  async receipt(id: MeetingId): Promise<StoredReceipt> {
    const [row] = await this.#sql.rows<ReceiptRow>(sql`
      SELECT coverage, is_complete, (
        SELECT coalesce(jsonb_agg(to_jsonb(s) ORDER BY s.position), '[]') FROM roomscribe.session s WHERE s.meeting_id = m.id) AS sessions, (
        SELECT coalesce(jsonb_agg(to_jsonb(g) ORDER BY g.n), '[]') FROM roomscribe.gap g WHERE g.meeting_id = m.id) AS gaps
      FROM roomscribe.meeting m WHERE id = ${checkId(id)}`)
    if (!row) return this.#meetings.missing(id)
    return { coverage: storedCoverage(row), sessions: row.sessions.map(sessionOf), gaps: row.gaps.map(gapOf) }
  }

  /** Where the feed stands: the highest numbers stored so far. */
  async position(id: MeetingId): Promise<{ seq: number; gap: number }> {
    const [row] = await this.#sql.rows<{ seq: number; gap: number }>(sql`
      SELECT last_seq AS seq, coalesce((SELECT max(n) FROM roomscribe.gap WHERE meeting_id = meeting.id), 0) AS gap
      FROM roomscribe.meeting WHERE id = ${checkId(id)}`)
    return row ?? { seq: 0, gap: 0 }
  }

  /** An empty answer may mean that there is no such meeting: then it says so. */
  async #orMissing<T>(id: MeetingId, found: readonly T[]): Promise<readonly T[]> {
    if (found.length === 0) await this.#meetings.meeting(id)
    return found
  }

  async #updateMeeting(claim: Claim, assignments: RawBuilder<unknown>, tell: RawBuilder<unknown> = sql``): Promise<void> {
    const changed = await this.#sql.rows(
      sql`UPDATE roomscribe.meeting SET ${assignments} WHERE id = ${checkId(claim.meetingId)} AND epoch = ${claim.epoch} RETURNING id ${tell}`,
    )
    if (changed.length === 0) await this.#lost(claim)
  }

  /** @param write inserts from `fenced` and returns a column `n`, null where rows have no number */
  async #fenced<Row>(claim: Claim, write: RawBuilder<unknown>, tell: RawBuilder<unknown> = sql``): Promise<Selectable<Row>[]> {
    const rows = await this.#sql.rows<Selectable<Row> & { n: number | null }>(sql`
      WITH fenced AS (
        SELECT id FROM roomscribe.meeting WHERE id = ${checkId(claim.meetingId)} AND epoch = ${welcome(claim)} FOR NO KEY UPDATE
      ), written AS (${write})
      SELECT written.* ${tell} FROM fenced LEFT JOIN written ON true`)
    if (rows.length === 0) await this.#lost(claim)
    return rows.filter((row) => row.n !== null)
  }

  async #lost(claim: Claim): Promise<never> {
    await this.#meetings.checkClaim(claim)
    // the claim was current a moment after the write: only a claim and its reversal could do that, and epochs only grow
    throw new ClaimLostError(`meeting ${claim.meetingId} did not take a write of epoch ${claim.epoch}`)
  }
}

/** Its epoch; NULL, which no meeting has, when the one that it stands in for was revoked: a revocation waits for writes on their way. */
const welcome = ({ meetingId, epoch, standsFor }: Claim): RawBuilder<number | null> =>
  standsFor === undefined
    ? sql`${epoch}::integer`
    : sql`(SELECT ${epoch}::integer FROM roomscribe.claim WHERE meeting_id = ${meetingId} AND epoch = ${standsFor} AND released FOR SHARE)`

type CoverageColumns = Pick<Selectable<MeetingTable>, 'coverage' | 'is_complete'>
type ReceiptRow = CoverageColumns & {
  readonly sessions: readonly Selectable<SessionTable>[]
  readonly gaps: readonly Selectable<GapTable>[]
}

const storedCoverage = ({ coverage, is_complete }: CoverageColumns): StoredCoverage | null =>
  coverage === null ? null : coverageOf(coverage, is_complete ?? false)

/** The longest version of each span. */
function longestSpans(spans: readonly Span[]): readonly Span[] {
  return oneByKey(
    spans,
    (span) => `${span.sessionId} ${span.channel} ${span.fromFrame}`,
    (a, b) => (b.toFrame >= a.toFrame ? b : a),
  )
}
