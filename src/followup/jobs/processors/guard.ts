import { UnrecoverableError, WaitingError, type Job } from 'bullmq'
import type { MeetingId } from '../../../core/ids.js'
import { RoomscribeError, toError } from '../../../core/errors.js'
import { redactText, type Logger } from '../../../observe/logger.js'
import { parsePayload } from '../payload.js'
import { isRetryable } from '../policy.js'

/** Why the signal of a job aborts when its worker closes: the job goes back to the queue, no attempt is counted. */
export class WorkerClosing extends Error {
  override readonly name = 'WorkerClosing'
}

/**
 * Runs one attempt of a job. A non-retryable error ends the job at once as a dead letter; at shutdown the job
 * goes back to the queue for another worker; anything else is retried up to the bound.
 * @param work idempotent; rejects with `signal.reason` when it stops because of the signal
 */
export async function guarded(
  job: Job<unknown, void>,
  token: string | undefined,
  signal: AbortSignal | undefined,
  logger: Logger,
  work: (id: MeetingId, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const log = logger.child({ job: job.id, kind: job.name })
  const stop = signal ?? new AbortController().signal
  try {
    await work(parsePayload(job.data), stop)
  } catch (thrown) {
    if (stop.aborted && stop.reason instanceof WorkerClosing && thrown === stop.reason) {
      log.info({}, 'job goes back to the queue')
      await job.moveToWait(token)
      throw new WaitingError()
    }
    const error = toError(thrown)
    const attempt = job.attemptsMade + 1
    const final = !isRetryable(error) || attempt >= (job.opts.attempts ?? 1)
    if (final) log.error({ err: error, attempt }, 'job failed for good')
    else log.warn({ err: error, attempt }, 'job failed, will be tried again')
    // the reason is stored in the queue and shown to operators
    error.message = redactText(error.message)
    if (isRetryable(error)) throw error
    const code = error instanceof RoomscribeError ? `${error.code}: ` : ''
    throw new UnrecoverableError(code + error.message)
  }
}
