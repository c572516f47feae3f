import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import { asMeetingId, type MeetingId } from '../../core/ids.js'
import type { AutoJoinBook, RoomMemory } from '../auto-join.js'
import type { Sql } from './sql.js'

/** A signature is valid for five minutes and a tolerance: whoever sends an event again later has none. */
const KEEP_EVENTS = '1 hour'
const KEEP_ROOMS = '30 days'
/** LiveKit's are 15 characters */
const ID_CHARS = 200

interface MemoryRow {
  readonly meeting_id: string
  readonly room_sid: string | null
  readonly is_own: boolean
  readonly is_cleared: boolean
}

const hashOf = (room: string): string => createHash('sha256').update(room).digest('hex')

/** The rows of `webhook_event`, `auto_join` and `auto_join_round`. */
export class AutoJoinRows implements AutoJoinBook {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  async memory(room: string): Promise<RoomMemory | null> {
    const [row] = await this.#sql.rows<MemoryRow>(sql`
      SELECT meeting_id, room_sid, is_own, is_cleared FROM roomscribe.auto_join WHERE room_hash = ${hashOf(room)}`)
    if (!row) return null
    return { meetingId: asMeetingId(row.meeting_id), sid: row.room_sid, isOwn: row.is_own, isCleared: row.is_cleared }
  }

  async remember(room: string, { meetingId, sid, isOwn, isCleared }: RoomMemory, seen?: MeetingId): Promise<void> {
    // ids of version 7 grow: what is known of a newer meeting is not written over, unless this rests on it
    await this.#sql.rows(sql`
      INSERT INTO roomscribe.auto_join (room_hash, meeting_id, room_sid, is_own, is_cleared)
      VALUES (${hashOf(room)}, ${meetingId}::uuid, ${sid}::text, ${isOwn}, ${isCleared})
      ON CONFLICT (room_hash) DO UPDATE SET meeting_id = excluded.meeting_id, room_sid = excluded.room_sid, is_own = excluded.is_own,
        is_cleared = excluded.is_cleared, changed_at = clock_timestamp()
      WHERE auto_join.meeting_id <= excluded.meeting_id OR auto_join.meeting_id = ${seen ?? null}::uuid`)
  }

  async firstSeen(eventId: string): Promise<number | null> {
    const [row] = await this.#sql.rows<{ is_new: boolean; age_ms: number | null }>(sql`
      WITH kept AS (
        INSERT INTO roomscribe.webhook_event (id) VALUES (${eventId.slice(0, ID_CHARS)}) ON CONFLICT DO NOTHING RETURNING id)
      SELECT EXISTS (SELECT 1 FROM kept) AS is_new,
        (SELECT extract(epoch FROM clock_timestamp() - received_at)::double precision * 1000 FROM roomscribe.webhook_event
          WHERE id = ${eventId.slice(0, ID_CHARS)}) AS age_ms`)
    if (row?.is_new === true) return null
    // kept by a statement that ran at the same time: not to be seen by this one
    return row?.age_ms ?? 0
  }

  async hasSeen(eventId: string): Promise<boolean> {
    const rows = await this.#sql.rows(sql`SELECT 1 FROM roomscribe.webhook_event WHERE id = ${eventId.slice(0, ID_CHARS)}`)
    return rows.length > 0
  }

  async takeRound(everyMs: number): Promise<boolean> {
    const next = sql`clock_timestamp() + ${everyMs}::double precision * interval '1 millisecond'`
    const rows = await this.#sql.rows(sql`
      INSERT INTO roomscribe.auto_join_round (due_at) VALUES (${next})
      ON CONFLICT (only_one) DO UPDATE SET due_at = ${next} WHERE auto_join_round.due_at <= clock_timestamp()
      RETURNING only_one`)
    return rows.length > 0
  }

  async prune(): Promise<void> {
    await this.#sql.rows(sql`DELETE FROM roomscribe.webhook_event WHERE received_at < clock_timestamp() - ${KEEP_EVENTS}::interval`)
    await this.#sql.rows(sql`DELETE FROM roomscribe.auto_join WHERE changed_at < clock_timestamp() - ${KEEP_ROOMS}::interval`)
  }
}
