import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { listen, type ApiServer } from '../../../src/control/api/listen.js'
import { createApi } from '../../../src/control/api/server.js'
import { newMeetingId } from '../../../src/core/ids.js'
import { systemClock } from '../../../src/core/time.js'
import { openQueue, type OpenQueue } from '../../../src/followup/jobs/open.js'
import { silentLogger } from '../../../src/observe/logger.js'
import { openStore } from '../../../src/records/sql/open.js'
import { API_KEY, apiDeps } from '../../support/api-rig.js'
import { startBrowser, watch } from '../../support/browser.js'
import { startRedis } from '../../support/redis.js'

const ADMIN = { authorization: `Bearer ${API_KEY}` }

/** A listening API with the view of these queues. */
async function served(jobs: OpenQueue): Promise<ApiServer & { readonly url: string }> {
  const server = await listen(createApi(apiDeps({ boards: jobs.boards })), '127.0.0.1', 0)
  return { ...server, url: `http://127.0.0.1:${server.port}` }
}

interface Backend {
  readonly jobs: OpenQueue
  /** takes the server of the jobs away */
  readonly away: (() => Promise<void>) | null
  close(): Promise<void>
}

async function onRedis(): Promise<Backend> {
  const redis = await startRedis()
  const jobs = await openQueue({ redisUrl: redis.url, pool: null, logger: silentLogger, clock: systemClock })
  return {
    jobs,
    away: () => redis.kill(),
    close: async () => {
      await jobs.close().catch(() => undefined)
      await redis.close()
    },
  }
}

async function onSql(): Promise<Backend> {
  const folder = await mkdtemp(join(tmpdir(), 'roomscribe-board-'))
  const records = await openStore({ databaseUrl: null, dataDir: folder, clock: systemClock, logger: silentLogger })
  const jobs = await openQueue({ redisUrl: null, pool: records.pool, logger: silentLogger, clock: systemClock })
  return {
    jobs,
    away: null,
    close: async () => {
      await jobs.close()
      await records.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

for (const [name, open] of [
  ['Redis', onRedis],
  ['SQL', onSql],
] as const) {
  describe(`the view of queues on ${name}`, () => {
    let backend: Backend
    let server: ApiServer & { readonly url: string }
    beforeAll(async () => {
      backend = await open()
      server = await served(backend.jobs)
    })
    afterAll(async () => {
      await server.close()
      await backend.close()
    })

    test('shows jobs to admins and nothing to anybody else, and lets nobody change any', async () => {
      const id = newMeetingId()
      await backend.jobs.queue.attend(id)
      const get = (path: string, headers: Record<string, string> = ADMIN) => fetch(`${server.url}${path}`, { headers })
      const page = await get('/queues')
      expect([page.status, page.headers.get('content-security-policy')?.includes("script-src 'self'")]).toEqual([200, true])
      expect(await page.text()).not.toMatch(/(?:href|src)="(?:https?:)?\/\//)
      const shown = await get('/queues/api/queues?activeQueue=attend&status=latest&page=1')
      expect(shown.status).toBe(200)
      expect(await shown.text()).toContain(`attend-${id}`)
      for (const path of ['/queues', '/queues/api/queues', '/queues/static/favicon.ico']) expect((await get(path, {})).status).toBe(401)
      for (const [method, path] of [
        ['PUT', '/queues/api/queues/attend/pause'],
        ['PUT', '/queues/api/queues/attend/obliterate'],
        ['PUT', `/queues/api/queues/attend/attend-${id}/clean`],
        ['POST', '/queues/api/queues/attend/add'],
      ] as const) {
        const response = await fetch(`${server.url}${path}`, {
          method,
          headers: { ...ADMIN, 'content-type': 'application/json' },
          body: '{}',
        })
        expect(`${path} ${response.status >= 400 && response.status < 500}`).toBe(`${path} true`)
      }
      expect(await backend.jobs.queue.counts()).toMatchObject({ 'attend.waiting': 1 })
    })

    // the queue in SQL has no server of its own
    if (name === 'Redis')
      test('says that the queue is away without telling where it is', async () => {
        await backend.away?.()
        const response = await fetch(`${server.url}/queues/api/queues`, { headers: ADMIN })
        expect(response.status).toBe(500)
        expect(await response.text()).toBe('{"error":"the queue does not answer"}')
      })
  })
}

describe('in a real browser', () => {
  let backend: Backend
  let server: ApiServer & { readonly url: string }
  beforeAll(async () => {
    backend = await onRedis()
    await backend.jobs.queue.attend(newMeetingId())
    server = await served(backend.jobs)
  })
  afterAll(async () => {
    await server.close()
    await backend.close()
  })

  test('the documentation of the API and the view of queues draw themselves, from our own host alone, without an error', async () => {
    const browser = await startBrowser()
    const { context, page, faults, foreign } = await watch(browser, server.url)
    await context.setExtraHTTPHeaders(ADMIN)
    page.on('console', (message) => {
      if (message.type() === 'error') faults.push(message.text())
    })
    await page.goto(`${server.url}/docs`)
    await page.getByText('/v1/meetings', { exact: true }).first().waitFor()
    await page.goto(`${server.url}/queues`)
    await page.getByText('followup').first().waitFor()
    await browser.close()
    expect([faults, foreign]).toEqual([[], []])
  })
})
