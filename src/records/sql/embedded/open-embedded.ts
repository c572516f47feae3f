import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import { ConfigError, toError, UpstreamError } from '../../../core/errors.js'
import { deferred } from '../../../core/deferred.js'
import type { Clock } from '../../../core/time.js'
import type { Logger } from '../../../observe/logger.js'
import { SEARCH_PATH, type PgNotification, type PgResult } from '../pool-like.js'
import { lockDirectory, lockHolder } from './directory-lock.js'
import { EmbeddedPool } from './pool.js'
import { Reviving, type Incarnation } from './reviving.js'
import { copyTemplate, saveTemplate } from './template.js'
import { PgliteWire } from './wire.js'

const LIMITS = { maxWaiting: 10_000, maxWaitMs: 30_000, maxEndMs: 5_000 }
/** PGlite writes its last pages when it closes; after this long the thread is ended, which loses nothing that was acknowledged */
const CLOSE_MS = 10_000
/** a database that has not opened by then will not; making a new one takes seconds on a slow machine */
const OPEN_MS = 60_000

/** An open embedded database. */
export interface Embedded {
  readonly pool: EmbeddedPool
  /** Closes the database, ends its thread, frees the directory; may be called twice. */
  close(): Promise<void>
}

/** Where the lock's files are. */
const lockFolder = (dataDir: string): string => join(dataDir, 'database.lock')

/** The pid of the living process that has the embedded database in `dataDir` open; null: none has. */
export const embeddedHolder = (dataDir: string): number | null => lockHolder(lockFolder(dataDir))

/**
 * Opens the database in `dataDir`, making it on the first run (3 to 8 s, from a template as otherwise under 1 s).
 * @param template a folder that holds an empty database, or will after the first one was made; null: none
 * @throws {ConfigError} another process has the directory, or it cannot be written
 * @throws {UpstreamError} the database does not open
 */
export async function openEmbedded(dataDir: string, template: string | null, clock: Clock, logger: Logger): Promise<Embedded> {
  const directory = join(dataDir, 'database')
  // exists only while a new database is being made: an interrupted first run left a torso in which nothing was ever stored
  const making = join(dataDir, 'database.making')
  try {
    mkdirSync(dataDir, { recursive: true })
  } catch (thrown) {
    throw new ConfigError([`the data directory ${dataDir} cannot be made (${toError(thrown).message}): set ROOMSCRIBE_DATA_DIR`])
  }
  const lock = await takeLock(dataDir, clock)
  try {
    if (existsSync(making)) rmSync(directory, { recursive: true, force: true })
    const isNew = !existsSync(directory)
    if (isNew) writeFileSync(making, '')
    if (isNew && template !== null) await prepare(directory, template, clock, logger)
    mkdirSync(directory, { recursive: true })
    const database = await Reviving.open(() => start(directory, clock, logger), clock, logger)
    if (isNew) rmSync(making, { force: true })
    const pool = new EmbeddedPool(database, clock, LIMITS)
    database.onDeath((error) => pool.disconnectAll(error))
    let closing: Promise<void> | undefined
    return {
      pool,
      close: () => {
        closing ??= pool
          .end()
          .then(() => database.close())
          .finally(() => lock.release())
        return closing
      },
    }
  } catch (thrown) {
    lock.release()
    throw thrown
  }
}

/** A new database out of the template; where there is none yet, the new one becomes it before anything is stored in it. */
async function prepare(directory: string, template: string, clock: Clock, logger: Logger): Promise<void> {
  if (await copyTemplate(template, directory, logger)) return
  mkdirSync(directory, { recursive: true })
  const empty = await start(directory, clock, logger)
  await empty.close()
  await saveTemplate(directory, template, logger)
}

async function takeLock(dataDir: string, clock: Clock): ReturnType<typeof lockDirectory> {
  try {
    return await lockDirectory(lockFolder(dataDir), clock)
  } catch (thrown) {
    if (thrown instanceof ConfigError) throw thrown
    throw new ConfigError([`the data directory ${dataDir} cannot be written (${toError(thrown).message}): set ROOMSCRIBE_DATA_DIR`])
  }
}

async function start(directory: string, clock: Clock, logger: Logger): Promise<Incarnation> {
  const wire = new PgliteWire(directory)
  const client = new Client({ stream: () => wire, user: 'postgres', database: 'postgres', password: '', ssl: false })
  const death = deferred<Error>()
  let isClosing = false
  client.on('error', (error) => {
    if (isClosing) return
    logger.error({ err: error, directory }, 'embedded database failed')
    death.resolve(error)
  })
  const kill = async (error: Error) => {
    isClosing = true
    // what waits for an answer is refused
    wire.destroy(error)
    await wire.terminate()
  }
  const late = clock.after(OPEN_MS, () => void kill(new Error('it did not open in time')))
  try {
    await wire.ready
    await client.connect()
    await client.query(`SET search_path TO ${SEARCH_PATH}`)
  } catch (thrown) {
    await kill(toError(thrown))
    const message = `the embedded database in ${directory} does not open (${toError(thrown).message}): restore the folder from a backup, or move it away to begin anew`
    throw new UpstreamError('database_unreachable', message, { service: 'database', retryable: false }, { cause: thrown })
  } finally {
    late()
  }
  return {
    query: <Row>(text: string, values?: readonly unknown[]) =>
      client.query(text, values as unknown[]) as Promise<unknown> as Promise<PgResult<Row>>,
    transactionStatus: () => client.getTransactionStatus(),
    onNotification: (listener: (message: PgNotification) => void) => {
      client.on('notification', ({ channel, payload }) => listener(payload === undefined ? { channel } : { channel, payload }))
    },
    death: death.promise,
    kill,
    close: async () => {
      isClosing = true
      const cancel = clock.after(CLOSE_MS, () => void wire.terminate())
      await client.end()
      wire.shutdown()
      await wire.exited
      cancel()
    },
  }
}
