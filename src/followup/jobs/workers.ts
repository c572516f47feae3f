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
import { WorkerClosing } from './processors/guard.js'
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
  if (share.attendConcurrency > 0) {
    const attend = running.counted(attendProcessor(handlers, parts))
    workers.push(watched(parts, policy.QUEUES.attend, attend, share.attendConcurrency))
  }
  if (share.followUp !== false) {
    const followUp = running.counted(followUpProcessor(handlers, parts))
    workers.push(watched(parts, policy.QUEUES.followUp, followUp, policy.FOLLOWUP_CONCURRENCY))
  }
  const late = () => new Error('the workers were not ready in time')
  try {
    await within(parts.clock, policy.CALL_TIMEOUT_MS, Promise.all(workers.map((worker) => worker.waitUntilReady())), late)
  } catch (thrown) {
    await closeAll(parts, workers, running, 0)
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
    await closeAll(parts, workers, running, deadlineMs, hurry)
    await watched
  }
  return { close: (deadlineMs, hurry) => (closing ??= close(deadlineMs, hurry)) }
}

function followUpProcessor(handlers: JobHandlers, parts: WorkerParts): JobProcessor {
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

async function closeAll(
  parts: WorkerParts,
  workers: readonly WorkerClient[],
  running: RunningJobs,
  deadlineMs: number,
  hurry?: AbortSignal,
): Promise<void> {
  const { clock, logger } = parts
  const closing = Promise.all(workers.map((worker) => worker.close()))
  const abort = () => {
    for (const worker of workers) worker.cancelAllJobs(new WorkerClosing('the worker is closing'))
  }
  if (deadlineMs <= 0 || hurry?.aborted === true) abort()
  else hurry?.addEventListener('abort', abort, { once: true })
  const cancel = deadlineMs > 0 ? clock.after(deadlineMs, abort) : () => undefined
  const late = () => new Error('jobs did not end in time')
  const unanswered = () => new Error('the queue does not answer')
  try {
    await Promise.race([closing, within(clock, Math.max(0, deadlineMs) + policy.ABORT_GRACE_MS, running.whenIdle(), late)])
    // the deadline is for jobs: a queue that is gone keeps a worker from closing although it has none
    await within(clock, policy.ABORT_GRACE_MS, closing, unanswered)
  } catch (thrown) {
    logger.error({ err: toError(thrown) }, 'workers did not close in time, connections are cut')
    await Promise.allSettled(
      workers.map((worker) => within(clock, policy.ABORT_GRACE_MS, worker.disconnect(), () => new Error('timed out'))),
    )
  } finally {
    cancel()
    hurry?.removeEventListener('abort', abort)
  }
}
