import type { Job } from 'bullmq'
import { beforeEach, describe, expect, test } from 'vitest'
import { deferred, type Deferred } from '../../../../src/core/deferred.js'
import { UpstreamError } from '../../../../src/core/errors.js'
import { newMeetingId } from '../../../../src/core/ids.js'
import type { JobBackend, JobProcessor, QueueClient, WorkerClient } from '../../../../src/followup/jobs/backend.js'
import { payloadOf } from '../../../../src/followup/jobs/payload.js'
import { RETRY } from '../../../../src/followup/jobs/policy.js'
import { openWorkers, type Workers } from '../../../../src/followup/jobs/workers.js'
import type { JobHandlers } from '../../../../src/followup/port.js'
import { LastingFault } from '../../../../src/observe/lasting-fault.js'
import { createLogger, silentLogger } from '../../../../src/observe/logger.js'
import { ManualClock } from '../../../support/manual-clock.js'

const away = () => Promise.reject(new Error('Connection is closed.'))

/** A worker whose queue can be away: it closes when its jobs have ended, and the queue answers. */
class ScriptedWorker implements WorkerClient {
  readonly name = 'attend'
  readonly queueAnswers = deferred()
  readonly #processor: JobProcessor
  #stop = new AbortController()
  isAborted = false
  readonly #onError: ((error: Error) => void)[] = []
  isCut = false
  #job: Promise<void> = Promise.resolve()

  constructor(processor: JobProcessor) {
    this.#processor = processor
  }

  run(): void {
    const job = {
      id: 'attend-1',
      name: 'attend',
      data: payloadOf(newMeetingId()),
      attemptsMade: 0,
      opts: {},
      extendLock: async () => 1,
      moveToDelayed: away,
      moveToWait: away,
    }
    this.#job = this.#processor(job as unknown as Job<unknown, void>, 'token', this.#stop.signal)
    this.#job.catch(() => undefined)
  }

  waitUntilReady = () => Promise.resolve()
  on = (event: string, listener: unknown) => void (event === 'error' && this.#onError.push(listener as (error: Error) => void))

  failed(): void {
    for (const listener of this.#onError) listener(new Error('connect ECONNREFUSED'))
  }

  /** Those that it has now. */
  cancelAllJobs(reason?: unknown): void {
    this.isAborted = true
    this.#stop.abort(reason)
    this.#stop = new AbortController()
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.#job])
    await this.queueAnswers.promise
  }

  disconnect(): Promise<void> {
    this.isCut = true
    return Promise.resolve()
  }
}

describe('workers', () => {
  const DEADLINE_MS = 60_000
  const WORDS = { failed: 'failed', lasts: 'lasts', over: 'over' }
  let lines: string[]
  let isAway: boolean
  let clock: ManualClock
  let worker: ScriptedWorker
  let meeting: Deferred
  let workers: Workers
  let isClosed: boolean

  const close = async () => {
    void workers.close(DEADLINE_MS).then(() => (isClosed = true))
    await clock.settle()
  }

  beforeEach(async () => {
    clock = new ManualClock()
    meeting = deferred()
    isClosed = false
    lines = []
    isAway = false
    const logger = createLogger('info', (line) => lines.push((JSON.parse(line) as { msg: string }).msg))
    const backend: Pick<JobBackend, 'worker'> = { worker: (_, processor) => (worker = new ScriptedWorker(processor)) }
    const queue: Pick<QueueClient, 'name' | 'getDelayed'> = {
      name: 'attend',
      getDelayed: () => (isAway ? Promise.reject(new Error('away')) : Promise.resolve([])),
    }
    const handlers: Pick<JobHandlers, 'attend'> = { attend: () => meeting.promise }
    workers = await openWorkers(
      {
        backend: backend as JobBackend,
        queues: [queue as QueueClient],
        clock,
        logger: silentLogger,
        random: () => 0.5,
        retry: RETRY,
        onFailed: () => undefined,
        fault: new LastingFault({ clock, logger }, WORDS),
      },
      handlers as JobHandlers,
      { attendConcurrency: 2, followUp: false },
    )
  })

  test('41 30 without a job, and with the queue away, they are gone after 5 s and not at the deadline', async () => {
    await close()
    await clock.advance(4_900)
    expect([isClosed, worker.isCut]).toEqual([false, false])
    await clock.advance(100)
    expect([isClosed, worker.isCut, clock.pending]).toEqual([true, true, 0])
  })

  test('30 a job that runs has until the deadline, and the queue 5 s to hear of its end', async () => {
    worker.run()
    await close()
    await clock.advance(50_000)
    expect([isClosed, worker.isCut, worker.isAborted]).toEqual([false, false, false])
    meeting.resolve()
    await clock.advance(4_900)
    expect([isClosed, worker.isCut]).toEqual([false, false])
    worker.queueAnswers.resolve()
    await clock.settle()
    expect([isClosed, worker.isCut, worker.isAborted, clock.pending]).toEqual([true, false, false, 0])
  })

  test('30 a job that was on its way here when they began to close has until the deadline too', async () => {
    await close()
    worker.run()
    await clock.advance(50_000)
    expect([isClosed, worker.isCut, worker.isAborted]).toEqual([false, false, false])
    meeting.resolve()
    worker.queueAnswers.resolve()
    await clock.settle()
    expect([isClosed, worker.isCut, clock.pending]).toEqual([true, false, 0])
  })

  test('30 37 no job asks a queue on that is gone when they are closed, not even one that came after the deadline', async () => {
    await close()
    worker.run()
    await clock.advance(DEADLINE_MS)
    expect(worker.isAborted).toBe(true)
    worker.run()
    meeting.reject(new UpstreamError('stopping', 'this process is stopping', { service: 'process', retryable: true }))
    await clock.advance(10_000)
    expect([isClosed, worker.isCut, clock.pending]).toEqual([true, true, 0])
  })

  test('30 a job that does not end is aborted at the deadline, and cut off 5 s later', async () => {
    worker.run()
    worker.queueAnswers.resolve()
    await close()
    await clock.advance(DEADLINE_MS)
    expect([worker.isAborted, worker.isCut, isClosed]).toEqual([true, false, false])
    await clock.advance(5_000)
    expect([worker.isCut, isClosed]).toEqual([true, true])
    meeting.resolve()
    await clock.settle()
    expect(clock.pending).toBe(0)
  })

  test('37 while the queue is away for ten minutes, errors of every second are told at once, after a minute, and when it is back', async () => {
    isAway = true
    const stop = clock.every(1_000, () => worker.failed())
    await clock.advance(600_000)
    expect(lines).toEqual(['failed', 'lasts'])
    stop()
    isAway = false
    await clock.advance(2_000)
    expect(lines).toEqual(['failed', 'lasts', 'over'])
  })
})
