import { randomBytes, randomUUID } from 'node:crypto'
import { Kysely, PostgresDialect, type PostgresPool } from 'kysely'
import { Scope } from '../../core/scope.js'
import type { Clock } from '../../core/time.js'
import type { Logger } from '../../observe/logger.js'
import type { AutoJoinBook } from '../auto-join.js'
import type { AccessBook } from '../access.js'
import type { ClaimBook } from '../claims.js'
import type { PartialFeed } from '../partials.js'
import type { MeetingState, MeetingStore, WorkBook } from '../port.js'
import type { ScheduleBook } from '../schedules.js'
import { AutoJoinRows } from './auto-join-rows.js'
import { AccessRows } from './access-rows.js'
import { ClaimRows } from './claim-rows.js'
import { openEmbedded } from './embedded/open-embedded.js'
import { databaseError } from './failures.js'
import { listen } from './listener.js'
import { migrate } from './migrations.js'
import { PartialNotices } from './partial-notices.js'
import type { PgPoolLike } from './pool-like.js'
import { scheduleBook } from './schedule-book.js'
import { openServerPool } from './server-pool.js'
import { SqlMeetingStore } from './store.js'
import { Sql } from './sql.js'
import { stateCounts } from './state-counts.js'
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
  /** partials of running meetings, to and from every process */
  readonly partials: PartialFeed
  /** keys of the API, and what was done with them */
  readonly access: AccessBook
  /** schedules and their occurrences */
  readonly schedules: ScheduleBook
  /** what LiveKit's webhooks and auto-join keep */
  readonly autoJoin: AutoJoinBook
  /** how many meetings that are not over there are in each state. @throws UpstreamError */
  readonly countByState: () => Promise<ReadonlyMap<MeetingState, number>>
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
      const { books } = await build(embedded.pool, null, options)
      return opened('embedded', { ...books, pool: embedded.pool }, ground)
    }
    const server = await openServerPool(databaseUrl, clock, logger)
    ground.defer('pool', () => server.close())
    const origin = randomUUID()
    const { books, scope } = await build(server.pool, origin, options)
    scope.run('listen', (signal) => listen(server.newClient, origin, books.store.feed, books.partials, clock, logger, signal))
    return opened('postgres', { ...books, pool: server.pool }, ground)
  } catch (thrown) {
    await ground.close()
    throw databaseError(thrown)
  }
}

/** Everything that stands on one database. */
type Books = Omit<OpenStore, 'pool' | 'kind' | 'close'>

async function build(
  pool: PgPoolLike,
  origin: string | null,
  { clock, logger }: StoreOptions,
): Promise<{ books: Books & { readonly store: SqlMeetingStore; readonly partials: PartialNotices }; scope: Scope }> {
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool: pool as unknown as PostgresPool }) })
  await migrate(db)
  const scope = new Scope((name, error) => logger.error({ err: error, task: name }, 'store task failed'))
  const sql = new Sql(db.withSchema(SCHEMA), origin)
  const store = new SqlMeetingStore(sql, clock, logger, scope)
  const books = {
    store,
    work: new WorkRows(sql),
    claims: new ClaimRows(sql, randomUUID()),
    partials: new PartialNotices(sql, clock, scope, logger),
    access: new AccessRows(sql, clock, () => randomBytes(32).toString('base64url')),
    schedules: scheduleBook(sql, (id) => store.feed.announced(id, { state: true })),
    autoJoin: new AutoJoinRows(sql),
    countByState: () => stateCounts(sql),
  }
  return { books, scope }
}

function opened(kind: OpenStore['kind'], parts: Books & Pick<OpenStore, 'pool'>, ground: Scope): OpenStore {
  ground.defer('store', () => parts.store.close())
  return { ...parts, kind, close: () => ground.close() }
}
