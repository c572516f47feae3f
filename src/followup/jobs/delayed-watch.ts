import { toError, UpstreamError } from '../../core/errors.js'
import type { Clock } from '../../core/time.js'
import { within } from '../../core/within.js'
import type { Logger } from '../../observe/logger.js'
import { Rounds } from '../../observe/rounds.js'
import type { JobBackend, QueueClient } from './backend.js'
import { CALL_TIMEOUT_MS } from './policy.js'

/** How often jobs that wait are looked at, and how much longer than it was to a job may wait: one that is due runs at once. */
const LOOK_MS = 2_000
const LATE_MS = 1_000
/** Looked at in one go, those that are due first; more are looked at when these are gone. */
const MOST = 1_000

/** What a watch of jobs that wait stands on. */
export interface DelayedWatchParts {
  readonly backend: Pick<JobBackend, 'setRight'>
  readonly queues: readonly Pick<QueueClient, 'name' | 'getDelayed'>[]
  readonly clock: Clock
  readonly logger: Logger
  /** all of the queues have answered */
  readonly answered: () => void
}

/**
 * Runs jobs that have waited for as long as they were to. BullMQ writes down when by the wall clock: one that is set back by an hour
 * leaves every job that waits then for an hour, and in SQL the jobs of workers that died. Here a wait is what it was asked to be, by the
 * monotonic clock of whoever watches, and what lies in the future is taken back.
 */
export class DelayedWatch {
  readonly #parts: DelayedWatchParts
  readonly #rounds: Rounds
  /** since when each wait has been seen, monotonic ms */
  #seen = new Map<string, number>()

  constructor(parts: DelayedWatchParts) {
    this.#parts = parts
    this.#rounds = new Rounds({
      ...parts,
      words: {
        failed: 'jobs that wait cannot be looked at',
        lasts: 'jobs that wait have not been looked at for a minute: the queue is away',
        over: 'jobs that wait are looked at again',
      },
      retryMs: LOOK_MS,
      round: async (isClosed) => {
        await this.#look(isClosed)
        return LOOK_MS
      },
    })
  }

  /** Begins now. */
  start(): void {
    this.#rounds.wake()
  }

  /** Ends after what is under way. May be called twice. */
  close(): Promise<void> {
    return this.#rounds.close()
  }

  async #look(isClosed: () => boolean): Promise<void> {
    const { backend, queues, clock, logger } = this.#parts
    if (backend.setRight) await this.#call(backend.setRight(Math.floor(clock.nowMs())))
    const seen = new Map<string, number>()
    for (const queue of queues) {
      for (const job of await this.#call(queue.getDelayed(0, MOST - 1))) {
        if (isClosed()) return
        const nowMs = clock.monotonicMs()
        const wait = `${queue.name} ${job.id} ${job.attemptsStarted} ${job.attemptsMade}`
        const sinceMs = this.#seen.get(wait) ?? nowMs
        seen.set(wait, sinceMs)
        if (nowMs - sinceMs < job.delay + LATE_MS) continue
        logger.warn(
          { job: job.id, queue: queue.name, delayMs: job.delay },
          'job has waited for too long, by a clock that was set back or while no worker was free: it runs now',
        )
        await this.#call(job.promote()).catch((thrown: unknown) => {
          // a queue that does not answer is not asked again for each
          if (thrown instanceof UpstreamError) throw thrown
          // another process may have been faster
          logger.debug({ err: toError(thrown), job: job.id }, 'job waits no more')
        })
      }
    }
    this.#seen = seen
    this.#parts.answered()
  }

  #call<T>(work: Promise<T>): Promise<T> {
    const late = () => new UpstreamError('queue_unreachable', 'the job queue does not answer', { service: 'queue', retryable: true })
    return within(this.#parts.clock, CALL_TIMEOUT_MS, work, late)
  }
}
