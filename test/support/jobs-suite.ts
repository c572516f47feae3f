import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { deferred } from '../../src/core/deferred.js'
import { UpstreamError } from '../../src/core/errors.js'
import { newMeetingId, type MeetingId } from '../../src/core/ids.js'
import { openQueue, type OpenQueue } from '../../src/followup/jobs/open.js'
import type { JobHandlers } from '../../src/followup/port.js'
import { systemClock } from '../../src/core/time.js'
import { silentLogger } from '../../src/observe/logger.js'

/** Where a run of the suite keeps its jobs. */
export interface JobsBackend {
  readonly redisUrl: string | null
  readonly pool: unknown
  close(): Promise<void>
}

const FAST = { firstMs: 5, maxMs: 20 }
const RETRY = { attend: FAST, finalise: FAST, summarise: FAST, deliver: FAST }

/** Handlers that note what ran; `on` replaces the work of one kind. */
export class RecordingHandlers implements JobHandlers {
  readonly ran: string[] = []
  readonly #on: Partial<JobHandlers>
  readonly #waiting: { count: number; resolve: () => void }[] = []

  constructor(on: Partial<JobHandlers> = {}) {
    this.#on = on
  }

  attend = (id: MeetingId, signal: AbortSignal) => this.#run('attend', id, signal)
  finalise = (id: MeetingId, signal: AbortSignal) => this.#run('finalise', id, signal)
  summarise = (id: MeetingId, signal: AbortSignal) => this.#run('summarise', id, signal)
  deliver = (id: MeetingId, signal: AbortSignal) => this.#run('deliver', id, signal)

  /** resolves when `count` jobs have ended, well or badly */
  ended(count: number): Promise<void> {
    const { promise, resolve } = deferred()
    this.#waiting.push({ count, resolve })
    this.#tell()
    return promise
  }

  async #run(kind: keyof JobHandlers, id: MeetingId, signal: AbortSignal): Promise<void> {
    try {
      await this.#on[kind]?.(id, signal)
    } finally {
      this.ran.push(kind)
      this.#tell()
    }
  }

  #tell(): void {
    for (const { count, resolve } of this.#waiting) if (this.ran.length >= count) resolve()
  }
}

/** Asks again until the counts say so; the test's own timeout bounds it. */
export async function countsUntil(open: OpenQueue, done: (counts: Record<string, number>) => boolean): Promise<void> {
  while (!done(await open.queue.counts())) await new Promise((resolve) => setTimeout(resolve, 20))
}

/** What a job queue does, whatever it stands on. */
export function jobsSuite(title: string, openBackend: () => Promise<JobsBackend>): void {
  describe(title, () => {
    let backend: JobsBackend
    let run = 0
    const opened: OpenQueue[] = []
    // on SQL every test shares the queues: counts are compared with those before the test
    let before: Record<string, number> = {}

    beforeAll(async () => {
      backend = await openBackend()
    })
    afterAll(() => backend.close())
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((open) => open.close()))
    })

    async function open(): Promise<OpenQueue> {
      const queue = await openQueue({ ...backend, logger: silentLogger, retry: RETRY, prefix: `test${(run += 1)}` })
      opened.push(queue)
      before = await queue.queue.counts()
      return queue
    }
    const grown = (counts: Record<string, number>, state: string) => (counts[state] ?? 0) - (before[state] ?? 0)

    test('a job runs once and two additions of one meeting are one job', async () => {
      const { queue, startWorkers } = await open()
      const id = newMeetingId()
      await Promise.all([queue.attend(id), queue.attend(id)])
      await queue.attend(id)
      const seen: string[] = []
      const handlers = new RecordingHandlers({ attend: async (meeting) => void seen.push(meeting) })
      await startWorkers(handlers, { attendConcurrency: 2 })
      const last = newMeetingId()
      await queue.attend(last)
      await handlers.ended(2)
      await queue.attend(id)
      const third = newMeetingId()
      await queue.attend(third)
      await handlers.ended(3)
      expect(seen).toEqual([id, last, third])
    })

    test('the steps after a meeting run in order, once, though they are added twice', async () => {
      const { queue, startWorkers } = await open()
      const id = newMeetingId()
      const handlers = new RecordingHandlers()
      await Promise.all([queue.followUp(id), queue.followUp(id)])
      await startWorkers(handlers, { attendConcurrency: 0 })
      await handlers.ended(3)
      await queue.followUp(id)
      const other = newMeetingId()
      await queue.followUp(other)
      await handlers.ended(6)
      expect(handlers.ran).toEqual(['finalise', 'summarise', 'deliver', 'finalise', 'summarise', 'deliver'])
    })

    test('a failed step is tried again and the next step waits for it', async () => {
      const { queue, startWorkers } = await open()
      let failures = 2
      const handlers = new RecordingHandlers({
        summarise: () => (failures-- > 0 ? Promise.reject(new Error('not yet')) : Promise.resolve()),
      })
      await startWorkers(handlers, { attendConcurrency: 0 })
      await queue.followUp(newMeetingId())
      await handlers.ended(5)
      expect(handlers.ran).toEqual(['finalise', 'summarise', 'summarise', 'summarise', 'deliver'])
    })

    test('43 a poison job is a dead letter after 5 attempts and others are not affected', async () => {
      const opening = await open()
      const { queue, startWorkers } = opening
      const poison = newMeetingId()
      let attempts = 0
      const handlers = new RecordingHandlers({
        attend: (id) => {
          if (id !== poison) return Promise.resolve()
          attempts += 1
          return Promise.reject(new Error('poison'))
        },
      })
      await startWorkers(handlers, { attendConcurrency: 1 })
      await queue.attend(poison)
      for (let n = 0; n < 3; n++) await queue.attend(newMeetingId())
      await handlers.ended(8)
      await countsUntil(opening, (counts) => grown(counts, 'attend.failed') === 1)
      expect(attempts).toBe(5)
    })

    test('an error that says it is not retryable ends the job at its first attempt', async () => {
      const opening = await open()
      const { queue, startWorkers } = opening
      const refuse = new UpstreamError('slack_auth', 'refused', { service: 'slack', retryable: false })
      const handlers = new RecordingHandlers({ deliver: () => Promise.reject(refuse) })
      await startWorkers(handlers, { attendConcurrency: 0 })
      await queue.followUp(newMeetingId())
      await countsUntil(opening, (counts) => grown(counts, 'followup.failed') === 1)
      expect(handlers.ran).toEqual(['finalise', 'summarise', 'deliver'])
    })

    test('37 a meeting that is run elsewhere: its job is put off as often as it takes, which is no attempt', async () => {
      const { queue, startWorkers } = await open()
      let looks = 0
      const elsewhere = new UpstreamError('run_elsewhere', 'another process runs the meeting', { service: 'process', retryable: true })
      const handlers = new RecordingHandlers({ attend: () => ((looks += 1) <= 2 ? Promise.reject(elsewhere) : Promise.resolve()) })
      await startWorkers(handlers, { attendConcurrency: 1 })
      const fromMs = systemClock.monotonicMs()
      const id = newMeetingId()
      await queue.attend(id)
      await handlers.ended(3)
      // 2 s each, and whoever waits is woken in time
      const tookMs = systemClock.monotonicMs() - fromMs
      expect(tookMs).toBeGreaterThan(3_900)
      expect(tookMs).toBeLessThan(8_000)
    })

    test('35 a job that waits while the wall clock is set back by an hour runs all the same, and counts the same attempts', async () => {
      const opening = await open()
      const { queue, startWorkers } = opening
      let isFirst = true
      // so that it waits, and is not tried again at once
      const later = new UpstreamError('later', 'text', { service: 'slack', retryable: true, retryAfterMs: 50 })
      const handlers = new RecordingHandlers({
        attend: () => {
          const outcome = isFirst ? Promise.reject(later) : Promise.resolve()
          isFirst = false
          return outcome
        },
      })
      // what BullMQ sees
      vi.useFakeTimers({ toFake: ['Date'], now: systemClock.nowMs() + 3_600_000 })
      try {
        await queue.attend(newMeetingId())
        await startWorkers(handlers, { attendConcurrency: 1 })
        await handlers.ended(1)
        await countsUntil(opening, (counts) => grown(counts, 'attend.delayed') === 1)
      } finally {
        vi.useRealTimers()
      }
      await handlers.ended(2)
      expect(handlers.ran).toEqual(['attend', 'attend'])
    })

    test('a closing worker aborts its jobs at the deadline and the next worker gets them, however often', async () => {
      const opening = await open()
      const { queue, startWorkers } = opening
      await queue.attend(newMeetingId())
      // more often than a job may fail: going back to the queue is no attempt
      for (let round = 0; round < 6; round++) {
        const begun = deferred()
        const stubborn = new RecordingHandlers({
          attend: (_id, signal) => {
            begun.resolve()
            return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
          },
        })
        const workers = await startWorkers(stubborn, { attendConcurrency: 1 })
        await begun.promise
        await Promise.all([workers.close(0), workers.close(50)])
        expect(stubborn.ran).toEqual(['attend'])
      }
      const next = new RecordingHandlers()
      await startWorkers(next, { attendConcurrency: 1 })
      await next.ended(1)
      expect(grown(await queue.counts(), 'attend.failed')).toBe(0)
    })

    test('a closing worker lets a job end before the deadline', async () => {
      const { queue, startWorkers } = await open()
      const begun = deferred()
      const release = deferred()
      const aborted: boolean[] = []
      const handlers = new RecordingHandlers({
        attend: async (_id, signal) => {
          begun.resolve()
          await release.promise
          aborted.push(signal.aborted)
        },
      })
      const workers = await startWorkers(handlers, { attendConcurrency: 1 })
      await queue.attend(newMeetingId())
      await begun.promise
      const closing = workers.close(30_000)
      release.resolve()
      await closing
      expect(aborted).toEqual([false])
    })

    test('after close every call is refused', async () => {
      const { queue, close } = await open()
      await close()
      await close()
      await expect(queue.attend(newMeetingId())).rejects.toMatchObject({ code: 'state' })
      await expect(queue.followUp(newMeetingId())).rejects.toMatchObject({ code: 'state' })
    })
  })
}
