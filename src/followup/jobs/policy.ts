import { backoffMs, type BackoffPolicy } from '../../core/backoff.js'
import { RoomscribeError, UpstreamError } from '../../core/errors.js'

/** The kinds of job, each with a processor file of its own. */
export type JobKind = 'attend' | 'finalise' | 'summarise' | 'deliver'

/** Queues: bots take `attend` jobs, `serve` takes the three steps after the meeting. */
export const QUEUES = { attend: 'attend', followUp: 'followup' } as const
export type QueueName = (typeof QUEUES)[keyof typeof QUEUES]

/**
 * A worker that died is noticed when the lock of its job runs out, by a check every second: re-run after 2 to 4 s. The lock is renewed
 * every second, by a monotonic clock, so an event loop may stand still for 2 s.
 */
export const LOCK_MS = 3_000
export const RENEW_MS = 1_000
export const STALLED_CHECK_MS = 1_000
/**
 * How many worker deaths a job survives before it counts as the cause of them and becomes a dead letter. A bot runs for hours beside up
 * to 15 others, each of which may be the one that ends the process; being handed over does not count.
 */
export const MAX_STALLED: Readonly<Record<QueueName, number>> = { attend: 20, followup: 5 }
/** Attempts of a job that throws; then it stays in `failed` as a dead letter. */
export const MAX_ATTEMPTS = 5
/** Meetings followed up at the same time in one process. */
export const FOLLOWUP_CONCURRENCY = 4
/** Done jobs are kept for a day, at most 1 000 a queue; dead letters for 30 days, at most 1 000 a queue. */
export const KEEP_COMPLETED = { age: 24 * 3_600, count: 1_000 }
export const KEEP_FAILED = { age: 30 * 24 * 3_600, count: 1_000 }
/** A call to the queue that did not answer by then is given up; adding again is harmless. */
export const CALL_TIMEOUT_MS = 5_000
/** What a handler gets to end after its signal aborted at shutdown, before the connection is cut. */
export const ABORT_GRACE_MS = 5_000
/** The longest wait that a service can ask of us. */
const MAX_RETRY_AFTER_MS = 3_600_000

/** Waits between attempts by kind; a destination that is down gets minutes, not seconds. */
export const RETRY: Readonly<Record<JobKind, BackoffPolicy>> = {
  attend: { firstMs: 1_000, maxMs: 30_000 },
  finalise: { firstMs: 1_000, maxMs: 60_000 },
  summarise: { firstMs: 1_000, maxMs: 60_000 },
  deliver: { firstMs: 30_000, maxMs: 600_000 },
}

/**
 * Whether another attempt may help. Our own errors say so themselves; an error that
 * nobody translated is a fault of unknown kind and is tried again up to the bound.
 */
export function isRetryable(thrown: unknown): boolean {
  if (thrown instanceof UpstreamError) return thrown.retryable
  if (thrown instanceof AggregateError) return thrown.errors.some(isRetryable)
  return !(thrown instanceof RoomscribeError)
}

/** A job that could not run for no fault of its own looks again after so long, however often. */
export const BLAMELESS_WAIT_MS = 2_000

/**
 * Whether the store does not answer, this process has no room for more, or another one runs the meeting: that is not the job's fault, and
 * may last. A statement that timed out is an attempt: the store answers, and the job may be what never ends.
 */
export function isBlameless(thrown: unknown): boolean {
  if (!(thrown instanceof UpstreamError) || !thrown.retryable) return false
  return thrown.service === 'process' || (thrown.service === 'database' && thrown.code !== 'database_timeout')
}

/** Whether the job had only to see that the meeting is looked after: nothing is wrong. */
export function isRunElsewhere(thrown: unknown): boolean {
  return thrown instanceof UpstreamError && thrown.code === 'run_elsewhere'
}

/**
 * The wait before the next attempt: jittered, never shorter than what the service asked for.
 * @param attempt 1 after the first failure
 */
export function retryDelayMs(policy: BackoffPolicy, attempt: number, thrown: unknown, random: () => number): number {
  const asked = thrown instanceof UpstreamError ? (thrown.retryAfterMs ?? 0) : 0
  return Math.round(Math.max(backoffMs(policy, attempt - 1, random), Math.min(asked, MAX_RETRY_AFTER_MS)))
}

/** Job ids are derived from the meeting, so that adding twice is adding once. */
export const jobId = (kind: JobKind, meetingId: string): string => `${kind}-${meetingId}`
