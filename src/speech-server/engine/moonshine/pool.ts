import { deferred } from '../../../core/deferred.js'
import { toError, UpstreamError } from '../../../core/errors.js'
import type { Clock } from '../../../core/time.js'
import type { Logger } from '../../../observe/logger.js'
import { JobQueue } from './job-queue.js'
import type { JobQueueLimits, RecognitionJob } from './job-queue.js'
import type { SpawnWorker, WorkerHandle } from './worker-handle.js'

/**
 * Keeps a fixed number of workers busy from one queue.
 *
 * P1 a worker has one job at a time; a job ends in exactly one of `done` and `failed`, unless its session is dropped.
 * P2 a worker that dies fails the job it had, nobody else's, and is replaced after 0.1 s, doubling to 10 s.
 * P3 from the fifth death in a row without a finished job on what waits fails, and so does what comes until a worker has loaded again.
 * P4 close asks each worker to end after what it is doing and waits; nothing is terminated.
 */

const FIRST_DELAY_MS = 100
const LONGEST_DELAY_MS = 10_000
const MAX_DEATHS = 5

interface Slot {
  handle: WorkerHandle | null
  job: RecognitionJob | null
  ready: boolean
  cancelRestart: (() => void) | null
}

/** What a pool is made of. */
export interface PoolParts {
  readonly spawn: SpawnWorker
  readonly workers: number
  readonly limits: JobQueueLimits
  readonly clock: Clock
  readonly logger: Logger
}

const died = (cause: Error): UpstreamError =>
  new UpstreamError(
    'recogniser_died',
    'the recogniser died while it worked on this session: open a new one',
    { service: 'speech', retryable: true },
    { cause },
  )

/** Recogniser workers. */
export class RecogniserPool {
  readonly #parts: PoolParts
  readonly #queue: JobQueue
  readonly #slots: Slot[]
  readonly #started = deferred()
  #deaths = 0
  #broken: Error | null = null
  #isClosing = false
  #closing: Promise<void> | null = null

  constructor(parts: PoolParts) {
    this.#parts = parts
    this.#queue = new JobQueue(parts.limits)
    this.#slots = Array.from({ length: parts.workers }, () => ({ handle: null, job: null, ready: false, cancelRestart: null }))
  }

  /** Starts the workers; resolves when all have loaded. @throws {UpstreamError} `recogniser_unusable`: they cannot; the pool is closed then */
  async open(): Promise<void> {
    for (const slot of this.#slots) this.#spawn(slot)
    try {
      await this.#started.promise
    } catch (thrown) {
      await this.close()
      throw thrown
    }
  }

  /** jobs that no worker has begun */
  get waiting(): number {
    return this.#queue.length
  }

  /** @returns false when the queue refuses it (see JobQueue); a broken pool takes it and fails it */
  submit(job: RecognitionJob): boolean {
    if (this.#broken) {
      job.failed(this.#broken)
      return true
    }
    const taken = this.#queue.add(job)
    this.#feed()
    return taken
  }

  /** Takes back a job that has not begun. */
  cancel(job: RecognitionJob): boolean {
    return this.#queue.remove(job)
  }

  /** Forgets a session: neither `done` nor `failed` of its jobs is called from now on. */
  drop(owner: object): void {
    this.#queue.removeOwner(owner)
    for (const slot of this.#slots) if (slot.job?.owner === owner) slot.job = { ...slot.job, done: ignore, failed: ignore }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#isClosing = true
    this.#queue.drain()
    for (const slot of this.#slots) slot.cancelRestart?.()
    await Promise.all(this.#slots.flatMap(({ handle }) => (handle ? [handle.end()] : [])))
  }

  #spawn(slot: Slot): void {
    slot.ready = false
    slot.cancelRestart = null
    slot.handle = this.#parts.spawn({
      ready: () => {
        slot.ready = true
        this.#broken = null
        if (this.#slots.every((each) => each.ready)) this.#started.resolve()
        this.#feed()
      },
      unusable: (reason) => {
        const message = `the recogniser cannot start (${reason}): run \`npm run setup\``
        this.#started.reject(new UpstreamError('recogniser_unusable', message, { service: 'speech', retryable: false }))
        this.#parts.logger.error({ reason }, 'recogniser cannot start')
      },
      done: (recognition) => {
        this.#deaths = 0
        this.#release(slot)?.done(recognition)
        this.#feed()
      },
      jobFailed: (message) => {
        this.#release(slot)?.failed(
          new UpstreamError('recogniser_failed', `the recogniser failed: ${message}`, { service: 'speech', retryable: true }),
        )
        this.#feed()
      },
      gone: (error) => this.#gone(slot, error),
    })
  }

  #gone(slot: Slot, error: Error | undefined): void {
    slot.handle = null
    slot.ready = false
    const job = this.#release(slot)
    if (this.#isClosing) return
    const cause = toError(error ?? new Error('recogniser worker ended'))
    this.#started.reject(died(cause))
    this.#deaths++
    this.#parts.logger.warn({ err: cause, deaths: this.#deaths }, 'recogniser worker died')
    if (this.#deaths >= MAX_DEATHS) this.#break(cause)
    const delayMs = this.#broken ? LONGEST_DELAY_MS : Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (this.#deaths - 1))
    slot.cancelRestart = this.#parts.clock.after(delayMs, () => this.#spawn(slot))
    job?.failed(died(cause))
  }

  #break(cause: Error): void {
    this.#broken = new UpstreamError(
      'recogniser_broken',
      `the recogniser died again and again: it is started again every ${LONGEST_DELAY_MS / 1000} s`,
      { service: 'speech', retryable: true },
      { cause },
    )
    this.#parts.logger.error({ err: cause }, 'recogniser died again and again')
    for (const job of this.#queue.drain()) job.failed(this.#broken)
  }

  #release(slot: Slot): RecognitionJob | null {
    const job = slot.job
    slot.job = null
    return job
  }

  #feed(): void {
    if (this.#isClosing) return
    for (const slot of this.#slots) {
      if (!slot.ready || slot.job || !slot.handle) continue
      const job = this.#queue.next()
      if (!job) return
      slot.job = job
      slot.handle.recognise(job.samples, job.mayRetry)
    }
  }
}

const ignore = (): void => undefined
