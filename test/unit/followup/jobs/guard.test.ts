import { DelayedError, WaitingError, type Job } from 'bullmq'
import { describe, expect, test } from 'vitest'
import { ClaimLostError, UpstreamError } from '../../../../src/core/errors.js'
import { newMeetingId } from '../../../../src/core/ids.js'
import { payloadOf } from '../../../../src/followup/jobs/payload.js'
import { guarded, WorkerClosing } from '../../../../src/followup/jobs/processors/guard.js'
import { createLogger } from '../../../../src/observe/logger.js'
import { databaseError } from '../../../../src/records/sql/failures.js'
import { ManualClock } from '../../../support/manual-clock.js'

/** One attempt at a job under a clock of the test's. */
function attempt(work: (signal: AbortSignal) => Promise<void>, options: { renewed?: number; signal?: AbortSignal; awayMs?: number } = {}) {
  const clock = new ManualClock(1_000)
  const moves: string[] = []
  const lines: string[] = []
  const job = {
    id: 'attend-1',
    name: 'attend',
    data: payloadOf(newMeetingId()),
    attemptsMade: 0,
    opts: { attempts: 5 },
    extendLock: () => Promise.resolve(options.renewed ?? 1),
    moveToDelayed: (atMs: number) =>
      clock.nowMs() < 1_000 + (options.awayMs ?? 0)
        ? Promise.reject(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }))
        : Promise.resolve(void moves.push(`delayed ${atMs}`)),
    moveToWait: () => (options.awayMs ? Promise.reject(new Error('Connection is closed.')) : Promise.resolve(void moves.push('wait'))),
  }
  const logger = createLogger('debug', (line) => {
    const { level, msg } = JSON.parse(line) as { level: number; msg: string }
    lines.push(`${level} ${msg}`)
  })
  const done = guarded(job as unknown as Job<unknown, void>, 'token', options.signal, { clock, logger }, (_, signal) => work(signal))
  return { clock, moves, lines, done }
}
const refusing = (error: Error) => async () => {
  throw error
}
const upstream = (code: string, service: string) => new UpstreamError(code, 'text', { service, retryable: true })

describe('one attempt at a job', () => {
  test('41 a store that is away puts the job off, and no attempt is counted', async () => {
    const { done, moves, lines } = attempt(refusing(databaseError(Object.assign(new Error('x'), { code: 'ECONNREFUSED' }))))
    await expect(done).rejects.toBeInstanceOf(DelayedError)
    expect([moves, lines]).toEqual([['delayed 3000'], ['40 the store is away, or there is no room here: the job waits']])
  })

  test('41 a database that takes no writes, a standby since a failover, puts the job off, and no attempt is counted', async () => {
    const { done, moves } = attempt(refusing(databaseError(Object.assign(new Error('read-only transaction'), { code: '25006' }))))
    await expect(done).rejects.toBeInstanceOf(DelayedError)
    expect(moves).toEqual(['delayed 3000'])
  })

  const away = upstream('database_unreachable', 'database')

  test('41 a queue that is away with the store for ten minutes is asked until it takes the job, and no attempt is counted', async () => {
    const { done, moves, lines, clock } = attempt(refusing(away), { awayMs: 600_000 })
    const outcome = expect(done).rejects.toBeInstanceOf(DelayedError)
    await clock.advance(599_000)
    expect(moves).toEqual([])
    await clock.advance(1_000)
    await outcome
    expect([moves, lines.length, clock.pending]).toEqual([['delayed 603000'], 2, 0])
  })

  test('41 37 a job whose lock is lost while the queue is away with the store is left alone', async () => {
    const { done, moves, clock } = attempt(refusing(away), { awayMs: 600_000, renewed: 0 })
    const outcome = expect(done).rejects.toBeInstanceOf(WaitingError)
    await clock.advance(1_000)
    await outcome
    expect([moves, clock.pending]).toEqual([[], 0])
  })

  test('41 a worker that closes does not wait for a queue that is away with the store', async () => {
    const closing = new AbortController()
    const { done, clock } = attempt(refusing(away), { awayMs: 600_000, signal: closing.signal })
    const outcome = expect(done).rejects.toBeInstanceOf(WaitingError)
    await clock.advance(500)
    closing.abort(new WorkerClosing('the worker is closing'))
    await outcome
    expect(clock.pending).toBe(0)
  })

  test('43 a statement that timed out is an attempt: a job that only ever times out is a dead letter in the end', async () => {
    const timeout = databaseError(Object.assign(new Error('canceling statement due to statement timeout'), { code: '57014' }))
    const { done, moves } = attempt(refusing(timeout))
    await expect(done).rejects.toBe(timeout)
    expect(moves).toEqual([])
  })

  test('37 a meeting that is run elsewhere puts the job off, and nobody is told that something is wrong', async () => {
    const { done, moves, lines } = attempt(refusing(upstream('run_elsewhere', 'process')))
    await expect(done).rejects.toBeInstanceOf(DelayedError)
    expect([moves, lines]).toEqual([['delayed 3000'], ['20 meeting is run elsewhere: the job looks again']])
  })

  test("37 a job whose lock is lost is another worker's: it is left alone, and is no failure", async () => {
    const lost = attempt((signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))), {
      renewed: 0,
    })
    const outcome = expect(lost.done).rejects.toBeInstanceOf(WaitingError)
    await lost.clock.advance(1_000)
    await outcome
    expect(lost.moves).toEqual([])
    expect(lost.lines.filter((line) => line.startsWith('50'))).toEqual([])
    expect(lost.clock.pending).toBe(0)
  })

  test('a claim that is lost while the lock is held ends the job for good, as an error of ours that nobody expects', async () => {
    await expect(attempt(refusing(new ClaimLostError('taken'))).done).rejects.toThrow('claim_lost: taken')
  })

  test('a worker that closes gives the job back', async () => {
    const closing = new AbortController()
    closing.abort(new WorkerClosing('the worker is closing'))
    const { done, moves } = attempt((signal) => Promise.reject(signal.reason as Error), { signal: closing.signal })
    await expect(done).rejects.toBeInstanceOf(WaitingError)
    expect(moves).toEqual(['wait'])
  })

  test('30 37 a worker that closes while the queue is away leaves the job to its lock, and no attempt is counted, not even the last one', async () => {
    const closing = new AbortController()
    closing.abort(new WorkerClosing('the worker is closing'))
    const { done, lines, clock } = attempt((signal) => Promise.reject(signal.reason as Error), { signal: closing.signal, awayMs: 600_000 })
    await expect(done).rejects.toBeInstanceOf(WaitingError)
    expect(lines.filter((line) => line.startsWith('50'))).toEqual([])
    expect(clock.pending).toBe(0)
  })
})
