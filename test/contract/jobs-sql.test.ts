import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/core/time.js'
import { newMeetingId } from '../../src/core/ids.js'
import { openQueue } from '../../src/followup/jobs/open.js'
import { silentLogger } from '../../src/observe/logger.js'
import { openStore } from '../../src/records/sql/open.js'
import { killedWorkerRuns, startJobWorker } from '../support/job-worker-process.js'
import { RecordingHandlers, jobsSuite } from '../support/jobs-suite.js'
import { postgresBinaries, startPostgres, type TestPostgres } from '../support/postgres.js'

const binaries = postgresBinaries()
const open = (databaseUrl: string | null, dataDir: string) => openStore({ databaseUrl, dataDir, clock: systemClock, logger: silentLogger })

if (binaries !== undefined) {
  jobsSuite('jobs on PostgreSQL', async () => {
    const server = await startPostgres(binaries)
    const records = await open(server.url, '')
    return {
      redisUrl: null,
      pool: records.pool,
      close: async () => {
        await records.close()
        await server.close()
      },
    }
  })
}

// made once: a first open takes seconds of work
const folder = await mkdtemp(join(tmpdir(), 'roomscribe-jobs-'))
afterAll(() => rm(folder, { recursive: true, force: true }))

jobsSuite('jobs on PGlite', async () => {
  const records = await open(null, folder)
  return { redisUrl: null, pool: records.pool, close: () => records.close() }
})

describe.skipIf(binaries === undefined)('jobs on PostgreSQL, faults', () => {
  let server: TestPostgres
  beforeAll(async () => {
    server = await startPostgres(binaries ?? '')
  })
  afterAll(() => server.close())

  test('42 a job whose worker was killed is run again by another', async () => {
    const records = await open(server.url, '')
    const queue = await openQueue({ redisUrl: null, pool: records.pool, logger: silentLogger })
    const ran = await killedWorkerRuns(queue, ['-', server.url, '-'])
    await queue.close()
    await records.close()
    expect(ran).toBe(1)
  })

  test('35 42 a job whose worker was killed before the wall clock was set back by an hour is run again within 10 s', async () => {
    const records = await open(server.url, '')
    const queue = await openQueue({ redisUrl: null, pool: records.pool, logger: silentLogger })
    const id = newMeetingId()
    await queue.queue.attend(id)
    const worker = await startJobWorker(['-', server.url, '-'], id)
    await worker.kill()
    // as that clock wrote it down
    await records.pool.query("UPDATE bullmq.meta SET value = (value::bigint + 3600000)::text WHERE field = 'stalled-check'")
    await records.pool.query("UPDATE bullmq.job SET locked_until_ms = locked_until_ms + 3600000 WHERE state = 'active'")
    const handlers = new RecordingHandlers()
    const fromMs = systemClock.monotonicMs()
    await queue.startWorkers(handlers, { attendConcurrency: 1 })
    await handlers.ended(1)
    const tookMs = systemClock.monotonicMs() - fromMs
    await queue.close()
    await records.close()
    expect(tookMs).toBeLessThan(10_000)
  })

  test('a process that closed everything ends by itself', async () => {
    const id = newMeetingId()
    const worker = await startJobWorker(['-', server.url, '-', id, 'leave'], id)
    expect(await worker.ended()).toEqual({ code: 0, last: 'closed' })
  })

  test('41 with the server down adding is refused, works again when it is back, and closing ends', async () => {
    const records = await open(server.url, '')
    const queue = await openQueue({ redisUrl: null, pool: records.pool, logger: silentLogger })
    const handlers = new RecordingHandlers()
    await queue.startWorkers(handlers, { attendConcurrency: 1 })
    await server.stop()
    const id = newMeetingId()
    await expect(queue.queue.attend(id)).rejects.toMatchObject({ code: 'queue_unreachable', retryable: true })
    await server.start()
    await queue.queue.attend(id)
    await handlers.ended(1)
    await server.stop()
    await queue.close()
    await server.start()
    await records.close()
    expect(handlers.ran).toEqual(['attend'])
  })
})

test('42 jobs on PGlite: a job whose process was killed is run again by the next that opens the folder', { timeout: 240_000 }, async () => {
  const id = newMeetingId()
  const worker = await startJobWorker(['-', '-', folder, id], id)
  await worker.kill()
  const records = await open(null, folder)
  const queue = await openQueue({ redisUrl: null, pool: records.pool, logger: silentLogger })
  const seen: string[] = []
  const handlers = new RecordingHandlers({ attend: async (meeting) => void seen.push(meeting) })
  await queue.startWorkers(handlers, { attendConcurrency: 1 })
  await handlers.ended(1)
  await queue.close()
  await records.close()
  expect(seen).toEqual([id])
  // and one that closed everything ends by itself
  const last = newMeetingId()
  const leaving = await startJobWorker(['-', '-', folder, last, 'leave'], last)
  expect(await leaving.ended()).toEqual({ code: 0, last: 'closed' })
})
