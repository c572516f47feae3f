import { createServer } from 'node:net'
import { once } from 'node:events'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ClaimLostError, ConfigError, UpstreamError } from '../../src/core/errors.js'
import { asMeetingId, newSessionId } from '../../src/core/ids.js'
import { systemClock } from '../../src/core/time.js'
import { silentLogger } from '../../src/observe/logger.js'
import { openStore, type OpenStore } from '../../src/records/sql/open.js'
import { postgresBinaries, startPostgres, type TestPostgres } from '../support/postgres.js'
import { FeedRecorder, gapFrom, requestFor, segmentOf } from '../support/records.js'
import { RecordsProcess } from '../support/records-process.js'

const binaries = postgresBinaries()
const open = (databaseUrl: string) => openStore({ databaseUrl, dataDir: '/nowhere', clock: systemClock, logger: silentLogger })

describe.runIf(binaries !== undefined)('several processes on one PostgreSQL', () => {
  let postgres: TestPostgres
  const opened: OpenStore[] = []
  const openOne = async (url = postgres.url) => {
    const one = await open(url)
    opened.push(one)
    return one
  }
  beforeAll(async () => {
    postgres = await startPostgres(binaries ?? '')
  })
  afterAll(async () => {
    await Promise.all(opened.map((one) => one.close()))
    await postgres?.close()
  })

  test('six that open a new database at once all migrate it or wait', async () => {
    const url = await postgres.newDatabase()
    const all = await Promise.all(Array.from({ length: 6 }, () => openOne(url)))
    const answers = await Promise.all(all.map(({ store }) => store.create(requestFor('room'))))
    expect(answers.filter(({ created }) => created)).toHaveLength(1)
    await Promise.all(all.map((one) => one.close()))
  })

  test('what one stores is told to the subscribers of another, in order and once', async () => {
    const [writer, reader] = [await openOne(), await openOne()]
    const { meeting } = await writer.store.create(requestFor('feed'))
    const claim = await writer.store.claim(meeting.id)
    const session = newSessionId()
    const feed = new FeedRecorder()
    reader.store.subscribe(meeting.id, feed.listener, 0)
    // nobody listens to a meeting that one has left
    const unheard: unknown[] = []
    reader.store.subscribe(meeting.id, (event) => unheard.push(event))()
    for (let n = 1; n <= 30; n++) await writer.store.appendSegments(claim, [segmentOf(session, n)])
    await writer.store.appendGaps(claim, [gapFrom(0)])
    await writer.store.setState(claim, 'live', null)
    const isComplete = () => feed.seqs.length === 30 && ['gap', 'state'].every((kind) => feed.events.some((event) => event.kind === kind))
    while (!isComplete()) await feed.reach(feed.events.length + 1)
    // a reader that comes back is told the rest
    const rest = new FeedRecorder()
    reader.store.subscribe(meeting.id, rest.listener, 28)
    await rest.reach(2)
    expect(rest.seqs).toEqual([29, 30])
    // the reader's process asks for a stop: the writer's process hears of it
    const heard = new FeedRecorder()
    writer.store.subscribe(meeting.id, heard.listener)
    await reader.store.requestStop(meeting.id)
    await heard.reach(1)
    expect((await writer.store.meeting(meeting.id)).stopRequested).toBe(true)
    expect(feed.seqs).toEqual(Array.from({ length: 30 }, (_, n) => n + 1))
    expect(unheard).toEqual([])
  })

  test('36 I5 a claim by one fences the other', async () => {
    const [first, second] = [await openOne(), await openOne()]
    const { meeting } = await first.store.create(requestFor('fence'))
    const old = await first.store.claim(meeting.id)
    await second.store.claim(meeting.id)
    await expect(first.store.appendSegments(old, [segmentOf(newSessionId(), 1)])).rejects.toBeInstanceOf(ClaimLostError)
  })

  test('28 I1 after kill -9 of a writer every acknowledged segment is there', async () => {
    const { store } = await openOne()
    const writer = new RecordsProcess('/nowhere', postgres.url, 'killed', 'append')
    await writer.line(({ seq }) => seq !== undefined && seq >= 100)
    await writer.kill()
    const acknowledged = Math.max(...writer.lines.map(({ seq }) => seq ?? 0))
    const stored = await store.segments(asMeetingId(writer.lines[0]?.meeting ?? ''))
    expect(stored.length).toBeGreaterThanOrEqual(acknowledged)
    expect(stored.map(({ seq }) => seq)).toEqual(stored.map((_, index) => index + 1))
  })

  test('41 a server that goes away is a retryable UpstreamError; when it is back, the store works and the feed goes on', async () => {
    const [writer, reader] = [await openOne(), await openOne()]
    const { meeting } = await writer.store.create(requestFor('outage'))
    const claim = await writer.store.claim(meeting.id)
    const session = newSessionId()
    const feed = new FeedRecorder()
    reader.store.subscribe(meeting.id, feed.listener, 0)
    await writer.store.appendSegments(claim, [segmentOf(session, 1)])
    await feed.reach(1)
    await postgres.stop()
    const refused = await writer.store.appendSegments(claim, [segmentOf(session, 2)]).catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(UpstreamError)
    expect(refused).toMatchObject({ code: 'database_unreachable', retryable: true })
    await postgres.start()
    await writer.store.appendSegments(claim, [segmentOf(session, 2)])
    // the reader's listener may come back after this write: it reads what it missed (a state beside it)
    while (feed.seqs.length < 2) await feed.reach(feed.events.length + 1)
    expect(feed.seqs).toEqual([1, 2])
  })

  test('a database that a newer roomscribe wrote is a ConfigError', async () => {
    const url = await postgres.newDatabase()
    await (await open(url)).close()
    const client = new Client({ connectionString: url })
    await client.connect()
    await client.query("INSERT INTO roomscribe.kysely_migration VALUES ('9999-later', '2999-01-01')")
    await client.end()
    await expect(open(url)).rejects.toThrow(ConfigError)
    await expect(open(url)).rejects.toThrow('9999-later')
  })

  test('a database that does not exist, a closed port and a wrong URL are each said in one sentence, without the password', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    server.close()
    await once(server, 'close')
    const missing = postgres.url.replace('postgres@', 'postgres:hunter2@').replace(/[^/]+$/, 'missing')
    for (const [url, says] of [
      [missing, 'create that database'],
      [`postgres://me:hunter2@127.0.0.1:${port}/x`, `127.0.0.1:${port}/x`],
    ] as const) {
      const refused = await open(url).catch((error: unknown) => error)
      expect(refused).toBeInstanceOf(UpstreamError)
      expect(refused).toMatchObject({ code: 'database_unreachable' })
      expect((refused as Error).message).toContain(says)
      expect((refused as Error).message).not.toContain('hunter2')
    }
    await expect(open('hunter2')).rejects.toThrow(/^DATABASE_URL is not of the form/)
  })
})
