import { UnrecoverableError } from 'bullmq'
import { toError } from '../../core/errors.js'
import type { MeetingId } from '../../core/ids.js'
import type { BackoffPolicy } from '../../core/backoff.js'
import type { Clock } from '../../core/time.js'
import type { LastingFault } from '../../observe/lasting-fault.js'
import type { Logger } from '../../observe/logger.js'
import type { JobHandlers } from '../port.js'
import type { JobBackend, JobProcessor, QueueClient, WorkerClient, WorkerSettings } from './backend.js'
import { DelayedWatch } from './delayed-watch.js'
import { meetingOf } from './payload.js'
import * as policy from './policy.js'
import { attendProcessor } from './processors/attend.js'
import { deliverProcessor } from './processors/deliver.js'
import { finaliseProcessor } from './processors/finalise.js'
import { WorkerClosing, type GuardParts } from './processors/guard.js'
import { summariseProcessor } from './processors/summarise.js'
import { RunningJobs } from './running-jobs.js'
import { within } from '../../core/within.js'

/** Running workers of one process. */
export interface Workers {
  /**
   * Stops taking jobs, lets running ones end until the deadline, then aborts their signals. 5 s later, or 5 s after the last one has ended,
   * the connections are cut and the queue gives to others what it does not know to be done. May be called twice.
   * @param hurry aborted: the deadline is now
   */
  close(deadlineMs: number, hurry?: AbortSignal): Promise<void>
}

/** @internal what the workers of a queue need */
export interface WorkerParts {
  readonly backend: JobBackend
  /** those of the jobs */
  readonly queues: readonly QueueClient[]
  readonly clock: Clock
  readonly logger: Logger
  readonly random: () => number
  readonly retry: Readonly<Record<policy.JobKind, BackoffPolicy>>
  /** an attempt at a job of the meeting has failed, perhaps the last one */
  readonly onFailed: (id: MeetingId) => void
  /** what connections of the queue say is told through it: while one is away they say it every second */
  readonly fault: LastingFault
}

/** What one process takes on. */
export interface WorkerShare {
  /** meetings at once; 0 leaves the bots to other processes */
  readonly attendConcurrency: number
  /** false leaves the steps after the meetings to other processes; default true */
  readonly followUp?: boolean
}

/** Starts the workers of a process. */
export async function openWorkers(parts: WorkerParts, handlers: JobHandlers, share: WorkerShare): Promise<Workers> {
  const workers: WorkerClient[] = []
  const running = new RunningJobs()
  const closed = new AbortController()
  const guard = { ...parts, closed: closed.signal }
  if (share.attendConcurrency > 0) {
    const attend = running.counted(attendProcessor(handlers, guard))
    workers.push(watched(parts, policy.QUEUES.attend, attend, share.attendConcurrency))
  }
  if (share.followUp !== false) {
    const followUp = running.counted(followUpProcessor(handlers, guard))
    workers.push(watched(parts, policy.QUEUES.followUp, followUp, policy.FOLLOWUP_CONCURRENCY))
  }
  const late = () => new Error('the workers were not ready in time')
  try {
    await within(parts.clock, policy.CALL_TIMEOUT_MS, Promise.all(workers.map((worker) => worker.waitUntilReady())), late)
  } catch (thrown) {
    await closeAll({ ...parts, workers, running, closed }, 0)
    throw thrown
  }
  // whoever takes jobs also sees to it that they come
  const names = workers.map(({ name }) => name)
  const queues = parts.queues.filter(({ name }) => names.includes(name))
  const delayed = new DelayedWatch({ ...parts, queues, answered: () => parts.fault.worked() })
  delayed.start()
  let closing: Promise<void> | undefined
  const close = async (deadlineMs: number, hurry?: AbortSignal) => {
    const watched = delayed.close()
    await closeAll({ ...parts, workers, running, closed }, deadlineMs, hurry)
    await watched
  }
  return { close: (deadlineMs, hurry) => (closing ??= close(deadlineMs, hurry)) }
}

function followUpProcessor(handlers: JobHandlers, parts: GuardParts): JobProcessor {
  const finalise = finaliseProcessor(handlers, parts)
  const summarise = summariseProcessor(handlers, parts)
  const deliver = deliverProcessor(handlers, parts)
  return (job, token, signal) => {
    switch (job.name) {
      case 'finalise':
        return finalise(job, token, signal)
      case 'summarise':
        return summarise(job, token, signal)
      case 'deliver':
        return deliver(job, token, signal)
      default:
        return Promise.reject(new UnrecoverableError('unknown kind of job'))
    }
  }
}

function watched(parts: WorkerParts, name: policy.QueueName, processor: JobProcessor, concurrency: number): WorkerClient {
  const { logger, retry, random, fault } = parts
  const settings: WorkerSettings = {
    concurrency,
    lockDuration: policy.LOCK_MS,
    stalledInterval: policy.STALLED_CHECK_MS,
    maxStalledCount: policy.MAX_STALLED[name],
    // BullMQ asks the wall clock which locks are due: set back by an hour, it renews none for an hour. `guarded` does it
    skipLockRenewal: true,
    // after a lost connection: the server is asked again at once, not after BullMQ's 15 s
    runRetryDelay: 500,
    settings: {
      backoffStrategy: (attempt, _type, error, job) =>
        policy.retryDelayMs(retry[(job?.name ?? 'deliver') as policy.JobKind], attempt, error, random),
    },
  }
  const worker = parts.backend.worker(name, processor, settings)
  worker.on('error', (error) => {
    logger.debug({ err: error, queue: name }, 'queue worker had an error')
    fault.failed(error)
  })
  worker.on('failed', (job) => {
    const id = job === undefined ? null : meetingOf(job.data)
    if (id) parts.onFailed(id)
  })
  worker.on('stalled', (job) => logger.warn({ job, queue: name }, 'job of a dead worker is run again'))
  return worker
}

/** What is closed. */
interface Closing extends Pick<WorkerParts, 'clock' | 'logger'> {
  readonly workers: readonly WorkerClient[]
  readonly running: RunningJobs
  /** ends what is left when the connections are cut: nothing can be said of it any more */
  readonly closed: AbortController
}

async function closeAll({ workers, running, closed, clock, logger }: Closing, deadlineMs: number, hurry?: AbortSignal): Promise<void> {
  const closing = Promise.all(workers.map((worker) => worker.close()))
  const abort = () => {
    for (const worker of workers) worker.cancelAllJobs(new WorkerClosing('the worker is closing'))
  }
  if (deadlineMs <= 0 || hurry?.aborted === true) abort()
  else hurry?.addEventListener('abort', abort, { once: true })
  const cancel = deadlineMs > 0 ? clock.after(deadlineMs, abort) : () => undefined
  const endMs = clock.monotonicMs() + Math.max(0, deadlineMs) + policy.ABORT_GRACE_MS
  const late = () => new Error('jobs did not end in time')
  const unanswered = () => new Error('the queue does not answer')
  try {
    for (let isClosed = false; !isClosed;) {
      await Promise.race([closing, within(clock, endMs - clock.monotonicMs(), running.whenIdle(), late)])
      // the deadline is for jobs: a queue that is gone keeps a worker from closing although it has none
      isClosed = await within(clock, policy.ABORT_GRACE_MS, closing, unanswered).then(
        () => true,
        (thrown: unknown) => {
          if (running.isIdle || clock.monotonicMs() >= endMs) throw thrown
          // one was on its way here
          return false
        },
      )
    }
  } catch (thrown) {
    logger.error({ err: toError(thrown) }, 'workers did not close in time, connections are cut')
    await Promise.allSettled(
      workers.map((worker) => within(clock, policy.ABORT_GRACE_MS, worker.disconnect(), () => new Error('timed out'))),
    )
  } finally {
    cancel()
    hurry?.removeEventListener('abort', abort)
    closed.abort(new WorkerClosing('the worker is closed'))
  }
}
