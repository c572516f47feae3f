import { sql, type Selectable } from 'kysely'
import { codeOf, NotFoundError } from '../../core/errors.js'
import type { MeetingId } from '../../core/ids.js'
import type { DeliveryRecord, SummaryRecord } from '../port.js'
import { checkId } from './meeting-rows.js'
import { deliveryOf, jsonText, timeText } from './rows.js'
import { cleanText } from './sanitise.js'
import type { Sql } from './sql.js'
import type { DeliveryTable } from './tables.js'

const FOREIGN_KEY = '23503'

/** What comes after a meeting: its summary and the ledger of posts. */
export class ResultRows {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  async saveSummary(summary: SummaryRecord): Promise<void> {
    await this.#ofMeeting(summary.meetingId, () =>
      this.#sql.rows(sql`
        INSERT INTO roomscribe.summary (meeting_id, model, created_at, sections)
        VALUES (${checkId(summary.meetingId)}, ${cleanText(summary.model)}, ${timeText(summary.createdAt, 'createdAt')},
          ${jsonText(summary.sections)})
        ON CONFLICT (meeting_id) DO UPDATE SET model = excluded.model, created_at = excluded.created_at, sections = excluded.sections`),
    )
  }

  async summary(id: MeetingId): Promise<SummaryRecord | null> {
    checkId(id)
    const row = await this.#sql.attempt((db) => db.selectFrom('summary').selectAll().where('meeting_id', '=', id).executeTakeFirst())
    return row ? { meetingId: id, model: row.model, createdAt: row.created_at.toISOString(), sections: row.sections } : null
  }

  async intendDelivery(id: MeetingId, destination: string, part: string): Promise<DeliveryRecord> {
    // an assignment that changes nothing, so that the row there already is given back too
    const rows = await this.#ofMeeting(id, () =>
      this.#sql.rows<Selectable<DeliveryTable>>(sql`
        INSERT INTO roomscribe.delivery (meeting_id, destination, part, state)
        VALUES (${checkId(id)}, ${cleanText(destination)}, ${cleanText(part)}, 'intended')
        ON CONFLICT (meeting_id, destination, part) DO UPDATE SET part = excluded.part
        RETURNING *`),
    )
    return rows.map(deliveryOf)[0] ?? this.#noDelivery(id, destination, part)
  }

  async markDelivered(id: MeetingId, destination: string, part: string, reference: string): Promise<void> {
    const rows = await this.#sql.rows(sql`
      UPDATE roomscribe.delivery SET state = 'sent', reference = ${cleanText(reference)}
      WHERE meeting_id = ${checkId(id)} AND destination = ${cleanText(destination)} AND part = ${cleanText(part)}
      RETURNING part`)
    if (rows.length === 0) this.#noDelivery(id, destination, part)
  }

  async deliveries(id: MeetingId): Promise<readonly DeliveryRecord[]> {
    checkId(id)
    const rows = await this.#sql.attempt((db) =>
      db.selectFrom('delivery').selectAll().where('meeting_id', '=', id).orderBy('position').execute(),
    )
    return rows.map(deliveryOf)
  }

  #noDelivery(id: MeetingId, destination: string, part: string): never {
    throw new NotFoundError(`meeting ${id} has no delivery ${part} to ${destination}`)
  }

  async #ofMeeting<T>(id: MeetingId, write: () => Promise<T>): Promise<T> {
    try {
      return await write()
    } catch (thrown) {
      if (thrown instanceof Error && codeOf(thrown.cause) === FOREIGN_KEY) throw new NotFoundError(`there is no meeting ${id}`)
      throw thrown
    }
  }
}
