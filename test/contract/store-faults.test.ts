import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createApi } from '../../src/control/api/server.js'
import { newSessionId } from '../../src/core/ids.js'
import { systemClock } from '../../src/core/time.js'
import { Relay } from '../../src/followup/pipeline/relay.js'
import { MEMORY_SEGMENTS } from '../../src/live/bot/finals-keeper.js'
import { Journal } from '../../src/live/bot/journal.js'
import { silentLogger } from '../../src/observe/logger.js'
import { FinalsFolder } from '../../src/records/finals/finals-folder.js'
import type { Claim } from '../../src/records/port.js'
import { openStore, type OpenStore } from '../../src/records/sql/open.js'
import { API_KEY, apiDeps } from '../support/api-rig.js'
import { FakeQueue } from '../support/fake-queue.js'
import { postgresBinaries, startPostgres, type TestPostgres } from '../support/postgres.js'
import { gapFrom, requestFor, segmentOf, sessionWith, spanOf } from '../support/records.js'
import { until } from '../support/until.js'

const binaries = postgresBinaries()

describe.runIf(binaries !== undefined)('PostgreSQL in trouble', () => {
  const root = mkdtempSync(join(tmpdir(), 'roomscribe-store-faults-'))
  let postgres: TestPostgres
  let opened: OpenStore
  let rooms = 0

  beforeAll(async () => {
    postgres = await startPostgres(binaries ?? '')
    opened = await openStore({ databaseUrl: postgres.url, dataDir: root, clock: systemClock, logger: silentLogger })
  })
  afterAll(async () => {
    await opened?.close()
    await postgres?.close()
    rmSync(root, { recursive: true, force: true })
  })

  async function openJournal(folder: string): Promise<{ journal: Journal; claim: Claim; told: number[] }> {
    const { meeting } = await opened.store.create(requestFor(`room ${++rooms}`))
    const claim = await opened.store.claim(meeting.id)
    const told: number[] = []
    const journal = new Journal(
      {
        store: opened.store,
        logs: new FinalsFolder(folder, silentLogger),
        claim,
        clock: systemClock,
        logger: silentLogger,
        random: Math.random,
      },
      { stored: ({ startMs }) => told.push(startMs / 1000), gapStored: () => undefined, claimLost: () => undefined },
    )
    await journal.open()
    return { journal, claim, told }
  }
  const upTo = (count: number) => Array.from({ length: count }, (_, n) => n)
  const storedOf = async ({ meetingId }: Claim) => (await opened.store.segments(meetingId)).map(({ startMs }) => startMs / 1000)

  test('41 what is said while it is down, and down again in the middle of the draining, is told at once and stored in order, once', async () => {
    const folder = join(root, 'finals')
    const { journal, claim, told } = await openJournal(folder)
    const session = newSessionId()
    const count = MEMORY_SEGMENTS + 8_000
    await postgres.stop()
    for (let n = 0; n < count; n += 100) {
      for (let at = n; at < n + 100; at++) journal.span(spanOf(session, at * 100, at * 100 + 50))
      journal.segments(upTo(100).map((at) => segmentOf(session, n + at)))
      if (n % 1_000 === 0) {
        journal.gap(gapFrom(n))
        journal.session(sessionWith(session, n))
      }
      await until(() => told.length === n + 100)
    }
    expect(told).toEqual(upTo(count))
    await postgres.start()
    const backMs = systemClock.monotonicMs()
    const isDrained = async () => (await storedOf(claim)).length === count
    await until(async () => (await storedOf(claim)).length > 0)
    const firstMs = systemClock.monotonicMs()
    await postgres.stop()
    await postgres.start()
    const half = (await storedOf(claim)).length
    expect(half).toBeLessThan(count)
    const againMs = systemClock.monotonicMs()
    await until(() => isDrained().catch(() => false))
    const seconds = (systemClock.monotonicMs() - againMs) / 1000
    process.stdout.write(
      `  41: first stored ${Math.round(firstMs - backMs)} ms after its return, ${half} until the second time; ${count} drained ${seconds.toFixed(1)} s after the second one\n`,
    )
    expect(await storedOf(claim)).toEqual(upTo(count))
    await journal.flush()
    expect(await opened.store.spans(claim.meetingId)).toHaveLength(count)
    expect((await opened.store.gaps(claim.meetingId)).map(({ fromMs }) => fromMs)).toEqual(upTo(count / 1_000).map((n) => n * 1_000))
    expect(await opened.store.sessions(claim.meetingId)).toEqual([{ ...sessionWith(session, count - 1_000), epoch: 1 }])
    expect(await journal.close(5_000)).toBe(0)
    expect(readdirSync(folder)).toEqual([])
  })

  test('41 a meeting whose process ends before it is back: the next start stores what the log holds', async () => {
    const folder = join(root, 'left')
    const { journal, claim, told } = await openJournal(folder)
    const session = newSessionId()
    await postgres.stop()
    journal.segments(upTo(500).map((n) => segmentOf(session, n)))
    await until(() => told.length === 500)
    expect(await journal.close(100)).toBe(500)
    await postgres.start()
    await new FinalsFolder(folder, silentLogger).adopt(opened.store)
    expect(await storedOf(claim)).toEqual(upTo(500))
  })

  test('41 the API answers 503 with Retry-After while it is down, and as ever when it is back; a meeting made then gets its bot', async () => {
    const queue = new FakeQueue()
    const relay = new Relay({ work: opened.work, queue, deadLetters: queue, clock: systemClock, logger: silentLogger })
    relay.start()
    const api = createApi(apiDeps({ store: opened.store, queue: relay, work: opened.work, deadLetters: queue, access: opened.access }))
    const call = async (method: string, path: string, room?: string) => {
      const response = await api.request(path, {
        method,
        headers: { authorization: `Bearer ${API_KEY}`, ...(room === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(room === undefined ? {} : { body: JSON.stringify({ room }) }),
      })
      return {
        status: response.status,
        type: response.headers.get('content-type'),
        after: response.headers.get('retry-after'),
        body: await response.json(),
      }
    }
    const { body } = await call('POST', '/v1/meetings', 'before')
    const { id } = body as { id: string }
    await postgres.stop()
    for (const [method, path, room] of [
      ['POST', '/v1/meetings', 'during'],
      ['GET', '/v1/meetings', undefined],
      ['GET', `/v1/meetings/${id}`, undefined],
      ['POST', `/v1/meetings/${id}/stop`, undefined],
    ] as const) {
      const answer = await call(method, path, room)
      expect([answer.status, answer.type, answer.after]).toEqual([503, 'application/problem+json', '5'])
    }
    await postgres.start()
    await until(async () => (await call('GET', `/v1/meetings/${id}`)).status === 200)
    const made = await call('POST', '/v1/meetings', 'after')
    expect(made.status).toBe(201)
    await until(() => queue.jobs.includes(`attend-${(made.body as { id: string }).id}`))
    await relay.close()
  })

  test('41 a server that takes no writes (a standby since a failover, or shut because its disk is nearly full) is away, and used when it takes them', async () => {
    const admin = new Client({ connectionString: postgres.url })
    await admin.connect()
    try {
      const { database } = admin
      const write = () => opened.store.create(requestFor(`room ${++rooms}`))
      const { meeting } = await write()
      await admin.query(`ALTER DATABASE "${database}" SET default_transaction_read_only = on`)
      await admin.query(
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
      )
      await until(() =>
        opened.store.ping().then(
          () => true,
          () => false,
        ),
      )
      await expect(write()).rejects.toMatchObject({ code: 'database_unreachable', retryable: true })
      // readers go on, so that no session is an idle one
      await Promise.all(upTo(5).map(() => opened.store.meeting(meeting.id)))
      await expect(write()).rejects.toMatchObject({ code: 'database_unreachable' })
      await admin.query(`ALTER DATABASE "${database}" RESET default_transaction_read_only`)
      await until(
        () =>
          Promise.all([write(), opened.store.meeting(meeting.id)]).then(
            () => true,
            () => false,
          ),
        2_000,
      )
    } finally {
      await admin.end()
    }
  })
})
