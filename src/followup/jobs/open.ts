import type { PgPool } from 'bullmq'
import type { BackoffPolicy } from '../../core/backoff.js'
import { ConfigError, RoomscribeError, StateError, UpstreamError, toError } from '../../core/errors.js'
import type { MeetingId } from '../../core/ids.js'
import { systemClock, type Clock } from '../../core/time.js'
import { LastingFault } from '../../observe/lasting-fault.js'
import type { Logger } from '../../observe/logger.js'
import type { BoardQueue, DeadLetters, JobHandlers, JobQueue } from '../port.js'
import type { JobBackend } from './backend.js'
import { createDeadLetters } from './dead-letters.js'
import { payloadOf } from './payload.js'
import * as policy from './policy.js'
import { redisBackend } from './redis.js'
import { sqlBackend } from './sql.js'
import { within } from '../../core/within.js'
import { openWorkers, type Workers, type WorkerShare } from './workers.js'

/** Where jobs live and how they are retried. */
export interface QueueOptions {
  /** Redis when set; else the pool's database holds the jobs in its schema `bullmq` */
  readonly redisUrl: string | null
  /** pg.Pool or anything shaped like one (connect, query, end); stays the caller's; unused with Redis */
  readonly pool: unknown
  readonly logger: Logger
  /** namespace of the keys in Redis; default `roomscribe` */
  readonly prefix?: string
  readonly clock?: Clock
  readonly random?: () => number
  /** waits between attempts; default `RETRY` of policy.ts */
  readonly retry?: Readonly<Record<policy.JobKind, BackoffPolicy>>
}

/** An open queue. `close` closes workers (deadline 0) and producers, never the pool; may be called twice. */
export interface OpenQueue {
  readonly queue: JobQueue
  readonly deadLetters: DeadLetters
  /** for a view of the queues */
  readonly boards: readonly BoardQueue[]
  /** Tells of meetings one of whose jobs has failed in this process, perhaps for good. */
  onFailed(listener: (id: MeetingId) => void): void
  startWorkers(handlers: JobHandlers, share: WorkerShare): Promise<Workers>
  close(): Promise<void>
}

/**
 * Opens the job queue on Redis or on SQL; migrates the SQL schema.
 * @throws ConfigError when neither is given; UpstreamError `queue_unreachable`
 */
export async function openQueue(options: QueueOptions): Promise<OpenQueue> {
  const { logger, clock = systemClock, random = Math.random, retry = policy.RETRY } = options
  const backend = await openBackend(options, clock)
  const fault = new LastingFault(
    { clock, logger },
    {
      failed: 'connection of the queue failed',
      lasts: 'connections of the queue have failed for a minute: jobs wait',
      over: 'the queue answers workers again',
    },
  )
  const attendQueue = backend.queue(policy.QUEUES.attend)
  const followUpQueue = backend.queue(policy.QUEUES.followUp)
  const flow = backend.flow()
  const clients = [attendQueue, followUpQueue, flow]
  for (const client of clients) client.on('error', (error) => fault.failed(error))
  const started = new Set<Workers>()
  const failureListeners = new Set<(id: MeetingId) => void>()
  let closing: Promise<void> | undefined

  function call<T>(work: () => Promise<T>): Promise<T> {
    if (closing) return Promise.reject(new StateError('the queue is closed'))
    return within(clock, policy.CALL_TIMEOUT_MS, work(), () => new Error('timed out')).catch((thrown: unknown) => {
      if (thrown instanceof RoomscribeError) throw thrown
      throw new UpstreamError(
        'queue_unreachable',
        'the job queue does not answer: the job was not added, or it is not known whether it was; add it again',
        { service: 'queue', retryable: true },
        { cause: thrown },
      )
    })
  }

  async function closeAll(): Promise<void> {
    const failures: Error[] = []
    const closers = [...[...started].map((workers) => () => workers.close(0)), ...clients.map((client) => () => client.close())]
    for (const close of [...closers, () => backend.close()]) {
      try {
        await within(clock, 3 * policy.ABORT_GRACE_MS, close(), () => new Error('closing timed out'))
      } catch (thrown) {
        failures.push(toError(thrown))
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'failures while closing the queue')
  }
  const close = () => (closing ??= closeAll())

  const queue: JobQueue = {
    attend: async (id) => {
      await call(() => attendQueue.add('attend', payloadOf(id), jobOptions('attend', id)))
    },
    followUp: async (id) => {
      await call(() => flow.add(followUpFlow(id)))
    },
    counts: async () => {
      const [attend, followUp] = await call(() => Promise.all([attendQueue.getJobCounts(), followUpQueue.getJobCounts()]))
      const named = (name: string, counts: Record<string, number>) =>
        Object.entries(counts).map(([state, count]) => [`${name}.${state}`, count] as const)
      return Object.fromEntries([...named(policy.QUEUES.attend, attend), ...named(policy.QUEUES.followUp, followUp)])
    },
    close,
  }
  const onFailed = (id: MeetingId) => {
    for (const listener of failureListeners) listener(id)
  }
  return {
    queue,
    onFailed: (listener) => void failureListeners.add(listener),
    boards: [attendQueue, followUpQueue],
    deadLetters: createDeadLetters(attendQueue, followUpQueue, call),
    startWorkers: async (handlers, share) => {
      if (closing) throw new StateError('the queue is closed')
      const workers = await openWorkers(
        { backend, queues: [attendQueue, followUpQueue], clock, logger, random, retry, onFailed, fault },
        handlers,
        share,
      )
      started.add(workers)
      return workers
    },
    close,
  }
}

function openBackend(options: QueueOptions, clock: Clock): Promise<JobBackend> {
  if (options.redisUrl !== null) return redisBackend(options.redisUrl, options.prefix ?? 'roomscribe', clock, options.logger)
  if (isPool(options.pool)) return sqlBackend(options.pool, clock)
  return Promise.reject(new ConfigError(['the job queue needs REDIS_URL or a database']))
}

function isPool(value: unknown): value is PgPool {
  return typeof value === 'object' && value !== null && ['connect', 'query', 'end'].every((name) => name in value)
}

function jobOptions(kind: policy.JobKind, id: MeetingId) {
  return {
    jobId: policy.jobId(kind, id),
    attempts: policy.MAX_ATTEMPTS,
    backoff: { type: 'custom' },
    removeOnComplete: policy.KEEP_COMPLETED,
    removeOnFail: policy.KEEP_FAILED,
  }
}

/** Children run first: finalise -> summarise -> deliver. A step that is a dead letter holds the later ones back. */
function followUpFlow(id: MeetingId) {
  const node = (kind: policy.JobKind) => ({
    name: kind,
    queueName: policy.QUEUES.followUp,
    data: payloadOf(id),
    opts: jobOptions(kind, id),
  })
  return { ...node('deliver'), children: [{ ...node('summarise'), children: [node('finalise')] }] }
}
