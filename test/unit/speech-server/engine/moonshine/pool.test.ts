import { describe, expect, test } from 'vitest'
import { silentLogger } from '../../../../../src/observe/logger.js'
import type { RecognitionJob } from '../../../../../src/speech-server/engine/moonshine/job-queue.js'
import { RecogniserPool } from '../../../../../src/speech-server/engine/moonshine/pool.js'
import type { Recognition } from '../../../../../src/speech-server/engine/moonshine/recogniser.js'
import type { WorkerEvents, WorkerHandle } from '../../../../../src/speech-server/engine/moonshine/worker-handle.js'
import { ManualClock } from '../../../../support/manual-clock.js'

/** A worker that does what the test says. */
class FakeWorker implements WorkerHandle {
  readonly events: WorkerEvents
  readonly jobs: Int16Array[] = []
  ends = 0

  constructor(events: WorkerEvents) {
    this.events = events
  }

  recognise(samples: Int16Array<ArrayBuffer>): void {
    this.jobs.push(samples)
  }

  async end(): Promise<void> {
    this.ends++
    this.events.gone()
  }
}

const RESULT: Recognition = { text: 'yes', confidences: [1], runaway: false }

function rig(workers = 1, maxQueuedJobs = 2) {
  const clock = new ManualClock()
  const made: FakeWorker[] = []
  const log: string[] = []
  const pool = new RecogniserPool({
    spawn: (events) => {
      const worker = new FakeWorker(events)
      made.push(worker)
      return worker
    },
    workers,
    limits: { maxQueuedJobs, maxFinalSamples: () => 100 },
    clock,
    logger: silentLogger,
  })
  const job = (owner: object, name: string, isFinal = true, length = 10): RecognitionJob => ({
    owner,
    isFinal,
    samples: new Int16Array(length),
    mayRetry: false,
    done: () => log.push(`${name} done`),
    failed: (error) => log.push(`${name} ${'code' in error ? String(error.code) : error.message}`),
  })
  const open = async () => {
    const opening = pool.open()
    for (const worker of made) worker.events.ready()
    await opening
  }
  return { clock, made, log, pool, job, open }
}

describe('recogniser pool', () => {
  test('P1 a worker has one job at a time, finals go before partials, and sessions take turns', async () => {
    const { made, log, pool, job, open } = rig(1, 10)
    await open()
    const [one, two] = [{}, {}]
    pool.submit(job(one, 'a1'))
    pool.submit(job(one, 'partial', false))
    for (const name of ['a2', 'a3']) pool.submit(job(one, name))
    pool.submit(job(two, 'b1'))
    for (let turn = 0; turn < 5; turn++) {
      expect(made[0]!.jobs).toHaveLength(turn + 1)
      made[0]!.events.done(RESULT)
    }
    expect(log).toEqual(['a1 done', 'a2 done', 'b1 done', 'a3 done', 'partial done'])
    await pool.close()
  })

  test('when full, partials are refused and finals wait, up to the audio allowed', async () => {
    const { pool, job, open } = rig(1, 2)
    await open()
    const owner = {}
    expect(pool.submit(job(owner, 'busy'))).toBe(true)
    expect(pool.submit(job(owner, 'p1', false))).toBe(true)
    expect(pool.submit(job(owner, 'f1', true, 60))).toBe(true)
    expect(pool.submit(job(owner, 'p2', false))).toBe(false)
    expect(pool.submit(job(owner, 'f2', true, 40))).toBe(true)
    expect(pool.submit(job(owner, 'f3', true, 1))).toBe(false)
    expect(pool.submit(job({}, 'other session', true, 100))).toBe(true)
    await pool.close()
  })

  test('P2 a worker that dies fails its own job only and is replaced', async () => {
    const { clock, made, log, pool, job, open } = rig()
    await open()
    pool.submit(job({}, 'mine'))
    pool.submit(job({}, 'other'))
    made[0]!.events.gone(new Error('abort'))
    expect(log).toEqual(['mine recogniser_died'])
    await clock.advance(100)
    made[1]!.events.ready()
    made[1]!.events.done(RESULT)
    expect(log).toEqual(['mine recogniser_died', 'other done'])
    await pool.close()
    expect(clock.pending).toBe(0)
  })

  test('P3 five deaths in a row break the pool: what waits fails, and so does what comes until a worker has loaded again', async () => {
    const { clock, made, log, pool, job, open } = rig()
    await open()
    made[0]!.events.gone(new Error('abort'))
    pool.submit(job({}, 'waiting'))
    for (let death = 1; death < 5; death++) {
      await clock.advance(10_000)
      made[death]!.events.gone(new Error('abort'))
    }
    expect(pool.submit(job({}, 'late'))).toBe(true)
    expect(log).toEqual(['waiting recogniser_broken', 'late recogniser_broken'])
    await clock.advance(10_000)
    made[5]!.events.ready()
    pool.submit(job({}, 'again'))
    made[5]!.events.gone(new Error('abort'))
    pool.submit(job({}, 'while it is away'))
    await clock.advance(9_999)
    expect(made).toHaveLength(6)
    await clock.advance(1)
    made[6]!.events.ready()
    pool.submit(job({}, 'healed'))
    made[6]!.events.done(RESULT)
    expect(log.slice(2)).toEqual(['again recogniser_died', 'while it is away recogniser_broken', 'healed done'])
    await pool.close()
    expect(clock.pending).toBe(0)
  })

  test('P4 close ends each worker once and cancels a restart', async () => {
    const { clock, made, pool, open } = rig(2)
    await open()
    made[0]!.events.gone(new Error('abort'))
    await Promise.all([pool.close(), pool.close()])
    expect(made.map(({ ends }) => ends)).toEqual([0, 1])
    expect(clock.pending).toBe(0)
  })

  test('a dropped session hears of nothing, neither of what waits nor of what is worked on', async () => {
    const { made, log, pool, job, open } = rig()
    await open()
    const owner = {}
    pool.submit(job(owner, 'begun'))
    pool.submit(job(owner, 'waiting'))
    pool.drop(owner)
    made[0]!.events.done(RESULT)
    expect(log).toEqual([])
    expect(pool.waiting).toBe(0)
    await pool.close()
  })

  test('a worker that cannot load fails the opening', async () => {
    const { made, pool } = rig()
    const opening = pool.open()
    made[0]!.events.unusable('no such package')
    await expect(opening).rejects.toMatchObject({ code: 'recogniser_unusable' })
  })
})
