import { Socket } from 'node:net'
import { Client, Pool } from 'pg'
import type { Clock } from '../../core/time.js'
import { atMost } from '../../core/within.js'
import type { Logger } from '../../observe/logger.js'
import { connectError, databasePlace, isReadOnly } from './failures.js'
import { SEARCH_PATH, type PgPoolLike } from './pool-like.js'

/** Clients that a process holds at most: BullMQ's LISTEN clients, one a worker or event reader, come out of these. */
const MAX_CLIENTS = 20
const CONNECT_MS = 5_000
/** a statement or an idle transaction longer than this is ended by the server; the reply is awaited a little longer */
const STATEMENT_MS = 30_000
const REPLY_MS = 35_000
/** A server that has not said good-bye by then is not waited for: one that stands still never does. */
const CLOSE_MS = 3_000

/** A pool on a PostgreSQL server, proven to answer. */
export interface ServerPool {
  readonly pool: PgPoolLike
  /** a client outside the pool, not connected, for LISTEN */
  readonly newClient: () => Client
  /** Ends the pool, then every connection that is left, also of clients outside of it: no process waits for a server. */
  close(): Promise<void>
}

/**
 * Connects to a server.
 * @throws {ConfigError} the URL is none
 * @throws {UpstreamError} `database_unreachable`: it does not answer, or does not let us in
 */
export async function openServerPool(databaseUrl: string, clock: Clock, logger: Logger): Promise<ServerPool> {
  const place = databasePlace(databaseUrl)
  const sockets = new Set<Socket>()
  const common = {
    stream: () => {
      const socket = new Socket()
      sockets.add(socket)
      return socket.once('close', () => sockets.delete(socket))
    },
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
  // a session that began on a standby, or while the server was shut for writing, stays so: in use it would never be an idle one
  pool.on('connect', leaveWhenReadOnly)
  pool.on('error', (error) => logger.warn({ err: error }, 'idle database client dropped'))
  const close = async () => {
    const left = () => [...sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve)))
    const ended = pool.end().then(async () => void (await Promise.all(left())))
    await atMost(clock, CLOSE_MS, ended)
    for (const socket of sockets) socket.destroy()
  }
  try {
    await pool.query('SELECT 1')
  } catch (thrown) {
    await close()
    throw connectError(thrown, place)
  }
  return { pool: pool as unknown as PgPoolLike, newClient: () => new Client(common), close }
}

/** Ends a client whose session takes no writes, after whoever asked was told: the pool makes another one, perhaps elsewhere. */
function leaveWhenReadOnly(client: Client): void {
  client.connection.on('errorMessage', (error: unknown) => {
    if (isReadOnly(error)) client.end(() => undefined)
  })
}
