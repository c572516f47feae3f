import type { Kysely, RawBuilder } from 'kysely'
import { databaseError } from './failures.js'
import type { Database } from './tables.js'

/** The database as the rows see it: one way in, where every foreign error is translated. */
export class Sql {
  /** names this process in notifications; null where no other process can listen */
  readonly origin: string | null
  readonly #db: Kysely<Database>

  constructor(db: Kysely<Database>, origin: string | null) {
    this.#db = db
    this.origin = origin
  }

  /** Runs one statement: one round trip, one transaction. @throws RoomscribeError */
  async rows<Row>(statement: RawBuilder<Row>): Promise<Row[]> {
    return (await this.attempt((db) => statement.execute(db))).rows
  }

  /** Runs a built query. @throws RoomscribeError */
  async attempt<T>(run: (db: Kysely<Database>) => Promise<T>): Promise<T> {
    try {
      return await run(this.#db)
    } catch (thrown) {
      throw databaseError(thrown)
    }
  }
}
