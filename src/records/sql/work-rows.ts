import { sql, type Selectable } from 'kysely'
import { asMeetingId, type MeetingId } from '../../core/ids.js'
import type { DueWork, StuckStep, WorkBook } from '../port.js'
import { checkId } from './meeting-rows.js'
import { cleanText } from './sanitise.js'
import type { Sql } from './sql.js'
import { stuckStepOf } from './stuck-columns.js'
import type { WorkTable } from './tables.js'

/** Reasons of failures are for people: as much as fits on a screen. */
const REASON_CHARS = 1_000

/** The rows of `work`. When something is due is a matter of the database's clock: hosts may differ. */
export class WorkRows implements WorkBook {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  async takeDue(limit: number, leaseMs: number): Promise<readonly DueWork[]> {
    const rows = await this.#sql.rows<Pick<Selectable<WorkTable>, 'meeting_id' | 'kind' | 'added'>>(sql`
      UPDATE roomscribe.work w SET due_at = clock_timestamp() + ${leaseMs}::double precision * interval '1 millisecond'
      FROM (
        SELECT meeting_id, kind FROM roomscribe.work WHERE due_at <= clock_timestamp()
        ORDER BY due_at, meeting_id LIMIT ${limit} FOR UPDATE SKIP LOCKED
      ) due
      WHERE w.meeting_id = due.meeting_id AND w.kind = due.kind
      RETURNING w.meeting_id, w.kind, w.added`)
    return rows.map(({ meeting_id, kind, added }) => ({ meetingId: asMeetingId(meeting_id), kind, added }))
  }

  async putOff(work: readonly Pick<DueWork, 'meetingId' | 'kind'>[], ms: number, isAdded: boolean): Promise<void> {
    if (work.length === 0) return
    const keys = JSON.stringify(work.map(({ meetingId, kind }) => ({ id: checkId(meetingId), kind })))
    await this.#sql.rows(sql`
      UPDATE roomscribe.work w SET
        due_at = clock_timestamp() + ${ms}::double precision * interval '1 millisecond', added = w.added + ${isAdded ? 1 : 0}
      FROM jsonb_to_recordset(${keys}::jsonb) AS k(id uuid, kind text)
      WHERE w.meeting_id = k.id AND w.kind = k.kind`)
  }

  async hurry(id: MeetingId): Promise<void> {
    await this.#sql.rows(sql`UPDATE roomscribe.work SET due_at = clock_timestamp() WHERE meeting_id = ${checkId(id)}`)
  }

  async setStuck({ meetingId, kind }: Pick<DueWork, 'meetingId' | 'kind'>, step: StuckStep | null): Promise<void> {
    // a row that says so already is not written again
    await this.#sql.rows(sql`
      UPDATE roomscribe.work SET dead_id = ${step?.id ?? null}::text, dead_step = ${step?.step ?? null}::text,
        dead_reason = ${step === null ? null : cleanText(step.reason.slice(0, REASON_CHARS))}::text,
        dead_attempts = ${step?.attempts ?? null}::integer, dead_at = ${step?.failedAt ?? null}::timestamptz
      WHERE meeting_id = ${checkId(meetingId)} AND kind = ${kind}
        AND (dead_id IS DISTINCT FROM ${step?.id ?? null}::text OR dead_at IS DISTINCT FROM ${step?.failedAt ?? null}::timestamptz)`)
  }

  async stuck(ids: readonly MeetingId[]): Promise<ReadonlyMap<MeetingId, StuckStep>> {
    if (ids.length === 0) return new Map()
    const rows = await this.#sql.rows<Selectable<WorkTable>>(sql`
      SELECT * FROM roomscribe.work WHERE meeting_id = ANY(${ids.map(checkId)}::uuid[]) AND dead_id IS NOT NULL`)
    return new Map(
      rows.flatMap((row) => {
        const step = stuckStepOf(row)
        return step ? [[asMeetingId(row.meeting_id), step] as const] : []
      }),
    )
  }
}
