import { sql, type RawBuilder } from 'kysely'
import { ClaimLostError, NotFoundError } from '../../core/errors.js'
import type { MeetingId } from '../../core/ids.js'
import { BACK_WITHIN_MS, noPlace, type ClaimBook, type Standing, type TakenClaim, type Unsettled } from '../claims.js'
import type { Claim, MeetingState } from '../port.js'
import { checkId } from './meeting-rows.js'
import type { Sql } from './sql.js'
import { isFinal } from './transitions.js'

interface StandingRow {
  readonly state: MeetingState
  readonly epoch: number
  readonly holder: string | null
  readonly beat: string | null
  readonly released: boolean | null
}

/** The store's clock, ms since 1970. */
const NOW_MS = sql<number>`(extract(epoch FROM clock_timestamp()) * 1000)::double precision`

/** Claims in SQL. Every move is one statement that changes the meeting's row only in the epoch that it was decided on. */
export class ClaimRows implements ClaimBook {
  readonly holder: string
  readonly #sql: Sql
  /** the store's clock when it answered the last sign of life, ms since 1970 */
  #answeredMs: number | null = null

  /** @param holder a uuid, fresh for each process */
  constructor(database: Sql, holder: string) {
    this.#sql = database
    this.holder = holder
  }

  async standing(id: MeetingId): Promise<Standing> {
    const [row] = await this.#sql.rows<StandingRow>(sql`
      SELECT m.state, m.epoch, c.holder, h.beat, c.released
      FROM roomscribe.meeting m
        LEFT JOIN roomscribe.claim c ON c.meeting_id = m.id AND c.epoch = m.epoch
        LEFT JOIN roomscribe.holder h ON h.id = c.holder
      WHERE m.id = ${checkId(id)}`)
    if (!row) throw new NotFoundError(`there is no meeting ${id}`)
    return { state: row.state, epoch: row.epoch, holder: row.holder, beat: row.beat, isReleased: row.released ?? false }
  }

  async take(id: MeetingId, seen: Pick<Standing, 'epoch' | 'isReleased'>, places: number | null = null): Promise<TakenClaim | null> {
    // a meeting that runs has its place, whoever takes it over
    const isCounted = places !== null && seen.epoch === 0
    const hasPlace = isCounted ? sql`AND roomscribe.has_place(id, ${places}::integer)` : sql``
    // 'state' wakes whoever runs the meeting elsewhere: it looks at its claim then
    const [row] = await this.#sql.rows<{
      epoch: number
      elapsed: number | null
      silent: number | null
      hears: number | null
      now: number
    }>(sql`
      WITH taken AS (
        UPDATE roomscribe.meeting SET epoch = epoch + 1
        WHERE id = ${checkId(id)} AND epoch = ${seen.epoch} AND state NOT IN ('scheduled', 'done', 'failed', 'cancelled', 'missed', 'finalising')
          AND (epoch > 0 OR end_at IS NULL OR end_at > clock_timestamp()) ${hasPlace}
        RETURNING id, epoch, started_at
      ), noted AS (
        INSERT INTO roomscribe.claim (meeting_id, epoch, holder, heard_at) SELECT id, epoch, ${this.holder}::uuid, (
          SELECT CASE WHEN c.entered OR c.epoch = 1 THEN h.beat_at ELSE c.heard_at END
          FROM roomscribe.claim c LEFT JOIN roomscribe.holder h ON h.id = c.holder
          WHERE c.meeting_id = taken.id AND c.epoch = ${seen.epoch}) FROM taken
        RETURNING heard_at
      )
      SELECT epoch, ${msSince(sql`started_at`)} AS elapsed,
        (SELECT ${msSince(sql`heard_at`)} FROM noted) AS silent,
        (SELECT ${msSince(sql`h.beat_at`)} FROM roomscribe.claim c JOIN roomscribe.holder h ON h.id = c.holder
          WHERE c.meeting_id = taken.id AND c.epoch < ${seen.epoch} AND c.released AND c.left_ms IS NULL
          ORDER BY c.epoch DESC LIMIT 1) AS hears,
        ${NOW_MS} AS now,
        roomscribe.tell(id, 'state', NULL, ${this.#sql.origin})
      FROM taken`)
    if (!row) {
      if (seen.epoch === 0) await this.#miss(id)
      if (isCounted && (await this.#isWaiting(id))) throw noPlace(places)
      return null
    }
    // whoever was to take its place died before it was in the room: it hears still
    const isHeard = row.hears !== null && row.hears < BACK_WITHIN_MS
    const silentMs = isHeard ? row.hears : row.silent
    return {
      claim: { meetingId: id, epoch: row.epoch },
      elapsedMs: row.elapsed === null ? null : Math.max(0, row.elapsed),
      storeNowMs: row.now,
      silentMs: silentMs === null ? null : Math.max(0, silentMs),
      isReleased: seen.isReleased || isHeard,
    }
  }

  /** A meeting whose end has come before anybody took it is not begun any more, however late its job comes. */
  async #miss(id: MeetingId): Promise<void> {
    await this.#sql.rows(sql`
      WITH over AS (
        UPDATE roomscribe.meeting SET state = 'missed', reason = 'no_bot_in_time', ended_at = clock_timestamp()
        WHERE id = ${checkId(id)} AND epoch = 0 AND state = 'queued' AND end_at <= clock_timestamp() RETURNING id)
      SELECT roomscribe.tell(id, 'state', NULL, ${this.#sql.origin}) FROM over`)
  }

  async #isWaiting(id: MeetingId): Promise<boolean> {
    const { epoch, state } = await this.standing(id)
    return epoch === 0 && !isFinal(state)
  }

  async entered(claim: Claim): Promise<void> {
    await this.#sql.rows(sql`
      UPDATE roomscribe.claim c SET entered = true FROM roomscribe.meeting m
      WHERE c.meeting_id = ${checkId(claim.meetingId)} AND c.epoch = ${claim.epoch} AND m.id = c.meeting_id AND m.epoch = c.epoch`)
  }

  async release(claim: Claim): Promise<void> {
    const released = await this.#sql.rows(sql`
      UPDATE roomscribe.claim c SET released = true FROM roomscribe.meeting m
      WHERE c.meeting_id = ${checkId(claim.meetingId)} AND c.epoch = ${claim.epoch} AND m.id = c.meeting_id AND m.epoch = c.epoch
      RETURNING c.epoch`)
    if (released.length === 0) throw lost(claim)
  }

  async left(claim: Claim, atMs: number): Promise<void> {
    await this.#sql.rows(sql`
      UPDATE roomscribe.claim SET left_ms = ${atMs}::double precision
      WHERE meeting_id = ${checkId(claim.meetingId)} AND epoch = ${claim.epoch} AND released`)
  }

  async leftBefore(claim: Claim): Promise<number | null> {
    const [row] = await this.#sql.rows<{ left_ms: number | null }>(sql`
      SELECT left_ms FROM roomscribe.claim WHERE meeting_id = ${checkId(claim.meetingId)} AND epoch < ${claim.epoch} AND released
      ORDER BY epoch DESC LIMIT 1`)
    return row?.left_ms ?? null
  }

  async settled(claim: Claim): Promise<void> {
    // nobody holds any more what was heard under it; the newest claim is somebody's
    await this.#sql.rows(sql`
      UPDATE roomscribe.claim c SET holder = NULL FROM roomscribe.meeting m
      WHERE c.meeting_id = ${checkId(claim.meetingId)} AND c.epoch = ${claim.epoch} AND c.holder = ${this.holder}::uuid AND c.released
        AND m.id = c.meeting_id AND m.epoch > c.epoch`)
  }

  async before(claim: Claim): Promise<readonly Unsettled[]> {
    return this.#sql.rows<Unsettled>(sql`
      SELECT c.epoch, h.id::text || ' ' || h.beat AS sign, c.revoked AS "isRevoked"
      FROM roomscribe.claim c LEFT JOIN roomscribe.holder h ON h.id = c.holder
      WHERE c.meeting_id = ${checkId(claim.meetingId)} AND c.epoch < ${claim.epoch} AND (c.released OR c.revoked)
        AND c.holder IS NOT NULL AND c.holder <> ${this.holder}::uuid
      ORDER BY c.epoch`)
  }

  async revoke(claim: Claim, epochs: readonly number[]): Promise<void> {
    await this.#sql.rows(sql`
      UPDATE roomscribe.claim c SET released = false, revoked = true FROM roomscribe.meeting m
      WHERE c.meeting_id = ${checkId(claim.meetingId)} AND c.epoch < ${claim.epoch} AND c.epoch = ANY(${epochs}::integer[]) AND c.released
        AND c.holder IS NOT NULL AND c.holder <> ${this.holder}::uuid AND m.id = c.meeting_id AND m.epoch = ${claim.epoch}`)
  }

  async standIn(claim: Claim): Promise<Claim> {
    const [row] = await this.#sql.rows<{ epoch: number; released: boolean | null; state: MeetingState }>(sql`
      SELECT m.epoch, c.released, m.state FROM roomscribe.meeting m
        LEFT JOIN roomscribe.claim c ON c.meeting_id = m.id AND c.epoch = ${claim.epoch}
      WHERE m.id = ${checkId(claim.meetingId)}`)
    if (!row) throw new NotFoundError(`there is no meeting ${claim.meetingId}`)
    if (row.epoch === claim.epoch) return claim
    if (row.released !== true || isFinal(row.state)) throw lost(claim)
    return { meetingId: claim.meetingId, epoch: row.epoch, standsFor: claim.epoch }
  }

  async nowMs(): Promise<number> {
    const [row] = await this.#sql.rows<{ now: number }>(sql`SELECT ${NOW_MS} AS now`)
    return row!.now
  }

  async beat(): Promise<void> {
    const [row] = await this.#sql.rows<{ now: number }>(sql`
      INSERT INTO roomscribe.holder (id, beat) VALUES (${this.holder}::uuid, 1)
      ON CONFLICT (id) DO UPDATE SET beat = holder.beat + 1,
        beat_at = coalesce(to_timestamp(${this.#answeredMs}::double precision / 1000), clock_timestamp())
      RETURNING ${NOW_MS} AS now`)
    this.#answeredMs = row?.now ?? null
  }

  async leave(): Promise<void> {
    // and processes that died without a word; one that lives and holds nothing is back with its next beat
    await this.#sql.rows(sql`
      DELETE FROM roomscribe.holder h WHERE h.id = ${this.holder}::uuid OR NOT EXISTS (
        SELECT 1 FROM roomscribe.claim c JOIN roomscribe.meeting m ON m.id = c.meeting_id AND m.epoch = c.epoch
        WHERE c.holder = h.id AND m.state NOT IN ('done', 'failed', 'cancelled', 'missed'))`)
  }
}

const msSince = (time: RawBuilder<unknown>): RawBuilder<unknown> =>
  sql`(extract(epoch FROM clock_timestamp() - ${time}) * 1000)::double precision`

const lost = (claim: Claim): ClaimLostError =>
  new ClaimLostError(`meeting ${claim.meetingId} was taken over: epoch ${claim.epoch} is not current`)
