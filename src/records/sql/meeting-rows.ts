import { sql, type Selectable } from 'kysely'
import { validate } from 'uuid'
import { ClaimLostError, ConflictError, NotFoundError } from '../../core/errors.js'
import { newMeetingId, type MeetingId } from '../../core/ids.js'
import type { Clock } from '../../core/time.js'
import type { Claim, MeetingFilter, MeetingReason, MeetingRecord, MeetingRequest, MeetingState, StuckStep } from '../port.js'
import { meetingOf, timeText } from './rows.js'
import { clean } from './sanitise.js'
import type { Sql } from './sql.js'
import type { MeetingTable } from './tables.js'
import { isFinal, statesBefore } from './transitions.js'
import { stuckStepOf, type StuckColumns } from './stuck-columns.js'

type MeetingRow = Selectable<MeetingTable>

/** a create that finds a running meeting which ends before it can be read is tried again, so often */
const CREATE_ATTEMPTS = 10
const MAX_PAGE = 500
/** A meeting for later whose end is not given: no bot comes when it is later than this. */
const WINDOW_MS = 3_600_000
/** As the unique index has it: a room has one such meeting. */
const RUNNING = sql`state NOT IN ('scheduled', 'finalising', 'done', 'failed', 'cancelled', 'missed')`

const missing = (id: string) => new NotFoundError(`there is no meeting ${id.slice(0, 64)}`)

/** @throws {NotFoundError} the id is no uuid, so nothing has it */
export function checkId(id: MeetingId): string {
  if (!validate(id)) throw missing(id)
  return id
}

/** A pattern in which `*` stands for any characters, for LIKE. */
const likeOf = (pattern: string): string =>
  clean(pattern)
    .replaceAll(/[\\%_]/g, '\\$&')
    .replaceAll('*', '%')

/** The rows of `meeting`: what was asked for, its state, who may write it. */
export class MeetingRows {
  readonly #sql: Sql
  readonly #clock: Clock

  constructor(sql: Sql, clock: Clock) {
    this.#sql = sql
    this.#clock = clock
  }

  async create(request: MeetingRequest): Promise<{ meeting: MeetingRecord; created: boolean }> {
    const nowMs = this.#clock.nowMs()
    const wanted = clean(request)
    const startAt = wanted.startAt === null ? null : timeText(wanted.startAt, 'startAt')
    const endAt = wanted.endAt === null ? null : timeText(wanted.endAt, 'endAt')
    const later = startAt !== null && Date.parse(startAt) > nowMs ? startAt : null
    const state: MeetingState = later === null ? 'queued' : 'scheduled'
    const lastAt = endAt ?? (later === null ? null : new Date(Date.parse(later) + WINDOW_MS).toISOString())
    // one of each room runs, and one is asked for at a time
    const [conflict, same] =
      later === null
        ? [sql`(room) WHERE ${RUNNING}`, sql`${RUNNING}`]
        : [sql`(room, start_at) WHERE state = 'scheduled'`, sql`state = 'scheduled' AND start_at = ${later}::timestamptz`]
    for (let attempt = 0; attempt < CREATE_ATTEMPTS; attempt++) {
      const [created] = await this.#sql.rows<MeetingRow>(sql`
        INSERT INTO roomscribe.meeting (id, room, title, language, vocabulary, slack_channel, start_at, end_at, due_at, bot_name, state, created_at)
        VALUES (${newMeetingId()}, ${wanted.room}, ${wanted.title}, ${wanted.language}, ${JSON.stringify(wanted.vocabulary)},
          ${wanted.slackChannel}, ${startAt}, ${lastAt}, ${later}, ${wanted.botName}, ${state}, ${new Date(nowMs).toISOString()})
        ON CONFLICT ${conflict} DO NOTHING
        RETURNING *`)
      if (created) return { meeting: meetingOf(created), created: true }
      const [there] = await this.#sql.rows<MeetingRow>(sql`SELECT * FROM roomscribe.meeting WHERE room = ${wanted.room} AND ${same}`)
      if (there?.deleted_at) throw new ConflictError(`the meeting of room ${wanted.room} is being deleted: ask again when its bot has left`)
      if (there) return { meeting: meetingOf(there), created: false }
    }
    throw new ConflictError(`meetings of room ${wanted.room} start and end faster than one can be created`)
  }

  /** @throws NotFoundError */
  missing(id: MeetingId): never {
    throw missing(id)
  }

  async meeting(id: MeetingId): Promise<MeetingRecord> {
    return meetingOf(await this.#row(id))
  }

  async meetingWithStep(id: MeetingId): Promise<{ meeting: MeetingRecord; stuck: StuckStep | null }> {
    const [row] = await this.#sql.rows<MeetingRow & StuckColumns>(sql`
      SELECT m.*, w.dead_id, w.dead_step, w.dead_reason, w.dead_attempts, w.dead_at FROM roomscribe.meeting m
        LEFT JOIN roomscribe.work w ON w.meeting_id = m.id AND w.dead_id IS NOT NULL
      WHERE m.id = ${checkId(id)} LIMIT 1`)
    if (!row) throw missing(id)
    return { meeting: meetingOf(row), stuck: stuckStepOf(row) }
  }

  async meetings(filter: MeetingFilter): Promise<readonly MeetingRecord[]> {
    if (filter.before !== undefined) checkId(filter.before)
    const rows = await this.#sql.attempt((db) => {
      let query = db
        .selectFrom('meeting')
        .selectAll()
        .where('deleted_at', 'is', null)
        .orderBy('id', 'desc')
        .limit(Math.max(1, Math.min(MAX_PAGE, Math.floor(filter.limit))))
      if (filter.state !== undefined) query = query.where('state', '=', filter.state)
      if (filter.room !== undefined) query = query.where('room', '=', clean(filter.room))
      if (filter.rooms !== undefined) query = query.where(sql<boolean>`room LIKE ANY(${filter.rooms.map(likeOf)}::text[])`)
      if (filter.before !== undefined) query = query.where('id', '<', filter.before)
      return query.execute()
    })
    return rows.map(meetingOf)
  }

  async lastOf(room: string): Promise<MeetingRecord | null> {
    const [row] = await this.#sql.rows<MeetingRow>(sql`
      SELECT * FROM roomscribe.meeting WHERE room = ${clean(room)} AND deleted_at IS NULL AND due_at IS NULL
      ORDER BY ${RUNNING} DESC, ended_at DESC NULLS LAST, id DESC LIMIT 1`)
    return row ? meetingOf(row) : null
  }

  async requestStop(id: MeetingId): Promise<MeetingRecord> {
    const now = new Date(this.#clock.nowMs()).toISOString()
    const [row] = await this.#sql.rows<MeetingRow>(sql`
      WITH stopped AS (
        UPDATE roomscribe.meeting SET
          stop_requested = true,
          state = CASE WHEN state IN ('scheduled', 'queued') THEN 'cancelled' ELSE state END,
          reason = CASE WHEN state IN ('scheduled', 'queued') THEN 'stopped' ELSE reason END,
          ended_at = CASE WHEN state IN ('scheduled', 'queued') THEN ${now}::timestamptz ELSE ended_at END
        WHERE id = ${checkId(id)} AND state NOT IN ('done', 'failed', 'cancelled', 'missed')
        RETURNING *)
      SELECT stopped.*, roomscribe.tell(id, 'state', NULL, ${this.#sql.origin}) FROM stopped`)
    // already over: nothing to stop, and nothing to say
    return meetingOf(row ?? (await this.#row(id)))
  }

  async setPaused(id: MeetingId, paused: boolean): Promise<MeetingRecord> {
    const [row] = await this.#sql.rows<MeetingRow>(sql`
      WITH changed AS (
        UPDATE roomscribe.meeting SET paused = ${paused}
        WHERE id = ${checkId(id)} AND state NOT IN ('finalising', 'done', 'failed', 'cancelled', 'missed')
        RETURNING *)
      SELECT changed.*, roomscribe.tell(id, 'state', NULL, ${this.#sql.origin}) FROM changed`)
    if (row) return meetingOf(row)
    const { state } = await this.#row(id)
    throw new ConflictError(`the meeting is ${state}: it can be neither paused nor resumed`)
  }

  async requestDelete(id: MeetingId): Promise<MeetingRecord> {
    await this.requestStop(id)
    const [row] = await this.#sql.rows<MeetingRow>(sql`
      UPDATE roomscribe.meeting SET deleted_at = coalesce(deleted_at, ${this.#now()}::timestamptz) WHERE id = ${checkId(id)} RETURNING *`)
    if (!row) throw missing(id)
    return meetingOf(row)
  }

  async deleted(limit: number): Promise<readonly MeetingRecord[]> {
    const rows = await this.#sql.rows<MeetingRow>(sql`
      SELECT * FROM roomscribe.meeting WHERE deleted_at IS NOT NULL ORDER BY deleted_at LIMIT ${limit}`)
    return rows.map(meetingOf)
  }

  async purge(id: MeetingId): Promise<boolean> {
    // what a calendar and writers said of it goes too: the occurrence stays, without a name, and the write, without its note
    const rows = await this.#sql.rows(sql`
      WITH nameless AS (
        UPDATE roomscribe.occurrence SET title = NULL, vocabulary = '[]' WHERE meeting_id = ${checkId(id)}
          AND EXISTS (SELECT 1 FROM roomscribe.meeting m WHERE m.id = ${id} AND m.deleted_at IS NOT NULL)),
      noteless AS (
        UPDATE roomscribe.audit SET note = NULL WHERE meeting_id = ${id} AND note IS NOT NULL
          AND EXISTS (SELECT 1 FROM roomscribe.meeting m WHERE m.id = ${id} AND m.deleted_at IS NOT NULL))
      DELETE FROM roomscribe.meeting WHERE id = ${checkId(id)} AND deleted_at IS NOT NULL RETURNING id`)
    return rows.length > 0
  }

  async claim(id: MeetingId): Promise<Claim> {
    const [row] = await this.#sql.rows<{ epoch: number }>(sql`
      UPDATE roomscribe.meeting SET epoch = epoch + 1
      WHERE id = ${checkId(id)} AND state NOT IN ('done', 'failed', 'cancelled', 'missed')
      RETURNING epoch`)
    if (row) return { meetingId: id, epoch: row.epoch }
    const { state } = await this.#row(id)
    throw new ConflictError(`meeting ${id} is over (${state})`)
  }

  async setState(
    claim: Claim,
    state: MeetingState,
    reason: MeetingReason | null,
    times: { startedAt?: string; endedAt?: string } = {},
  ): Promise<void> {
    const startedAt = times.startedAt === undefined ? null : timeText(times.startedAt, 'startedAt')
    const endedAt = times.endedAt === undefined ? (isFinal(state) ? this.#now() : null) : timeText(times.endedAt, 'endedAt')
    const changed = await this.#sql.rows(sql`
      WITH changed AS (
        UPDATE roomscribe.meeting SET state = ${state}, reason = ${reason},
          started_at = coalesce(${startedAt}::timestamptz, started_at),
          ended_at = ${times.endedAt === undefined ? sql`coalesce(ended_at, ${endedAt}::timestamptz)` : sql`${endedAt}::timestamptz`}
        WHERE id = ${checkId(claim.meetingId)} AND epoch = ${claim.epoch} AND state = ANY(${statesBefore(state)}::text[])
          AND (state NOT IN ('done', 'failed', 'cancelled', 'missed') OR reason IS NOT DISTINCT FROM ${reason}::text)
        RETURNING id)
      SELECT roomscribe.tell(id, 'state', NULL, ${this.#sql.origin}) FROM changed`)
    if (changed.length > 0) return
    const row = await this.checkClaim(claim)
    // a retry: the answer was lost, and what follows the meeting was faster
    if (state === 'finalising' && row.state === 'done' && row.reason === reason) return
    throw new ConflictError(`meeting ${claim.meetingId} is ${row.state}: it cannot become ${state}`)
  }

  async finish(id: MeetingId): Promise<MeetingRecord> {
    const [row] = await this.#sql.rows<MeetingRow>(sql`
      WITH finished AS (
        UPDATE roomscribe.meeting SET state = 'done', ended_at = coalesce(ended_at, ${this.#now()}::timestamptz)
        WHERE id = ${checkId(id)} AND state = 'finalising'
        RETURNING *)
      SELECT finished.*, roomscribe.tell(id, 'state', NULL, ${this.#sql.origin}) FROM finished`)
    const after = row ?? (await this.#row(id))
    if (after.state !== 'done') throw new ConflictError(`meeting ${id} is ${after.state}: only a finalising one can be finished`)
    return meetingOf(after)
  }

  /** The newest claim of a meeting and its state. @throws NotFoundError */
  async standing(id: MeetingId): Promise<{ epoch: number; state: MeetingState }> {
    const { epoch, state } = await this.#row(id)
    return { epoch, state }
  }

  /** The row of a claimed meeting, for telling why a claimed write changed nothing. @throws ClaimLostError, NotFoundError */
  async checkClaim(claim: Claim): Promise<MeetingRow> {
    const row = await this.#row(claim.meetingId)
    if (row.epoch !== claim.epoch) {
      throw new ClaimLostError(`meeting ${claim.meetingId} was taken over: epoch ${claim.epoch} is not current`)
    }
    return row
  }

  async #row(id: MeetingId): Promise<MeetingRow> {
    const [row] = await this.#sql.rows<MeetingRow>(sql`SELECT * FROM roomscribe.meeting WHERE id = ${checkId(id)}`)
    if (!row) throw missing(id)
    return row
  }

  #now(): string {
    return new Date(this.#clock.nowMs()).toISOString()
  }
}
