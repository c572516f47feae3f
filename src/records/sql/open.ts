import { randomUUID } from 'node:crypto'
import { Kysely, PostgresDialect, type PostgresPool } from 'kysely'
import { Scope } from '../../core/scope.js'
import type { Clock } from '../../core/time.js'
import type { Logger } from '../../observe/logger.js'
import type { ClaimBook } from '../claims.js'
import type { MeetingStore, WorkBook } from '../port.js'
import { ClaimRows } from './claim-rows.js'
import { openEmbedded } from './embedded/open-embedded.js'
import { databaseError } from './failures.js'
import { listen } from './listener.js'
import { migrate } from './migrations.js'
import type { PgPoolLike } from './pool-like.js'
import { openServerPool } from './server-pool.js'
import { SqlMeetingStore } from './store.js'
import { Sql } from './sql.js'
import { SCHEMA, type Database } from './tables.js'
import { WorkRows } from './work-rows.js'

/** Where the store is. */
export interface StoreOptions {
  /** a PostgreSQL server; null: the embedded database in `dataDir` */
  readonly databaseUrl: string | null
  /** folder of the embedded database, made when absent; not touched when there is a server */
  readonly dataDir: string
  /** folder that keeps an empty embedded database, so that new ones open in under 1 s; none when absent */
  readonly templateDir?: string
  readonly clock: Clock
  readonly logger: Logger
}

/** An open store and the pool under it, which BullMQ's PostgreSQL backend may share. */
export interface OpenStore {
  readonly store: MeetingStore
  /** work that meetings wait for: what a relay puts into the queue */
  readonly work: WorkBook
  /** who runs which meeting; of a holder that is fresh for each opening */
  readonly claims: ClaimBook
  /** the pg.Pool, or its embedded like; end whatever runs on it before `close()` */
  readonly pool: PgPoolLike
  readonly kind: 'postgres' | 'embedded'
  /** Closes the store and the pool; may be called twice. */
  close(): Promise<void>
}

/**
 * Opens the store and brings its schema up to date. A new embedded database takes 3 to 8 s, an old one under 1 s.
 * @throws {ConfigError} the URL is none, another process has the data directory, or a newer roomscribe wrote the database
 * @throws {UpstreamError} `database_unreachable`
 */
export async function openStore(options: StoreOptions): Promise<OpenStore> {
  const { databaseUrl, dataDir, clock, logger } = options
  const ground = new Scope()
  try {
    if (databaseUrl === null) {
      const embedded = await openEmbedded(dataDir, options.templateDir ?? null, clock, logger)
      ground.defer('embedded database', () => embedded.close())
      const { store, work, claims } = await build(embedded.pool, null, options)
      return opened('embedded', { store, work, claims, pool: embedded.pool }, ground)
    }
    const server = await openServerPool(databaseUrl, logger)
    ground.defer('pool', () => server.pool.end())
    const origin = randomUUID()
    const { store, work, claims, scope } = await build(server.pool, origin, options)
    scope.run('listen', (signal) => listen(server.newClient, origin, store.feed, clock, logger, signal))
    return opened('postgres', { store, work, claims, pool: server.pool }, ground)
  } catch (thrown) {
    await ground.close()
    throw databaseError(thrown)
  }
}

async function build(
  pool: PgPoolLike,
  origin: string | null,
  { clock, logger }: StoreOptions,
): Promise<{ store: SqlMeetingStore; work: WorkBook; claims: ClaimBook; scope: Scope }> {
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool: pool as unknown as PostgresPool }) })
  await migrate(db)
  const scope = new Scope((name, error) => logger.error({ err: error, task: name }, 'store task failed'))
  const sql = new Sql(db.withSchema(SCHEMA), origin)
  const claims = new ClaimRows(sql, randomUUID())
  return { store: new SqlMeetingStore(sql, clock, logger, scope), work: new WorkRows(sql), claims, scope }
}

function opened(kind: OpenStore['kind'], parts: Pick<OpenStore, 'store' | 'work' | 'claims' | 'pool'>, ground: Scope): OpenStore {
  ground.defer('store', () => parts.store.close())
  return { ...parts, kind, close: () => ground.close() }
}
