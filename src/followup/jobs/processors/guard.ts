import { DelayedError, UnrecoverableError, WaitingError, type Job } from 'bullmq'
import type { MeetingId } from '../../../core/ids.js'
import { ClaimLostError, RoomscribeError, toError } from '../../../core/errors.js'
import type { Clock } from '../../../core/time.js'
import { redactText, type Logger } from '../../../observe/logger.js'
import { parsePayload } from '../payload.js'
import { BLAMELESS_WAIT_MS, isBlameless, isRetryable, isRunElsewhere, LOCK_MS, RENEW_MS } from '../policy.js'

/** Why the signal of a job aborts when its worker closes: the job goes back to the queue, no attempt is counted. */
export class WorkerClosing extends Error {
  override readonly name = 'WorkerClosing'
}

/** What every processor needs. */
export interface GuardParts {
  readonly clock: Clock
  readonly logger: Logger
  /** aborted: the workers are closed, also to a job that came while they closed */
  readonly closed?: AbortSignal
}

/**
 * Runs one attempt of a job under a lock that is renewed meanwhile. A job whose lock is lost runs elsewhere too: its signal aborts with a
 * ClaimLostError. A non-retryable error ends the job at once as a dead letter; at shutdown the job goes back to the queue for another
 * worker; while the store is away, this process has no room, or another one runs the meeting, it waits and no attempt is counted; anything
 * else is retried up to the bound.
 * @param work idempotent; rejects with `signal.reason` when it stops because of the signal
 */
export async function guarded(
  job: Job<unknown, void>,
  token: string | undefined,
  signal: AbortSignal | undefined,
  { clock, logger, closed }: GuardParts,
  work: (id: MeetingId, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const log = logger.child({ job: job.id, kind: job.name })
  const lost = new AbortController()
  const stop = signal === undefined ? lost.signal : AbortSignal.any([signal, lost.signal])
  const end = () => lost.abort(closed?.reason)
  closed?.addEventListener('abort', end, { once: true })
  if (closed?.aborted) end()
  const stopRenewing = keepLock(job, token ?? '', clock, log, () => lost.abort(new ClaimLostError('another worker has taken the job')))
  try {
    await work(parsePayload(job.data), stop)
  } catch (thrown) {
    if (stop.aborted && stop.reason instanceof WorkerClosing && thrown === stop.reason) {
      log.info({}, 'job goes back to the queue')
      await job.moveToWait(token).catch((refused: unknown) => {
        // whatever else BullMQ is told it writes down as an attempt; without its lock the job runs again
        log.warn({ err: toError(refused) }, 'the queue does not take the job back: it runs again when its lock is over')
      })
      throw new WaitingError()
    }
    if (lost.signal.aborted && thrown === lost.signal.reason) {
      log.info({}, "job is another worker's")
      // BullMQ leaves alone what ends like this, and so it does not ask for a lock that is gone
      throw new WaitingError()
    }
    const error = toError(thrown)
    if (isBlameless(error)) {
      if (isRunElsewhere(error)) log.debug({}, 'meeting is run elsewhere: the job looks again')
      else log.warn({ err: error }, 'the store is away, or there is no room here: the job waits')
      throw (await putOff(job, token, clock, log, stop)) ? new DelayedError() : new WaitingError()
    }
    const attempt = job.attemptsMade + 1
    const final = !isRetryable(error) || attempt >= (job.opts.attempts ?? 1)
    if (final) log.error({ err: error, attempt }, 'job failed for good')
    else log.warn({ err: error, attempt }, 'job failed, will be tried again')
    // the reason is stored in the queue and shown to operators
    error.message = redactText(error.message)
    if (isRetryable(error)) throw error
    const code = error instanceof RoomscribeError ? `${error.code}: ` : ''
    throw new UnrecoverableError(code + error.message)
  } finally {
    stopRenewing()
    closed?.removeEventListener('abort', end)
  }
}

/**
 * A queue that is away with the store is asked again for as long as the job is ours: what BullMQ is told instead it writes down as an attempt.
 * @returns false when the job is left alone, and runs again without its lock
 */
async function putOff(job: Job<unknown, void>, token: string | undefined, clock: Clock, log: Logger, stop: AbortSignal): Promise<boolean> {
  for (let asked = 0; ; asked++) {
    try {
      await job.moveToDelayed(clock.nowMs() + BLAMELESS_WAIT_MS, token)
      return true
    } catch (thrown) {
      if (asked === 0) log.warn({ err: toError(thrown) }, 'the queue is away too: it is asked again')
    }
    await clock.sleep(RENEW_MS, stop).catch(() => undefined)
    if (stop.aborted) return false
  }
}

/** Renews the lock by the monotonic clock, one call at a time, until it is lost or the function that it returns is called. */
function keepLock(job: Job<unknown, void>, token: string, clock: Clock, log: Logger, onLost: () => void): () => void {
  let isAsking = false
  const stop = clock.every(RENEW_MS, () => {
    if (isAsking) return
    isAsking = true
    job
      .extendLock(token, LOCK_MS)
      .then((renewed) => {
        if (renewed > 0) return
        stop()
        log.warn({}, 'lock of a job is lost')
        onLost()
      })
      .catch((thrown: unknown) => log.warn({ err: toError(thrown) }, 'lock of a job could not be renewed'))
      .finally(() => {
        isAsking = false
      })
  })
  return stop
}
