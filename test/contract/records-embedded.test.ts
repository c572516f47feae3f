import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createPostgresBackend, runMigrations, withBackend, type PgPool } from 'bullmq'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { ConfigError, UpstreamError } from '../../src/core/errors.js'
import { asMeetingId } from '../../src/core/ids.js'
import { systemClock } from '../../src/core/time.js'
import { silentLogger } from '../../src/observe/logger.js'
import { openStore, type OpenStore } from '../../src/records/sql/open.js'
import { requestFor } from '../support/records.js'
import { RecordsProcess } from '../support/records-process.js'

const root = mkdtempSync(join(tmpdir(), 'roomscribe-embedded-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const open = (dataDir: string) => openStore({ databaseUrl: null, dataDir, clock: systemClock, logger: silentLogger })

describe('the embedded pool', () => {
  let opened: OpenStore
  beforeAll(async () => {
    opened = await open(join(root, 'pool'))
    await opened.pool.query('CREATE TABLE public.number (n integer PRIMARY KEY, owner text NOT NULL)')
  })
  afterAll(() => opened?.close())

  test('P1 a hundred concurrent transactions, half of them rolled back, leave exactly the others', async () => {
    const transaction = async (n: number) => {
      const client = await opened.pool.connect()
      try {
        await client.query('BEGIN')
        await client.query('INSERT INTO public.number VALUES ($1, $2)', [n, 'a'])
        // what nobody else sees yet
        const { rows } = await client.query<{ count: string }>('SELECT count(*) FROM public.number WHERE n % 2 = 1')
        await client.query(n % 2 === 0 ? 'COMMIT' : 'ROLLBACK')
        return Number(rows[0]?.count) - (n % 2)
      } finally {
        client.release()
      }
    }
    const single = (n: number) => opened.pool.query('INSERT INTO public.number VALUES ($1, $2)', [1000 + 2 * n, 'b'])
    const work = Array.from({ length: 100 }, (_, n) => [transaction(n), single(n)] as const)
    const foreignOdds = await Promise.all(work.map(([odd]) => odd))
    await Promise.all(work.map(([, done]) => done))
    expect(foreignOdds.filter((count) => count !== 0)).toEqual([])
    const { rows } = await opened.pool.query<{ owner: string; count: string }>(
      'SELECT owner, count(*) FROM public.number GROUP BY owner ORDER BY owner',
    )
    expect(rows).toEqual([
      { owner: 'a', count: '50' },
      { owner: 'b', count: '100' },
    ])
  })

  test('P3 a client released inside a transaction, failed or not, is rolled back and blocks nobody', async () => {
    for (const statement of ['SELECT 1', 'SELECT nothing']) {
      const client = await opened.pool.connect()
      await client.query('BEGIN')
      await client.query("INSERT INTO public.number VALUES (-1, 'c')")
      await client.query(statement).catch(() => undefined)
      client.release()
      expect((await opened.pool.query('SELECT 1 FROM public.number WHERE n = -1')).rows).toEqual([])
    }
  })

  test('P2 a statement that opens a transaction and fails keeps the turn until its client is done', async () => {
    const client = await opened.pool.connect()
    await expect(client.query('BEGIN; SELECT nothing')).rejects.toMatchObject({ code: '42703' })
    const other = opened.pool.query<{ one: number }>('SELECT 1 AS one')
    await client.query('ROLLBACK')
    expect((await other).rows).toEqual([{ one: 1 }])
    client.release()
  })

  test('errors carry code, detail and constraint, values the types of node-postgres', async () => {
    await opened.pool.query("INSERT INTO public.number VALUES (-2, 'd')")
    await expect(opened.pool.query("INSERT INTO public.number VALUES (-2, 'd')")).rejects.toMatchObject({
      code: '23505',
      constraint: 'number_pkey',
      detail: 'Key (n)=(-2) already exists.',
    })
    const { rows } = await opened.pool.query(
      `SELECT 1::bigint AS big, timestamptz '2026-01-01Z' AS time, $1::jsonb AS json, $2::text[] AS texts`,
      [{ a: [1] }, ['x', 'y']],
    )
    expect(rows).toEqual([{ big: '1', time: new Date('2026-01-01Z'), json: { a: [1] }, texts: ['x', 'y'] }])
  })

  test('P4 a notification reaches every client that listens', async () => {
    const [first, second] = [await opened.pool.connect(), await opened.pool.connect()]
    const heard = [first, second].map((client) => new Promise((resolve) => client.on('notification', resolve)))
    await first.query('LISTEN talk')
    await opened.pool.query("SELECT pg_notify('talk', 'hello')")
    expect(await Promise.all(heard)).toEqual(heard.map(() => ({ channel: 'talk', payload: 'hello' })))
    first.release()
    second.release()
  })

  test('BullMQ runs on it', async () => {
    const pool: PgPool = opened.pool
    const client = await pool.connect()
    await runMigrations(client, 'bullmq')
    client.release()
    const { Queue, QueueEvents, Worker } = withBackend(createPostgresBackend)
    const queue = new Queue<{ n: number }, number>('try', { connection: pool })
    const worker = new Worker<{ n: number }, number>('try', (job) => Promise.resolve(job.data.n * 2), { connection: pool })
    const events = new QueueEvents('try', { connection: pool })
    await events.waitUntilReady()
    const jobs = await Promise.all(Array.from({ length: 8 }, (_, n) => queue.add('double', { n })))
    const results = await Promise.all(jobs.map((job) => job.waitUntilFinished(events)))
    expect(results).toEqual(Array.from({ length: 8 }, (_, n) => n * 2))
    await worker.close()
    await events.close()
    await queue.close()
  })
})

describe('the data directory', () => {
  const running: RecordsProcess[] = []
  const start = (dataDir: string, mode: 'append' | 'open') => {
    const child = new RecordsProcess(dataDir, null, 'room', mode)
    running.push(child)
    return child
  }
  afterEach(async () => {
    await Promise.all(running.splice(0).map((child) => child.kill()))
  })

  test('28 I1 after kill -9 every acknowledged segment is there, and the lock of the dead is taken over', async () => {
    const dataDir = join(root, 'killed')
    for (let round = 1; round <= 3; round++) {
      const writer = start(dataDir, 'append')
      const first = await writer.line(({ seq }) => seq !== undefined)
      await writer.line(({ seq }) => seq !== undefined && seq >= (first.seq ?? 0) + 50 * round)
      await writer.kill()
      const acknowledged = Math.max(...writer.lines.map(({ seq }) => seq ?? 0))
      const opened = await open(dataDir)
      const id = asMeetingId(writer.lines[0]?.meeting ?? '')
      const stored = await opened.store.segments(id)
      expect(stored.length).toBeGreaterThanOrEqual(acknowledged)
      expect(stored.map(({ seq }) => seq)).toEqual(stored.map((_, index) => index + 1))
      await opened.close()
    }
  })

  test('a second process gets one sentence with the pid of the first and what to do', async () => {
    const dataDir = join(root, 'shared')
    const opened = await open(dataDir)
    const other = start(dataDir, 'open')
    const refused = await other.line(({ error }) => error !== undefined)
    expect(refused).toMatchObject({ error: 'ConfigError' })
    expect(refused.message).toContain(`process ${process.pid}`)
    expect(refused.message).toContain('ROOMSCRIBE_DATA_DIR')
    await expect(open(dataDir)).rejects.toBeInstanceOf(ConfigError)
    // neither refusal took anything from the holder
    await opened.store.create(requestFor('room'))
    await opened.close()
    const next = start(dataDir, 'open')
    await next.line(({ closed }) => closed === true)
  })

  test('of several processes at once on a new directory exactly one opens it', async () => {
    const dataDir = join(root, 'race')
    const all = Array.from({ length: 3 }, () => start(dataDir, 'append'))
    const first = await Promise.all(all.map((child) => child.line(({ meeting, error }) => meeting !== undefined || error !== undefined)))
    expect(first.filter(({ meeting }) => meeting !== undefined)).toHaveLength(1)
    expect(first.filter(({ error }) => error === 'ConfigError')).toHaveLength(2)
  })

  test('a first run that was interrupted is begun anew', async () => {
    const dataDir = join(root, 'torso')
    mkdirSync(join(dataDir, 'database'), { recursive: true })
    writeFileSync(join(dataDir, 'database', 'PG_VERSION'), '18\n')
    writeFileSync(join(dataDir, 'database.making'), '')
    const opened = await open(dataDir)
    await opened.store.ping()
    await opened.close()
    expect(existsSync(join(dataDir, 'database.making'))).toBe(false)
    expect(readdirSync(join(dataDir, 'database.lock'))).toEqual([])
  })

  test('a directory that is no database is left as it is, and said so', async () => {
    const dataDir = join(root, 'broken')
    mkdirSync(join(dataDir, 'database'), { recursive: true })
    writeFileSync(join(dataDir, 'database', 'PG_VERSION'), 'rubbish\n')
    const refused = await open(dataDir).catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(UpstreamError)
    expect(refused).toMatchObject({ code: 'database_unreachable' })
    expect(readdirSync(join(dataDir, 'database'))).toContain('PG_VERSION')
    expect(readdirSync(join(dataDir, 'database.lock'))).toEqual([])
  })

  test('a place that cannot be written is a ConfigError', async () => {
    const file = join(root, 'file')
    writeFileSync(file, '')
    await expect(open(file)).rejects.toBeInstanceOf(ConfigError)
    expect(execFileSync('cat', [file], { encoding: 'utf8' })).toBe('')
  })
})

describe('the template of an empty database', () => {
  const cache = join(root, 'cache')
  const templateDir = join(cache, 'template')
  const openWith = (dataDir: string) => openStore({ databaseUrl: null, dataDir, templateDir, clock: systemClock, logger: silentLogger })

  test('is kept by the first new database, holds nothing of it, and makes the next one', async () => {
    const first = await openWith(join(root, 'first'))
    await first.store.create(requestFor('a-room-of-the-first'))
    await first.close()
    expect(readdirSync(cache)).toEqual(['template'])
    expect(() => execFileSync('grep', ['-rq', 'a-room-of-the-first', templateDir])).toThrow()
    const second = await openWith(join(root, 'second'))
    const { rows } = await second.pool.query<{ count: string }>('SELECT count(*) FROM roomscribe.meeting')
    expect(rows).toEqual([{ count: '0' }])
    await second.close()
  })

  test('that is broken is no matter: the database is made without it', async () => {
    rmSync(join(templateDir, 'global'), { recursive: true })
    writeFileSync(join(templateDir, 'global'), 'not a folder')
    rmSync(join(templateDir, 'PG_VERSION'))
    const third = await openWith(join(root, 'third'))
    await third.store.create(requestFor('r'))
    await third.close()
  })
})
