import { Migrator, sql, type Kysely, type Migration } from 'kysely'
import { ConfigError } from '../../core/errors.js'
import { FIRST_SCHEMA } from './migrations/0001-first.js'
import { WORK_SCHEMA } from './migrations/0002-work.js'
import { CLAIM_SCHEMA } from './migrations/0003-claims.js'
import { CONTROL_SCHEMA } from './migrations/0004-control.js'
import { SCHEDULE_SCHEMA } from './migrations/0005-schedules.js'
import { WEBHOOK_SCHEMA } from './migrations/0006-webhooks.js'
import { PLACES_SCHEMA } from './migrations/0007-places.js'
import { ASKED_SCHEMA } from './migrations/0008-asked.js'
import { NOTES_SCHEMA } from './migrations/0009-notes.js'
import { SHARES_SCHEMA } from './migrations/0010-shares.js'
import { PENDING_SCHEMA } from './migrations/0011-pending.js'
import { ROOMS_SCHEMA } from './migrations/0012-rooms.js'
import { WHOSE_SCHEMA } from './migrations/0013-whose.js'
import { ENTERED_SCHEMA } from './migrations/0014-entered.js'
import { SCHEMA } from './tables.js'

const fromText = (text: string): Migration => ({ up: async (db) => void (await sql.raw(text).execute(db)) })

/** In order of name; one that has been released is never edited. */
const MIGRATIONS: Record<string, Migration> = {
  '0001-first': fromText(FIRST_SCHEMA),
  '0002-work': fromText(WORK_SCHEMA),
  '0003-claims': fromText(CLAIM_SCHEMA),
  '0004-control': fromText(CONTROL_SCHEMA),
  '0005-schedules': fromText(SCHEDULE_SCHEMA),
  '0006-webhooks': fromText(WEBHOOK_SCHEMA),
  '0007-places': fromText(PLACES_SCHEMA),
  '0008-asked': fromText(ASKED_SCHEMA),
  '0009-notes': fromText(NOTES_SCHEMA),
  '0010-shares': fromText(SHARES_SCHEMA),
  '0011-pending': fromText(PENDING_SCHEMA),
  '0012-rooms': fromText(ROOMS_SCHEMA),
  '0013-whose': fromText(WHOSE_SCHEMA),
  '0014-entered': fromText(ENTERED_SCHEMA),
}

/** Advisory lock of our migrations; any number that nobody else uses. */
const MIGRATION_LOCK = 7_066_617_301

/**
 * Brings the schema up to date. Two processes at once are safe: the second waits for the first.
 * @throws {ConfigError} the database was written by a newer roomscribe
 */
export async function migrate<Tables>(db: Kysely<Tables>): Promise<void> {
  await db.connection().execute(async (connection) => {
    // kysely's own lock comes after it has made its schema and tables, which two processes cannot do at once
    await sql`SELECT pg_advisory_lock(${MIGRATION_LOCK}::bigint)`.execute(connection)
    try {
      const provider = { getMigrations: () => Promise.resolve(MIGRATIONS) }
      const migrator = new Migrator({ db: connection, provider, migrationTableSchema: SCHEMA })
      const unknown = await newerMigrations(connection)
      if (unknown.length > 0) {
        throw new ConfigError([
          `the database was written by a newer roomscribe (${unknown.join(', ')}): install that version or a later one`,
        ])
      }
      const { error } = await migrator.migrateToLatest()
      if (error !== undefined) throw error
    } finally {
      await sql`SELECT pg_advisory_unlock(${MIGRATION_LOCK}::bigint)`.execute(connection)
    }
  })
}

async function newerMigrations<Tables>(db: Kysely<Tables>): Promise<readonly string[]> {
  const table = await sql<{ found: string | null }>`SELECT to_regclass(${`${SCHEMA}.kysely_migration`}::text)::text AS found`.execute(db)
  if (!table.rows[0]?.found) return []
  const { rows } = await sql<{ name: string }>`SELECT name FROM ${sql.table(`${SCHEMA}.kysely_migration`)}`.execute(db)
  return rows.map(({ name }) => name).filter((name) => !(name in MIGRATIONS))
}
