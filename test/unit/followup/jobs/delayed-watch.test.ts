import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { DelayedJob } from '../../../../src/followup/jobs/backend.js'
import { DelayedWatch } from '../../../../src/followup/jobs/delayed-watch.js'
import { silentLogger } from '../../../../src/observe/logger.js'
import { ManualClock } from '../../../support/manual-clock.js'

interface Waiting {
  readonly id: string
  readonly delay: number
  attemptsStarted: number
  attemptsMade: number
  dueMs: number
}

/** A queue that keeps jobs until their time by the wall clock, as BullMQ does. */
class WallQueue {
  readonly name = 'attend'
  readonly ran: string[] = []
  readonly jobs = new Map<string, Waiting>()
  readonly #clock: ManualClock
  isAway = false
  /** answers nothing that is asked of it from now on */
  isSilent = false

  constructor(clock: ManualClock) {
    this.#clock = clock
  }

  park(id: string, delay: number, attemptsStarted = 1): void {
    this.jobs.set(id, { id, delay, attemptsStarted, attemptsMade: 0, dueMs: this.#clock.nowMs() + delay })
  }

  /** What a worker does all the time. */
  work(): void {
    for (const { id, dueMs } of this.jobs.values()) if (dueMs <= this.#clock.nowMs()) this.run(id)
  }

  run(id: string): void {
    if (this.jobs.delete(id)) this.ran.push(id)
  }

  getDelayed(): Promise<DelayedJob[]> {
    if (this.isAway) return Promise.reject(new Error('away'))
    const promote = (id: string) => {
      if (this.isSilent) return new Promise<void>(() => undefined)
      return this.jobs.has(id) ? Promise.resolve(this.run(id)) : Promise.reject(new Error('not delayed'))
    }
    return Promise.resolve([...this.jobs.values()].map((job) => ({ ...job, promote: () => promote(job.id) })))
  }
}

describe('35 jobs that wait for their time', () => {
  let clock: ManualClock
  let queue: WallQueue
  let watch: DelayedWatch
  let answered: number
  let stop: () => void

  beforeEach(() => {
    clock = new ManualClock(1_700_000_000_000)
    queue = new WallQueue(clock)
    answered = 0
    watch = new DelayedWatch({ backend: {}, queues: [queue], clock, logger: silentLogger, answered: () => answered++ })
    stop = clock.every(100, () => queue.work())
    watch.start()
  })
  afterEach(async () => {
    stop()
    await watch.close()
    expect(clock.pending).toBe(0)
  })

  test('run within 6 s of their time although the wall clock was set back by an hour', async () => {
    queue.park('short', 2_000)
    queue.park('long', 30_000)
    await clock.advance(500)
    clock.jumpWall(-3_600_000)
    await clock.advance(7_500)
    expect(queue.ran).toEqual(['short'])
    await clock.advance(28_000)
    expect(queue.ran).toEqual(['short', 'long'])
  })

  test('run no earlier than they were to while the clock is right', async () => {
    queue.park('long', 600_000)
    await clock.advance(599_800)
    expect(queue.ran).toEqual([])
    await clock.advance(300)
    expect(queue.ran).toEqual(['long'])
  })

  test('a job that is put off again and again waits anew each time', async () => {
    for (let started = 1; started < 20; started++) {
      queue.park('again', 2_500, started)
      await clock.advance(2_400)
      expect(queue.ran.length).toBe(started - 1)
      await clock.advance(200)
      expect(queue.ran.length).toBe(started)
    }
  })

  test('a queue that is away is looked at when it is back, and whoever was faster is no fault', async () => {
    const other = new DelayedWatch({ backend: {}, queues: [queue], clock, logger: silentLogger, answered: () => undefined })
    other.start()
    queue.park('one', 2_000)
    queue.park('two', 2_000)
    clock.jumpWall(-3_600_000)
    queue.isAway = true
    await clock.advance(5_000)
    answered = 0
    await clock.advance(15_000)
    expect(answered).toBe(0)
    queue.isAway = false
    await clock.advance(7_000)
    expect(queue.ran).toEqual(['one', 'two'])
    expect(answered).toBeGreaterThan(0)
    await other.close()
  })

  test('39 a queue that falls silent between two answers keeps nobody who ends: not each of its jobs is waited for', async () => {
    for (let n = 0; n < 100; n++) queue.park(`job ${n}`, 2_000)
    await clock.advance(500)
    clock.jumpWall(-3_600_000)
    await clock.advance(2_000)
    queue.isSilent = true
    await clock.advance(4_000)
    let isClosed = false
    void watch.close().then(() => (isClosed = true))
    await clock.advance(6_000)
    expect(isClosed).toBe(true)
    expect(queue.ran).toEqual([])
  })
})
