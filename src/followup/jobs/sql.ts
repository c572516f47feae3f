import { createPostgresBackend, runMigrations, withBackend, type PgPool } from 'bullmq'
import { UpstreamError } from '../../core/errors.js'
import type { Clock } from '../../core/time.js'
import type { JobBackend } from './backend.js'
import { within } from '../../core/within.js'

/** A first start creates about a hundred functions; on PGlite that takes seconds. */
const MIGRATION_TIMEOUT_MS = 60_000
const SCHEMA = 'bullmq'

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
    close: () => Promise.resolve(),
  }
}

async function migrate(pool: PgPool): Promise<void> {
  const client = await pool.connect()
  try {
    await runMigrations(client, SCHEMA)
  } finally {
    client.release()
  }
}
