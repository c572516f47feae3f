import { createPostgresBackend, runMigrations, withBackend, type PgPool } from 'bullmq'
import { UpstreamError } from '../../core/errors.js'
import type { Clock } from '../../core/time.js'
import type { JobBackend } from './backend.js'
import { within } from '../../core/within.js'
import { LOCK_MS } from './policy.js'

/** A first start creates about a hundred functions; on PGlite that takes seconds. */
const MIGRATION_TIMEOUT_MS = 60_000
const SCHEMA = 'bullmq'
/** Clocks of hosts differ by less; who is further off was set back. */
const SKEW_MS = 10_000

/**
 * BullMQ on the store's own SQL, in its schema `bullmq`. The pool stays the caller's: it is never ended here.
 * @param pool a pg.Pool or anything shaped like one, `bullmq` first in its search path; each worker keeps one
 *   client of it for LISTEN
 * @throws UpstreamError `queue_unreachable` when the database does not answer or the schema cannot be made
 */
export async function sqlBackend(pool: PgPool, clock: Clock): Promise<JobBackend> {
  try {
    await within(clock, MIGRATION_TIMEOUT_MS, migrate(pool), () => new Error('timed out'))
  } catch (thrown) {
    throw new UpstreamError(
      'queue_unreachable',
      'the database cannot hold the job queue: check that it answers and that the role may create schemas',
      { service: 'queue', retryable: true },
      { cause: thrown },
    )
  }
  const { Queue, FlowProducer, Worker } = withBackend(createPostgresBackend)
  return {
    queue: (name) => new Queue(name, { connection: pool }),
    flow: () => new FlowProducer({ connection: pool }),
    worker: (name, processor, settings) => new Worker(name, processor, { ...settings, connection: pool }),
    setRight: (nowMs) => setRight(pool, nowMs),
    close: () => Promise.resolve(),
  }
}

/** Also of the clocks of two hosts that are not set alike nothing is taken back. */
async function setRight(pool: PgPool, nowMs: number): Promise<void> {
  const latest = nowMs + SKEW_MS
  // other fields hold no numbers
  const isLater = `CASE field WHEN 'stalled-check' THEN value::bigint > $1::bigint ELSE false END`
  await pool.query(`DELETE FROM ${SCHEMA}.meta WHERE ${isLater}`, [latest])
  // of workers that live they are renewed within a second
  await pool.query(`UPDATE ${SCHEMA}.job SET locked_until_ms = $1::bigint WHERE state = 'active' AND locked_until_ms > $2::bigint`, [
    nowMs + LOCK_MS,
    latest + LOCK_MS,
  ])
}

async function migrate(pool: PgPool): Promise<void> {
  const client = await pool.connect()
  try {
    await runMigrations(client, SCHEMA)
  } finally {
    client.release()
  }
}
