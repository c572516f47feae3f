import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { OpenAPIHono } from '@hono/zod-openapi'
import * as fc from 'fast-check'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { InputError } from '../../src/core/errors.js'
import { asIdentity, type MeetingId } from '../../src/core/ids.js'
import { systemClock } from '../../src/core/time.js'
import { problemOf, respond } from '../../src/control/api/problem.js'
import { scheduleRoutes } from '../../src/control/api/schedules.js'
import type { ApiEnv, Caller } from '../../src/control/auth/caller.js'
import { ScheduleDesk } from '../../src/control/schedule/desk.js'
import { GuardedFetch } from '../../src/control/schedule/guarded-fetch.js'
import { CalendarReader } from '../../src/control/schedule/ics/calendar-reader.js'
import { Planner } from '../../src/control/schedule/planner.js'
import { defaultRoomPattern } from '../../src/control/schedule/room-pattern.js'
import { Scheduler } from '../../src/control/schedule/scheduler.js'
import { createLogger } from '../../src/observe/logger.js'
import { openStore, type OpenStore } from '../../src/records/sql/open.js'
import { calendarOf, eventOf } from '../support/calendars.js'
import { FeedServer } from '../support/feed-server.js'
import { ManualClock } from '../support/manual-clock.js'
import { until } from '../support/until.js'

const NOW = Date.UTC(2030, 0, 7, 9)
const HOUR = 3_600_000
const ADMIN: Caller = { id: 'admin', name: 'admin', scopes: ['admin'], rooms: null, meetingId: null, mayJoin: false, expiresMs: null }
const LIMITED: Caller = { ...ADMIN, id: 'limited', scopes: ['meetings:write'], rooms: ['team-*'] }

interface Shown {
  readonly id: string
  readonly [field: string]: unknown
}
interface Page {
  readonly items: readonly Shown[]
  readonly next: string | null
  readonly problem?: string | null
}

let records: OpenStore
let feed: FeedServer
const dataDir = mkdtempSync(join(tmpdir(), 'roomscribe-schedules-api-'))
beforeAll(async () => {
  records = await openStore({ databaseUrl: null, dataDir, clock: systemClock, logger: createLogger('silent') })
  feed = await FeedServer.start()
})
afterAll(async () => {
  await feed?.close()
  await records?.close()
  rmSync(dataDir, { recursive: true, force: true })
})

/** One process with schedules, at a time of its own. */
class Stage {
  readonly clock = new ManualClock(NOW)
  readonly log: string[] = []
  readonly attended: MeetingId[] = []
  readonly app = new OpenAPIHono<ApiEnv>()
  readonly #reader = new CalendarReader(systemClock)
  readonly #fetch = new GuardedFetch({ clock: systemClock, privateHosts: [feed.host] })
  readonly planner: Planner
  readonly scheduler: Scheduler
  caller = ADMIN

  constructor() {
    const { clock } = this
    const logger = createLogger('debug', (line) => this.log.push(line))
    const drafting = { reader: this.#reader, patterns: [defaultRoomPattern([])], defaultLanguage: null }
    const book = records.schedules
    this.planner = new Planner({
      ...drafting,
      book,
      meetings: records.store,
      fetch: this.#fetch,
      clock,
      logger,
      random: () => 1,
      pollMs: 300_000,
      onPlanned: () => this.scheduler.wake(),
    })
    const queue = {
      attend: (id: MeetingId) => {
        this.attended.push(id)
        return Promise.resolve()
      },
      wake: () => undefined,
    }
    this.scheduler = new Scheduler({ book, queue, planner: this.planner, clock, logger })
    const desk = new ScheduleDesk({ ...drafting, book, planner: this.planner, fetch: this.#fetch, clock, defaultLeadSec: 0 })
    this.app.use('*', async (c, next) => {
      c.set('caller', this.caller)
      await next()
    })
    this.app.onError((error, c) => respond(c, problemOf(error.message.startsWith('Malformed JSON') ? new InputError('no JSON') : error)))
    this.app.route('/v1', scheduleRoutes({ desk }))
  }

  async ask(method: string, path: string, body?: unknown, type = 'application/json'): Promise<{ status: number; body: Shown & Page }> {
    const init =
      body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body), headers: { 'content-type': type } }
    const answer = await this.app.request(`/v1${path}`, { method, ...init })
    const text = await answer.text()
    const isJson = /json/.test(answer.headers.get('content-type') ?? '')
    return { status: answer.status, body: (isJson ? JSON.parse(text) : {}) as Shown & Page }
  }

  async create(body: object): Promise<Shown> {
    const made = await this.ask('POST', '/schedules', body)
    expect(made).toMatchObject({ status: 201 })
    return made.body
  }

  /** Its occurrences, as `start state room`. */
  async occurrences(id: string): Promise<readonly string[]> {
    const { body } = await this.ask('GET', `/schedules/${id}/occurrences`)
    return body.items.map(({ startAt, state, room }) => `${String(startAt).slice(8, 16)} ${String(state)} ${String(room)}`)
  }

  /** Time goes on, and the scheduler looks; resolves when it has looked and waits again. */
  async tick(ms: number): Promise<void> {
    await this.clock.advance(ms)
    this.scheduler.wake()
    await until(() => this.clock.pending === 1)
  }

  /** Resolves when its feed has been asked for so late, or later. */
  async polled(id: string, atMs: number): Promise<Shown> {
    let shown: Shown | undefined
    await until(async () => {
      shown = (await this.ask('GET', `/schedules/${id}`)).body
      return typeof shown['lastPolledAt'] === 'string' && Date.parse(shown['lastPolledAt']) >= atMs
    })
    if (!shown) throw new Error('not asked for')
    return shown
  }

  async close(): Promise<void> {
    await this.scheduler.close()
    await Promise.all([this.planner.close(), this.#reader.close(), this.#fetch.close()])
  }
}

let stage: Stage
beforeEach(() => {
  stage = new Stage()
})
afterEach(async () => {
  await stage.close()
  const all = await records.schedules.schedules({ limit: 500 })
  await Promise.all(all.map(({ id }) => records.schedules.remove(id)))
})

const LINK = 'LOCATION:https://meet.example.com/rooms/daily'

describe('a schedule', () => {
  test('of one meeting starts it at its second', async () => {
    const made = await stage.create({
      kind: 'once',
      room: 'team-one',
      title: 'One',
      startAt: '2030-01-07T11:00:00+01:00',
      durationSec: 600,
      leadSec: 30,
    })
    expect(await stage.occurrences(made.id)).toEqual(['07T10:00 planned team-one'])
    await stage.tick(HOUR - 30_001)
    expect(stage.attended).toEqual([])
    await stage.tick(1)
    expect(stage.attended).toHaveLength(1)
    const { body } = await stage.ask('GET', `/schedules/${made.id}/occurrences`)
    expect(body.items).toMatchObject([{ state: 'started', meetingId: stage.attended[0], title: 'One', reason: null }])
    expect(await records.store.meeting(stage.attended[0] ?? ('' as MeetingId))).toMatchObject({
      room: 'team-one',
      startAt: '2030-01-07T10:00:00.000Z',
    })
  })

  test('of a cron pattern goes by the clock of its zone, and is planned 35 days ahead', async () => {
    const made = await stage.create({ kind: 'cron', room: 'team-cron', cron: '30 9 * * 1-5', timeZone: 'America/New_York' })
    const planned = await stage.occurrences(made.id)
    expect(planned.slice(0, 5)).toEqual(['07', '08', '09', '10', '11'].map((day) => `${day}T14:30 planned team-cron`))
    expect(planned).toHaveLength(25)
    const patched = await stage.ask('PATCH', `/schedules/${made.id}`, { cron: '0 10 * * 1', leadSec: 60 })
    expect(patched).toMatchObject({ status: 200, body: { cron: '0 10 * * 1', leadSec: 60 } })
    expect((await stage.occurrences(made.id)).filter((one) => one.includes('planned'))).toHaveLength(5)
    await stage.ask('PATCH', `/schedules/${made.id}`, { enabled: false })
    expect((await stage.occurrences(made.id)).filter((one) => one.includes('planned'))).toEqual([])
    expect(await stage.ask('DELETE', `/schedules/${made.id}`)).toMatchObject({ status: 204 })
    expect(await stage.ask('GET', `/schedules/${made.id}`)).toMatchObject({ status: 404 })
  })

  test('of an uploaded calendar plans what it says, and a broken one changes nothing', async () => {
    const made = await stage.create({ kind: 'ics', timeZone: 'Europe/Berlin' })
    expect(made['problem']).toMatch(/no calendar has been uploaded/)
    const text = calendarOf(
      ...eventOf('d', 'DTSTART:20300108T090000', 'RRULE:FREQ=DAILY;COUNT=3', LINK),
      ...eventOf('n', 'DTSTART:20300108T120000', 'SUMMARY:N'),
    )
    const taken = await stage.ask('PUT', `/schedules/${made.id}/feed`, text, 'text/calendar')
    expect(taken).toMatchObject({ status: 200, body: { problem: null } })
    const planned = ['08T08:00 planned daily', '08T11:00 skipped null', '09T08:00 planned daily', '10T08:00 planned daily']
    expect(await stage.occurrences(made.id)).toEqual(planned)
    expect(await stage.ask('PUT', `/schedules/${made.id}/feed`, '<html>', 'text/calendar')).toMatchObject({
      status: 400,
      body: { detail: expect.stringMatching(/no calendar/) as string },
    })
    expect(await stage.occurrences(made.id)).toEqual(planned)
  })

  test('of a feed is asked for again, with what it gave; what it says no longer is cancelled', async () => {
    let version = 1
    feed.on('/v.ics', (request, response) => {
      if (request.headers['if-none-match'] === `"${version}"`) response.writeHead(304).end()
      else response.writeHead(200, { etag: `"${version}"` }).end(calendarOf(...eventOf('v', `DTSTART:2030010${version}T200000Z`, LINK)))
    })
    const made = await stage.create({ kind: 'ics', url: `http://ann:hush@${feed.host}/v.ics?token=hush` })
    expect(JSON.stringify(made)).not.toMatch(/hush|ann:/)
    version = 9
    stage.planner.wake()
    expect(await stage.polled(made.id, NOW)).toMatchObject({ problem: null, url: `http://${feed.host}/[redacted]` })
    expect(await stage.occurrences(made.id)).toEqual(['09T20:00 planned daily'])
    const asked = feed.asked.length
    await stage.clock.advance(300_000)
    stage.planner.wake()
    await stage.polled(made.id, NOW + 300_000)
    expect(feed.asked).toHaveLength(asked + 1)
    expect(await stage.occurrences(made.id)).toEqual(['09T20:00 planned daily'])
    version = 8
    await stage.clock.advance(300_000)
    stage.planner.wake()
    await stage.polled(made.id, NOW + 600_000)
    expect(await stage.occurrences(made.id)).toEqual(['08T20:00 planned daily'])
    expect(stage.log.join('\n')).not.toMatch(/hush/)
  })

  test('P1 of a feed that fails keeps what was planned, says why, and is asked less and less often', async () => {
    feed.on('/f.ics', (_, response) => response.end(calendarOf(...eventOf('f', 'DTSTART:20300109T200000Z', LINK))))
    const made = await stage.create({ kind: 'ics', url: feed.url('/f.ics') })
    await stage.polled(made.id, NOW)
    feed.on('/f.ics', (_, response) => response.writeHead(503).end())
    const waits: number[] = []
    for (let at = 0; at < 4; at++) {
      const dueMs = (await records.schedules.nextDue(stage.clock.nowMs())).lookMs ?? 0
      await stage.clock.advance(dueMs - stage.clock.nowMs())
      stage.planner.wake()
      expect(await stage.polled(made.id, dueMs)).toMatchObject({ problem: 'the feed answers with status 503' })
      waits.push(((await records.schedules.nextDue(stage.clock.nowMs())).lookMs ?? 0) - dueMs)
    }
    expect(waits).toEqual([600_000, 1_200_000, 2_400_000, 4_800_000])
    expect(await stage.occurrences(made.id)).toEqual(['09T20:00 planned daily'])
    feed.on('/f.ics', (_, response) => response.end('BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n'))
    const dueMs = (await records.schedules.nextDue(stage.clock.nowMs())).lookMs ?? 0
    await stage.clock.advance(dueMs - stage.clock.nowMs())
    stage.planner.wake()
    expect(await stage.polled(made.id, dueMs)).toMatchObject({ problem: 'the calendar ends in the middle: END:VCALENDAR is missing' })
    expect(await stage.occurrences(made.id)).toEqual(['09T20:00 planned daily'])
  })

  test('55 of a feed inside the house is never asked for, and says so', async () => {
    const made = await stage.create({ kind: 'ics', url: 'http://169.254.169.254/latest/meta-data' })
    expect(await stage.polled(made.id, NOW)).toMatchObject({ problem: expect.stringMatching(/inside the house/) as string })
    const preview = await stage.ask('POST', '/schedules/preview', { kind: 'ics', url: 'http://localhost:1/' })
    expect(preview).toMatchObject({ status: 200, body: { items: [], problem: expect.stringMatching(/inside the house/) as string } })
  })

  test('P2 cancelled while its bot runs: the bot is asked to stop, unless people are in the room', async () => {
    for (const isEmpty of [true, false]) {
      const room = `team-p2-${String(isEmpty)}`
      const made = await stage.create({ kind: 'once', room, startAt: new Date(stage.clock.nowMs() + 60_000).toISOString() })
      await stage.tick(60_000)
      expect((await stage.occurrences(made.id))[0]).toMatch(/started/)
      const [meeting] = await records.store.meetings({ room, limit: 1 })
      if (!meeting) throw new Error('no meeting')
      const claim = await records.store.claim(meeting.id)
      await records.store.setState(claim, 'live', null)
      await records.store.saveParticipants(claim, [{ identity: asIdentity('ann'), name: 'Ann', joinedMs: 0, leftMs: isEmpty ? 5 : null }])
      await stage.ask('PATCH', `/schedules/${made.id}`, { startAt: new Date(stage.clock.nowMs() + HOUR).toISOString() })
      expect((await records.store.meeting(meeting.id)).stopRequested).toBe(isEmpty)
      expect((await stage.occurrences(made.id))[0]).toMatch(/planned/)
    }
  })
})

describe('a dry run', () => {
  test('shows the next occurrences and the room of each, or why none, and writes nothing', async () => {
    const ics = calendarOf(
      ...eventOf('a', 'SUMMARY:A', 'DTSTART:20300108T090000Z', 'RRULE:FREQ=DAILY;COUNT=2', LINK),
      ...eventOf('a', 'SUMMARY:A', 'RECURRENCE-ID:20300109T090000Z', 'DTSTART:20300109T090000Z', 'STATUS:CANCELLED', LINK),
      ...eventOf('b', 'SUMMARY:B', 'DTSTART:20300110T090000Z'),
      ...eventOf('c', 'SUMMARY:C', 'DTSTART;TZID=Nowhere:20300110T090000'),
    )
    const { status, body } = await stage.ask('POST', '/schedules/preview', { ics })
    expect(status).toBe(200)
    expect(body.items).toEqual([
      {
        startAt: '2030-01-08T09:00:00.000Z',
        endAt: '2030-01-08T10:00:00.000Z',
        title: 'A',
        room: 'daily',
        roomProblem: null,
        state: 'planned',
        reason: null,
        meetingId: null,
      },
      {
        startAt: '2030-01-09T09:00:00.000Z',
        endAt: '2030-01-09T10:00:00.000Z',
        title: 'A',
        room: 'daily',
        roomProblem: null,
        state: 'cancelled',
        reason: 'cancelled in the calendar',
        meetingId: null,
      },
      {
        startAt: '2030-01-10T09:00:00.000Z',
        endAt: '2030-01-10T10:00:00.000Z',
        title: 'B',
        room: null,
        roomProblem: expect.stringMatching(/no link to a room/) as string,
        state: 'skipped',
        reason: expect.stringMatching(/no link/) as string,
        meetingId: null,
      },
    ])
    expect(body.problem).toMatch(/"C": its time zone "Nowhere" is not known/)
    const cron = await stage.ask('POST', '/schedules/preview?limit=2', { kind: 'cron', room: 'r', cron: '0 9 * * *' })
    expect(cron.body.items).toMatchObject([{ startAt: '2030-01-07T09:00:00.000Z' }, { startAt: '2030-01-08T09:00:00.000Z' }])
    expect(await records.schedules.schedules({ limit: 10 })).toEqual([])
  })
})

describe('keys that are limited to rooms', () => {
  test('see and touch their rooms and what they made; the rest is not there', async () => {
    const startAt = new Date(NOW + HOUR).toISOString()
    const foreign = await stage.create({ kind: 'once', room: 'board', startAt })
    const shared = await stage.create({ kind: 'once', room: 'team-a', startAt })
    const calendar = await stage.create({ kind: 'ics' })
    stage.caller = LIMITED
    const own = await stage.create({ kind: 'ics' })
    const { body } = await stage.ask('GET', '/schedules')
    expect(body.items.map(({ id }) => id)).toEqual([own.id, shared.id])
    for (const { id } of [foreign, calendar]) {
      for (const [method, path] of [
        ['GET', ''],
        ['PATCH', ''],
        ['DELETE', ''],
        ['GET', '/occurrences'],
        ['PUT', '/feed'],
      ] as const) {
        const answer = await stage.ask(method, `/schedules/${id}${path}`, method === 'PATCH' ? {} : method === 'PUT' ? 'x' : undefined)
        expect([method, path, answer.status]).toEqual([method, path, 404])
      }
    }
    expect(await stage.ask('POST', '/schedules', { kind: 'once', room: 'board', startAt })).toMatchObject({ status: 403 })
    const text = calendarOf(
      ...eventOf('x', 'DTSTART:20300108T090000Z', LINK),
      ...eventOf('y', 'DTSTART:20300108T100000Z', 'LOCATION:https://m.example/rooms/team-y'),
    )
    await stage.ask('PUT', `/schedules/${own.id}/feed`, text, 'text/calendar')
    const occurrences = await stage.ask('GET', `/schedules/${own.id}/occurrences`)
    expect(occurrences.body.items).toMatchObject([
      { state: 'skipped', room: null, roomProblem: 'the key that made this schedule may not use that room' },
      { state: 'planned', room: 'team-y' },
    ])
  })

  test('pages hold what is seen, and nothing twice', async () => {
    for (let at = 0; at < 7; at++)
      await stage.create({ kind: 'once', room: at % 2 === 0 ? `team-${at}` : `board-${at}`, startAt: new Date(NOW + HOUR).toISOString() })
    stage.caller = LIMITED
    const rooms: unknown[] = []
    for (let cursor = ''; ;) {
      const { body } = await stage.ask('GET', `/schedules?limit=3${cursor}`)
      rooms.push(...body.items.map(({ room }) => room))
      if (body.next === null) break
      cursor = `&cursor=${body.next}`
    }
    expect(rooms).toEqual(['team-6', 'team-4', 'team-2', 'team-0'])
  })
})

describe('wrong input', () => {
  const startAt = new Date(NOW + HOUR).toISOString()
  test.each([
    [{ kind: 'once', room: 'r' }, 'startAt', /is needed/],
    [{ kind: 'once', startAt }, 'room', /is needed/],
    [{ kind: 'once', room: 'r', startAt: '2029-01-01T00:00:00Z' }, 'startAt', /is over/],
    [{ kind: 'once', room: 'r', startAt, cron: '0 9 * * *' }, 'cron', /does not belong/],
    [{ kind: 'once', room: 'r', startAt, url: 'https://x.example' }, 'url', /does not belong/],
    [{ kind: 'cron', room: 'r' }, 'cron', /is needed/],
    [{ kind: 'cron', room: 'r', cron: '* * * * *' }, 'cron', /every five minutes/],
    [{ kind: 'cron', room: 'r', cron: '* * * * * *' }, 'cron', /no cron pattern/],
    [{ kind: 'cron', room: 'r', cron: '0 9 31 2 *' }, 'cron', /never/],
    [{ kind: 'cron', room: 'r', cron: '0 9 * * *', timeZone: 'Mars/Base' }, 'timeZone', /time zone/],
    [{ kind: 'ics', url: 'ftp://x.example/' }, 'url', /must be an address/],
    [{ kind: 'ics', url: 'nonsense' }, 'url', /must be an address/],
    [{ kind: 'ics', startAt }, 'startAt', /does not belong/],
    [{ kind: 'ics', leadSec: -1 }, 'leadSec', /./],
    [{ kind: 'ics', durationSec: 1e9 }, 'durationSec', /./],
    [{ kind: 'ics', room: '' }, 'room', /./],
    [{ kind: 'ics', title: 'a\u0007b' }, 'title', /control characters/],
    [{ kind: 'ics', nonsense: 1 }, '', /nonsense/i],
    [{ kind: 'daily' }, 'kind', /./],
    [{}, 'kind', /./],
  ])('%j is refused at %s', async (body, path, message) => {
    const { status, body: answer } = await stage.ask('POST', '/schedules', body)
    expect(status).toBe(400)
    expect(answer['errors']).toContainEqual({ path, message: expect.stringMatching(message) as string })
    expect(await records.schedules.schedules({ limit: 10 })).toEqual([])
  })

  test('a body that is too large is 413, one that is no JSON 400', async () => {
    expect(await stage.ask('POST', '/schedules', { kind: 'ics', title: 'x'.repeat(70_000) })).toMatchObject({ status: 413 })
    const made = await stage.create({ kind: 'ics' })
    expect(await stage.ask('PUT', `/schedules/${made.id}/feed`, 'x'.repeat(5 * 1024 * 1024 + 1), 'text/calendar')).toMatchObject({
      status: 413,
    })
    expect(await stage.ask('POST', '/schedules', '{', 'application/json')).toMatchObject({ status: 400 })
    expect(await stage.ask('POST', '/schedules/preview', { ics: 'x', kind: 'once' })).toMatchObject({ status: 400 })
    expect(await stage.ask('POST', '/schedules/preview', {})).toMatchObject({ status: 400 })
  })

  test('whatever is sent wherever, the answer is never a fault of ours', async () => {
    const word = fc.oneof(
      fc.string({ maxLength: 20 }),
      fc.constantFrom(
        '__proto__',
        'null',
        '../x',
        '%00',
        '\u0000',
        '💥',
        "'; DROP TABLE roomscribe.schedule; --",
        '0 9 * * *',
        'Europe/Berlin',
        startAt,
      ),
    )
    const value = fc.oneof(
      word,
      fc.integer(),
      fc.double(),
      fc.boolean(),
      fc.constant(null),
      fc.array(word, { maxLength: 3 }),
      fc.constantFrom('once', 'cron', 'ics'),
    )
    const name = fc.constantFrom(
      'kind',
      'room',
      'title',
      'language',
      'vocabulary',
      'slackChannel',
      'cron',
      'timeZone',
      'startAt',
      'durationSec',
      'url',
      'leadSec',
      'enabled',
      'ics',
      '__proto__',
    )
    const body = fc.oneof(fc.dictionary(name, value), value, fc.constant(undefined))
    const { id } = await stage.create({ kind: 'ics' })
    const path = fc.oneof(
      fc.constantFrom(
        '/schedules',
        '/schedules/preview',
        `/schedules/${id}`,
        `/schedules/${id}/feed`,
        `/schedules/${id}/occurrences`,
        '/schedules?limit=0',
        '/schedules?cursor=x',
        `/schedules/${id}/occurrences?limit=9999`,
      ),
      word.map((one) => `/schedules/${encodeURIComponent(one)}`),
    )
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('GET', 'POST', 'PATCH', 'PUT'), path, body, async (method, at, sent) => {
        const { status } = await stage.ask(method, at, method === 'GET' ? undefined : sent === undefined ? undefined : JSON.stringify(sent))
        expect(status).toBeLessThan(500)
      }),
      { numRuns: 500 },
    )
  })
})
