import { Client, Pool } from 'pg'
import type { Logger } from '../../observe/logger.js'
import { connectError, databasePlace } from './failures.js'
import { SEARCH_PATH, type PgPoolLike } from './pool-like.js'

/** Clients that a process holds at most: BullMQ's LISTEN clients, one a worker or event reader, come out of these. */
const MAX_CLIENTS = 20
const CONNECT_MS = 5_000
/** a statement or an idle transaction longer than this is ended by the server; the reply is awaited a little longer */
const STATEMENT_MS = 30_000
const REPLY_MS = 35_000

/** A pool on a PostgreSQL server, proven to answer. */
export interface ServerPool {
  readonly pool: PgPoolLike
  /** a client outside the pool, not connected, for LISTEN */
  readonly newClient: () => Client
}

/**
 * Connects to a server.
 * @throws {ConfigError} the URL is none
 * @throws {UpstreamError} `database_unreachable`: it does not answer, or does not let us in
 */
export async function openServerPool(databaseUrl: string, logger: Logger): Promise<ServerPool> {
  const place = databasePlace(databaseUrl)
  const common = {
    connectionString: databaseUrl,
    connectionTimeoutMillis: CONNECT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    application_name: 'roomscribe',
  }
  const pool = new Pool({
    ...common,
    max: MAX_CLIENTS,
    idleTimeoutMillis: 30_000,
    statement_timeout: STATEMENT_MS,
    idle_in_transaction_session_timeout: STATEMENT_MS,
    query_timeout: REPLY_MS,
    options: `-c search_path=${SEARCH_PATH}`,
  })
  // every backend on the pool adds a listener of its own
  pool.setMaxListeners(0)
  // without a listener of its own, a client that is checked out when the server goes away ends the process
  pool.on('connect', (client) => client.on('error', (error) => logger.debug({ err: error }, 'database client failed')))
  pool.on('error', (error) => logger.warn({ err: error }, 'idle database client dropped'))
  try {
    await pool.query('SELECT 1')
  } catch (thrown) {
    await pool.end()
    throw connectError(thrown, place)
  }
  return { pool: pool as unknown as PgPoolLike, newClient: () => new Client(common) }
}
