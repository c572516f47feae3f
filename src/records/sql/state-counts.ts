import { sql } from 'kysely'
import type { MeetingState } from '../port.js'
import type { Sql } from './sql.js'

/** How many meetings that are not over there are in each state; a state without any is absent. */
export async function stateCounts(from: Sql): Promise<ReadonlyMap<MeetingState, number>> {
  const rows = await from.rows<{ state: MeetingState; meetings: number }>(sql`
    SELECT state, count(*)::integer AS meetings FROM roomscribe.meeting
    WHERE state NOT IN ('done', 'failed', 'cancelled', 'missed') GROUP BY state`)
  return new Map(rows.map(({ state, meetings }) => [state, meetings]))
}
