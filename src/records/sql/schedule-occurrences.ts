import { sql, type RawBuilder } from 'kysely'
import { asMeetingId, asOccurrenceId, asScheduleId, newMeetingId, newOccurrenceId, type ScheduleId } from '../../core/ids.js'
import type {
  NextDue,
  OccurrenceDraft,
  OccurrenceRecord,
  OccurrenceState,
  Planned,
  SchedulePlan,
  ScheduleRecord,
  Started,
} from '../schedules.js'
import { timeText } from './rows.js'
import { clean } from './sanitise.js'
import { checkScheduleId } from './schedule-rows.js'
import type { Sql } from './sql.js'

interface OccurrenceRow {
  readonly id: string
  readonly schedule_id: string
  readonly key: string
  readonly start_at: Date
  readonly end_at: Date
  readonly title: string | null
  readonly room: string | null
  readonly room_problem: string | null
  readonly language: string | null
  readonly vocabulary: readonly string[]
  readonly state: OccurrenceState
  readonly reason: string | null
  readonly meeting_id: string | null
}

const MAX_PAGE = 500
/** of a page, what is over takes this part at most */
const OVER_PART = 4
const at = (ms: number): string => new Date(ms).toISOString()

/** The rows of `occurrence`. */
export class OccurrenceRows {
  readonly #sql: Sql

  constructor(database: Sql) {
    this.#sql = database
  }

  async occurrences(id: ScheduleId, nowMs: number, limit: number): Promise<readonly OccurrenceRecord[]> {
    const page = Math.max(1, Math.min(MAX_PAGE, Math.floor(limit)))
    const now = sql`${at(nowMs)}::timestamptz`
    const rows = await this.#sql.rows<OccurrenceRow>(sql`
      WITH over AS (
        SELECT * FROM roomscribe.occurrence WHERE schedule_id = ${checkScheduleId(id)} AND end_at <= ${now}
        ORDER BY start_at DESC, id DESC LIMIT ${Math.floor(page / OVER_PART)}
      ), next AS (
        SELECT * FROM roomscribe.occurrence WHERE schedule_id = ${id} AND end_at > ${now}
        ORDER BY start_at, id LIMIT ${page}::integer - (SELECT count(*) FROM over)
      )
      SELECT * FROM (SELECT * FROM over UNION ALL SELECT * FROM next) both_of_them ORDER BY start_at, id`)
    return rows.map(occurrenceOf)
  }

  async plan({ id, version }: Pick<ScheduleRecord, 'id' | 'version'>, plan: SchedulePlan, nowMs: number): Promise<Planned> {
    const rows = plan.drafts.map((draft) => draftColumns(clean(draft)))
    const answers = await this.#sql.rows<{ o_changed: number; o_orphan: string | null }>(sql`
      SELECT * FROM roomscribe.apply_plan(${checkScheduleId(id)}::uuid, ${version}::integer, ${at(nowMs)}::timestamptz,
        ${timeText(plan.untilAt, 'untilAt')}::timestamptz, ${JSON.stringify(rows)}::jsonb, ${[...plan.unreadable]}::text[])`)
    const last = answers.at(-1)
    return {
      isCurrent: last !== undefined,
      changed: last?.o_changed ?? 0,
      orphans: answers.flatMap(({ o_orphan }) => (o_orphan === null ? [] : [asMeetingId(o_orphan)])),
    }
  }

  async startDue(nowMs: number, limit: number): Promise<readonly Started[]> {
    const now = sql`${at(nowMs)}::timestamptz`
    const ids = Array.from({ length: limit }, () => newMeetingId())
    // an occurrence that had joined a meeting which ended before a minute of it was over has had no bot: it gets one
    await this.#sql.rows(sql`
      UPDATE roomscribe.occurrence SET state = 'planned', meeting_id = NULL, due_at = ${now},
        reason = 'the meeting that it had joined ended before it began'
      WHERE id IN (
        SELECT o.id ${widowed(now)}
        LIMIT ${limit} FOR UPDATE OF o SKIP LOCKED)`)
    const rows = await this.#sql.rows<{
      o_occurrence: string
      o_schedule: string
      o_outcome: Started['outcome']
      o_meeting: string | null
      o_own: boolean
    }>(sql`SELECT * FROM roomscribe.start_due(${now}, ${ids}::uuid[])`)
    return rows.map((row) => ({
      occurrenceId: asOccurrenceId(row.o_occurrence),
      scheduleId: asScheduleId(row.o_schedule),
      outcome: row.o_outcome,
      meetingId: row.o_meeting === null ? null : asMeetingId(row.o_meeting),
      isOwn: row.o_own,
    }))
  }

  async nextDue(nowMs: number): Promise<NextDue> {
    const now = sql`${at(nowMs)}::timestamptz`
    const [row] = await this.#sql.rows<{ start_at: Date | null; look_at: Date | null; meeting_at: Date | null }>(sql`
      SELECT least((SELECT min(due_at) FROM roomscribe.occurrence WHERE state = 'planned'),
          CASE WHEN EXISTS (SELECT 1 ${widowed(now)}) THEN ${now} END) AS start_at,
        (SELECT min(look_at) FROM roomscribe.schedule WHERE enabled) AS look_at,
        least((SELECT min(due_at) FROM roomscribe.meeting WHERE state = 'scheduled'),
          (SELECT min(end_at) FROM roomscribe.meeting WHERE state = 'queued' AND epoch = 0)) AS meeting_at`)
    const ms = (time: Date | null | undefined) => time?.getTime() ?? null
    return { startMs: ms(row?.start_at), lookMs: ms(row?.look_at), meetingMs: ms(row?.meeting_at) }
  }
}

/** Occurrences, as `o`, that had joined a meeting which ended before a minute of them was over. */
const widowed = (now: RawBuilder<unknown>) => sql`
  FROM roomscribe.occurrence o JOIN roomscribe.meeting m ON m.id = o.meeting_id
  WHERE o.state = 'started' AND NOT o.is_own AND o.end_at > ${now}
    AND m.state IN ('finalising', 'done', 'failed', 'cancelled', 'missed')
    AND coalesce(m.ended_at, ${now}) <= o.start_at + interval '60 seconds'`

/** As `apply_plan` reads them. */
function draftColumns(draft: OccurrenceDraft): object {
  return {
    id: newOccurrenceId(),
    key: draft.key,
    start_at: draft.startAt,
    end_at: draft.endAt,
    title: draft.title,
    room: draft.room,
    room_problem: draft.roomProblem,
    language: draft.language,
    vocabulary: draft.vocabulary,
    cancelled: draft.isCancelled,
  }
}

function occurrenceOf(row: OccurrenceRow): OccurrenceRecord {
  return {
    id: asOccurrenceId(row.id),
    scheduleId: asScheduleId(row.schedule_id),
    key: row.key,
    startAt: row.start_at.toISOString(),
    endAt: row.end_at.toISOString(),
    title: row.title,
    room: row.room,
    roomProblem: row.room_problem,
    language: row.language,
    vocabulary: row.vocabulary,
    state: row.state,
    reason: row.reason,
    meetingId: row.meeting_id === null ? null : asMeetingId(row.meeting_id),
  }
}
