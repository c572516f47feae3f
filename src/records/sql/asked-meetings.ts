import { sql } from 'kysely'
import { asMeetingId, type MeetingId } from '../../core/ids.js'
import type { AskedOutcome } from '../schedules.js'
import type { Sql } from './sql.js'

const at = (ms: number): string => new Date(ms).toISOString()

/** Meetings that wait for their time, or for a bot: what becomes of them when it has come, and when it is over. */
export class AskedMeetings {
  readonly #sql: Sql
  readonly #told: (id: MeetingId) => void

  /** @param told of each meeting whose state is changed here, for listeners of this process */
  constructor(database: Sql, told: (id: MeetingId) => void) {
    this.#sql = database
    this.#told = told
  }

  async start(nowMs: number, limit: number): Promise<readonly AskedOutcome[]> {
    const rows = await this.#sql.rows<{ o_meeting: string; o_outcome: AskedOutcome['outcome'] }>(sql`
      SELECT * FROM roomscribe.start_meetings(${at(nowMs)}::timestamptz, ${limit}::integer, ${this.#sql.origin}::text)`)
    const outcomes = rows.map(({ o_meeting, o_outcome }) => ({ meetingId: asMeetingId(o_meeting), outcome: o_outcome }))
    for (const { meetingId, outcome } of outcomes) if (outcome !== 'waiting') this.#told(meetingId)
    return outcomes
  }

  async miss(nowMs: number): Promise<number> {
    const now = sql`${at(nowMs)}::timestamptz`
    // one that a bot has taken is that bot's, whatever its state says yet
    const missed = await this.#sql.rows<{ id: string }>(sql`
      WITH over AS (
        UPDATE roomscribe.meeting SET state = 'missed', reason = 'no_bot_in_time', ended_at = ${now}
        WHERE end_at <= ${now} AND (state = 'scheduled' OR (state = 'queued' AND epoch = 0)) RETURNING id)
      SELECT id, roomscribe.tell(id, 'state', NULL, ${this.#sql.origin}) FROM over`)
    for (const { id } of missed) this.#told(asMeetingId(id))
    return missed.length
  }
}
