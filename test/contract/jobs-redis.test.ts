import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newMeetingId } from '../../src/core/ids.js'
import { openQueue } from '../../src/followup/jobs/open.js'
import { silentLogger } from '../../src/observe/logger.js'
import { killedWorkerRuns, startJobWorker } from '../support/job-worker-process.js'
import { RecordingHandlers, jobsSuite } from '../support/jobs-suite.js'
import { startRedis, type TestRedis } from '../support/redis.js'

jobsSuite('jobs on Redis', async () => {
  const redis = await startRedis()
  return { redisUrl: redis.url, pool: null, close: () => redis.close() }
})

describe('jobs on Redis, faults', () => {
  let redis: TestRedis
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis.close())

  test('42 a job whose worker was killed is run again by another', async () => {
    const open = await openQueue({ redisUrl: redis.url, pool: null, logger: silentLogger })
    const ran = await killedWorkerRuns(open, [redis.url, '-', '-'])
    await open.close()
    expect(ran).toBe(1)
  })

  test('a process that closed everything ends by itself', async () => {
    const id = newMeetingId()
    const worker = await startJobWorker([redis.url, '-', '-', id, 'leave'], id)
    expect(await worker.ended()).toEqual({ code: 0, last: 'closed' })
  })

  test('37 with the server down adding is refused, and works again when it is back', async () => {
    const open = await openQueue({ redisUrl: redis.url, pool: null, logger: silentLogger })
    const handlers = new RecordingHandlers()
    await open.startWorkers(handlers, { attendConcurrency: 1 })
    const id = newMeetingId()
    await redis.kill()
    await expect(open.queue.attend(id)).rejects.toMatchObject({ code: 'queue_unreachable', retryable: true })
    await expect(open.queue.followUp(id)).rejects.toMatchObject({ code: 'queue_unreachable', retryable: true })
    await redis.start()
    for (;;) {
      const added = await open.queue.attend(id).then(
        () => true,
        () => false,
      )
      if (added) break
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await handlers.ended(1)
    await open.close()
    expect(handlers.ran).toEqual(['attend'])
  })

  test('with the server down closing ends', async () => {
    const open = await openQueue({ redisUrl: redis.url, pool: null, logger: silentLogger })
    await open.startWorkers(new RecordingHandlers(), { attendConcurrency: 1 })
    await redis.kill()
    await open.close()
    await redis.start()
  })

  test('a server that is not there is one sentence', async () => {
    const opening = openQueue({ redisUrl: 'redis://127.0.0.1:1', pool: null, logger: silentLogger })
    await expect(opening).rejects.toMatchObject({ code: 'queue_unreachable', message: expect.stringContaining('REDIS_URL') as string })
  })

  test('a password that is refused, and one that is missing, are one sentence that names the setting', async () => {
    const guarded = await startRedis('the-right-one')
    try {
      for (const user of ['', ':a-wrong-one@']) {
        const opening = openQueue({ redisUrl: guarded.url.replace('//', `//${user}`), pool: null, logger: silentLogger })
        await expect(opening).rejects.toMatchObject({ name: 'ConfigError', message: expect.stringContaining('REDIS_URL') as string })
      }
      const right = await openQueue({ redisUrl: guarded.url.replace('//', '//:the-right-one@'), pool: null, logger: silentLogger })
      await right.close()
    } finally {
      await guarded.close()
    }
  })
})
