import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/core/time.js'
import { calendarOf, eventOf } from '../support/calendars.js'
import { CliProcess } from '../support/cli-process.js'
import { postgresBinaries, startPostgres, type TestPostgres } from '../support/postgres.js'
import { until } from '../support/until.js'

const binaries = postgresBinaries()
const COUNT = 120
const PER_SECOND = 20
const CALM = 10
/**
 * The promise is 1 s, which the scheduler's own tests hold to the millisecond on a clock of theirs. Here processes start, die and wait for the
 * processor beside whatever else the machine does: a start may be late by some seconds, but not by a timer that has missed its time (a poll of
 * half a minute, a lease that runs out).
 */
const LATEST_SEC = 10

describe.runIf(binaries !== undefined)('schedules in several `serve` processes on one PostgreSQL', () => {
  let postgres: TestPostgres
  let folder: string
  let database: Client
  const processes: { process: CliProcess; url: string; dataDir: string }[] = []

  const serve = async (name: string) => {
    const dataDir = join(folder, name)
    const env = { DATABASE_URL: postgres.url, ROOMSCRIBE_DATA_DIR: dataDir, ROOMSCRIBE_PORT: '0', ROOMSCRIBE_API_KEY: 'test-key' }
    const process = new CliProcess(['serve'], env)
    const [, url] = await process.line(/ready at (\S+)/)
    return { process, url: url ?? '', dataDir }
  }
  const ask = async (url: string, method: string, path: string, type: string, body: string) => {
    const headers = { authorization: 'Bearer test-key', 'content-type': type }
    const answer = await fetch(`${url}${path}`, { method, headers, body })
    expect([path, answer.status]).toEqual([path, method === 'POST' ? 201 : 200])
    return (await answer.json()) as { readonly id: string }
  }

  beforeAll(async () => {
    postgres = await startPostgres(binaries ?? '')
    folder = await mkdtemp(join(tmpdir(), 'roomscribe-serve-'))
    database = new Client({ connectionString: postgres.url })
    await database.connect()
    for (const name of ['one', 'two', 'three']) processes.push(await serve(name))
  })
  afterAll(async () => {
    await Promise.all(processes.map(({ process }) => process.kill()))
    await database?.end()
    await postgres?.close()
    await rm(folder, { recursive: true, force: true })
  })

  test('50 36 I6 killed and stopped at the due second: each occurrence has one meeting, never before its time, nor long after it', async () => {
    const [first, second, third] = processes
    if (!first || !second || !third) throw new Error('not started')
    const plan = async (url: string, name: string, count: number, startMs: number) => {
      const events = Array.from({ length: count }, (_, at) => {
        const start = new Date(startMs + Math.floor(at / PER_SECOND) * 1_000).toISOString().replace(/\.\d+Z$/, 'Z')
        return eventOf(
          `${name}${at}`,
          `DTSTART:${start.replaceAll(/[-:]/g, '')}`,
          'DURATION:PT1H',
          `LOCATION:https://meet.example.com/rooms/${name}-${at}`,
        )
      }).flat()
      const { id } = await ask(url, 'POST', '/v1/schedules', 'application/json', JSON.stringify({ kind: 'ics' }))
      await ask(url, 'PUT', `/v1/schedules/${id}/feed`, 'text/calendar', calendarOf(...events))
    }
    const soonMs = () => Math.ceil(systemClock.nowMs() / 1_000) * 1_000 + 5_000
    const startMs = soonMs()
    await plan(first.url, 'race', COUNT, startMs)
    // real seconds: what is tested is what happens in them. The process that planned them dies in the second in which the second lot is due, another one is sent away in the next
    await systemClock.sleep(startMs + 1_000 - systemClock.nowMs())
    await first.process.kill()
    await systemClock.sleep(Math.max(0, startMs + 2_000 - systemClock.nowMs()))
    await Promise.all([second.process.stop(), serve('one').then((again) => processes.push(again))])
    // those that a process only has to wait for: whoever starts late finds what is due at once, and would hide a timer that does not fire
    await plan(third.url, 'calm', CALM, soonMs())
    await until(async () => {
      const { rows } = await database.query<{ left: string }>("SELECT count(*) AS left FROM roomscribe.occurrence WHERE state = 'planned'")
      return rows[0]?.left === '0'
    })
    const { rows } = await database.query<{ started: string; meetings: string; rooms: string; early: string; work: string; late: number }>(`
      SELECT (SELECT count(*) FROM roomscribe.occurrence WHERE state = 'started' AND is_own) AS started,
        (SELECT count(*) FROM roomscribe.meeting) AS meetings, (SELECT count(DISTINCT room) FROM roomscribe.meeting) AS rooms,
        (SELECT count(*) FROM roomscribe.meeting WHERE created_at < start_at) AS early,
        (SELECT count(*) FROM roomscribe.work WHERE kind = 'attend') AS work,
        (SELECT max(extract(epoch FROM created_at - start_at))::double precision FROM roomscribe.meeting) AS late`)
    const all = String(COUNT + CALM)
    expect(rows[0]).toMatchObject({ started: all, meetings: all, rooms: all, early: '0', work: all })
    expect(rows[0]?.late).toBeLessThan(LATEST_SEC)
  })
})
