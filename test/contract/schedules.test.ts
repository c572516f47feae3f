import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { NotFoundError } from '../../src/core/errors.js'
import { asScheduleId, newScheduleId } from '../../src/core/ids.js'
import { systemClock } from '../../src/core/time.js'
import { silentLogger } from '../../src/observe/logger.js'
import type { MeetingState } from '../../src/records/port.js'
import type { OccurrenceDraft, ScheduleBook, ScheduleRecord, ScheduleRequest } from '../../src/records/schedules.js'
import { openStore, type OpenStore } from '../../src/records/sql/open.js'
import { postgresBinaries, startPostgres, type TestPostgres } from '../support/postgres.js'
import { requestFor } from '../support/records.js'
import { draftAt, scheduleRequest } from '../support/schedule-requests.js'
import { races } from '../support/schedule-races.js'

const binaries = postgresBinaries()
const targets = binaries === undefined ? (['embedded'] as const) : (['embedded', 'postgres'] as const)
const NOW = Date.UTC(2030, 0, 7, 9)
const HOUR = 3_600_000

describe.each(targets)('schedules on %s', (kind) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'roomscribe-schedules-'))
  let postgres: TestPostgres | undefined
  let opened: OpenStore
  let book: ScheduleBook
  let names = 0

  beforeAll(async () => {
    if (kind === 'postgres' && binaries !== undefined) postgres = await startPostgres(binaries)
    opened = await openStore({ databaseUrl: postgres?.url ?? null, dataDir, clock: systemClock, logger: silentLogger })
    book = opened.schedules
  })
  afterAll(async () => {
    await opened?.close()
    await postgres?.close()
    rmSync(dataDir, { recursive: true, force: true })
  })

  const newKey = () => `event${++names}`
  const newSchedule = (given: Partial<ScheduleRequest> = {}) => book.create(scheduleRequest(given), NOW)
  const plan = (schedule: ScheduleRecord, drafts: readonly OccurrenceDraft[], nowMs = NOW, unreadable: readonly string[] = []) =>
    book.plan(schedule, { drafts, untilAt: new Date(NOW + 1e9).toISOString(), unreadable }, nowMs)
  const shown = async (schedule: ScheduleRecord, nowMs = NOW) =>
    (await book.occurrences(schedule.id, nowMs, 100)).map(({ key, state, reason }) => [key, state, reason])
  const setState = async (id: string, state: MeetingState, endedAtMs: number | null = null) => {
    await opened.pool.query('UPDATE roomscribe.meeting SET state = $2, ended_at = $3 WHERE id = $1', [
      id,
      state,
      endedAtMs === null ? null : new Date(endedAtMs).toISOString(),
    ])
  }
  /** A schedule with one occurrence, which has its bot. */
  const running = async (given: Partial<ScheduleRequest> = {}) => {
    const schedule = await newSchedule(given)
    const key = `${newKey()}/1`
    const draft = draftAt(key, NOW + HOUR)
    await plan(schedule, [draft])
    const started = (await book.startDue(NOW + HOUR, 50)).find(({ scheduleId }) => scheduleId === schedule.id)
    if (!started?.meetingId) throw new Error('not started')
    return { schedule, key, draft, meetingId: started.meetingId }
  }

  test('a schedule comes back as it was asked for, and changes as a whole', async () => {
    const asked = scheduleRequest({
      kind: 'cron',
      room: 'r',
      title: "O'Hara",
      language: 'de',
      vocabulary: ['a', 'b'],
      slackChannel: 'C1',
      cron: '0 9 * * 1',
      timeZone: 'Europe/Berlin',
      leadSec: 30,
      owner: 'key',
      rooms: ['r*'],
    })
    const made = await book.create(asked, NOW)
    expect(made).toMatchObject({ ...asked, version: 1, createdAt: '2030-01-07T09:00:00.000Z', problem: null, lastPolledAt: null })
    const changed = await book.change(made.id, { ...asked, title: null, cron: '0 10 * * 1' }, NOW + 1)
    expect(changed).toEqual({ ...made, title: null, cron: '0 10 * * 1', version: 2 })
    expect(await book.schedule(made.id)).toEqual(changed)
  })

  test('what is not there is not found', async () => {
    for (const id of [newScheduleId(), asScheduleId('x'), asScheduleId("'; DROP TABLE roomscribe.schedule")]) {
      await expect(book.schedule(id)).rejects.toBeInstanceOf(NotFoundError)
      await expect(book.remove(id)).rejects.toBeInstanceOf(NotFoundError)
      await expect(book.change(id, scheduleRequest(), NOW)).rejects.toBeInstanceOf(NotFoundError)
      await expect(book.occurrences(id, NOW, 10)).rejects.toBeInstanceOf(NotFoundError)
    }
  })

  test('pages go from the newest back', async () => {
    const made = [await newSchedule(), await newSchedule(), await newSchedule()]
    const first = await book.schedules({ limit: 2 })
    expect(first.map(({ id }) => id)).toEqual([made[2]?.id, made[1]?.id])
    expect((await book.schedules({ before: made[1]?.id ?? newScheduleId(), limit: 1 })).map(({ id }) => id)).toEqual([made[0]?.id])
  })

  test('I6 an occurrence starts at its time minus the lead, with its meeting and the work of that meeting', async () => {
    const schedule = await newSchedule({ leadSec: 60, slackChannel: 'C2' })
    const key = `${newKey()}/1`
    await plan(schedule, [draftAt(key, NOW + HOUR, { language: 'de', vocabulary: ['Ann'] })])
    expect((await book.nextDue(NOW)).startMs).toBe(NOW + HOUR - 60_000)
    expect(await book.startDue(NOW + HOUR - 60_001, 50)).toEqual([])
    const [started] = await book.startDue(NOW + HOUR - 60_000, 50)
    expect(started).toMatchObject({ scheduleId: schedule.id, outcome: 'started', isOwn: true })
    expect(await book.startDue(NOW + HOUR, 50)).toEqual([])
    const meeting = await opened.store.meeting(started?.meetingId ?? (undefined as never))
    expect(meeting).toMatchObject({
      room: `room of ${key}`,
      title: `title of ${key}`,
      language: 'de',
      vocabulary: ['Ann'],
      slackChannel: 'C2',
      state: 'queued',
      startAt: '2030-01-07T10:00:00.000Z',
      endAt: '2030-01-07T11:00:00.000Z',
    })
    expect((await opened.work.takeDue(100, 60_000)).filter(({ meetingId }) => meetingId === meeting.id)).toMatchObject([
      { kind: 'attend', added: 0 },
    ])
    expect(await book.occurrences(schedule.id, NOW, 10)).toMatchObject([{ key, state: 'started', reason: null, meetingId: meeting.id }])
  })

  test('51 down at its time: it starts while it lasts, and is missed afterwards, with the reason', async () => {
    const schedule = await newSchedule()
    const [late, missed] = [`${newKey()}/1`, `${newKey()}/1`]
    await plan(schedule, [draftAt(late, NOW + 2 * HOUR), draftAt(missed, NOW + HOUR)])
    const started = await book.startDue(NOW + 3 * HOUR - 1, 50)
    expect(started.map(({ outcome }) => outcome).sort()).toEqual(['missed', 'started'])
    expect(await shown(schedule)).toEqual([
      [missed, 'missed', 'roomscribe was not running while it lasted'],
      [late, 'started', null],
    ])
  })

  test('a room whose meeting runs already: the occurrence joins that meeting, and no second bot comes', async () => {
    const schedule = await newSchedule()
    const key = `${newKey()}/1`
    const { meeting } = await opened.store.create(requestFor(`room of ${key}`))
    await setState(meeting.id, 'live')
    await plan(schedule, [draftAt(key, NOW + HOUR)])
    expect(await book.startDue(NOW + HOUR, 50)).toMatchObject([{ outcome: 'started', meetingId: meeting.id, isOwn: false }])
    expect(await opened.store.meetings({ room: `room of ${key}`, limit: 10 })).toHaveLength(1)
  })

  test('a room whose meeting is on its way out: the occurrence waits for it, and then has a bot of its own', async () => {
    const schedule = await newSchedule()
    const key = `${newKey()}/1`
    const { meeting } = await opened.store.create(requestFor(`room of ${key}`))
    for (const state of ['draining', 'finalising'] as const) {
      await setState(meeting.id, state)
      const nowMs = NOW + HOUR + (state === 'draining' ? 0 : 1_000)
      if (state === 'draining') await plan(schedule, [draftAt(key, NOW + HOUR)])
      expect(await book.startDue(nowMs, 50)).toMatchObject([{ outcome: 'waiting', meetingId: null }])
    }
    expect(await shown(schedule)).toEqual([[key, 'planned', 'the meeting before it in its room was not over']])
    await setState(meeting.id, 'done')
    expect(await book.startDue(NOW + HOUR + 1_999, 50)).toEqual([])
    const [started] = await book.startDue(NOW + HOUR + 2_000, 50)
    expect(started).toMatchObject({ outcome: 'started', isOwn: true })
    expect(started?.meetingId).not.toBe(meeting.id)
  })

  test('a room whose meeting has ended, and whose post is held up: the occurrence has a bot of its own after 10 s', async () => {
    const schedule = await newSchedule()
    const key = `${newKey()}/1`
    const { meeting } = await opened.store.create(requestFor(`room of ${key}`))
    await plan(schedule, [draftAt(key, NOW + HOUR)])
    await setState(meeting.id, 'finalising', NOW + HOUR)
    expect(await book.startDue(NOW + HOUR + 9_000, 50)).toMatchObject([{ outcome: 'waiting', meetingId: null }])
    const [started] = await book.startDue(NOW + HOUR + 10_001, 50)
    expect(started).toMatchObject({ outcome: 'started', isOwn: true })
    expect((await opened.store.meeting(meeting.id)).state).toBe('finalising')
  })

  test('a meeting that was joined and is over before a minute of the occurrence: the occurrence has a bot of its own', async () => {
    const schedule = await newSchedule({ leadSec: 120 })
    const [short, long] = [`${newKey()}/1`, `${newKey()}/1`]
    const before = await opened.store.create(requestFor(`room of ${short}`))
    const through = await opened.store.create(requestFor(`room of ${long}`))
    await plan(schedule, [draftAt(short, NOW + HOUR), draftAt(long, NOW + HOUR)])
    await book.startDue(NOW + HOUR - 120_000, 50)
    await setState(before.meeting.id, 'done', NOW + HOUR - 30_000)
    await setState(through.meeting.id, 'done', NOW + HOUR + 1_800_000)
    // the scheduler asks only when something is due
    expect((await book.nextDue(NOW + HOUR + 1_800_001)).startMs).toBe(NOW + HOUR + 1_800_001)
    const again = await book.startDue(NOW + HOUR + 1_800_001, 50)
    expect(again).toMatchObject([{ outcome: 'started', isOwn: true }])
    expect((await book.occurrences(schedule.id, NOW, 10)).find(({ key }) => key === long)).toMatchObject({ meetingId: through.meeting.id })
  })

  test('a plan is written once: moved, renamed, cancelled, gone, back again', async () => {
    const schedule = await newSchedule()
    const [a, b, c, d] = [newKey(), newKey(), newKey(), newKey()].map((key) => `${key}/1`) as [string, string, string, string]
    const drafts = [draftAt(a, NOW + HOUR), draftAt(b, NOW + 2 * HOUR), draftAt(c, NOW + 3 * HOUR), draftAt(d, NOW + 4 * HOUR)]
    expect(await plan(schedule, drafts)).toEqual({ isCurrent: true, changed: 4, orphans: [] })
    expect(await plan(schedule, drafts)).toEqual({ isCurrent: true, changed: 0, orphans: [] })
    const moved = draftAt(a, NOW + 5 * HOUR, { title: 'later' })
    expect(
      await plan(schedule, [
        moved,
        { ...draftAt(b, NOW + 2 * HOUR), isCancelled: true },
        draftAt(d, NOW + 4 * HOUR, { room: null, roomProblem: 'no link' }),
      ]),
    ).toMatchObject({ changed: 4 })
    expect(await shown(schedule)).toEqual([
      [b, 'cancelled', 'cancelled in the calendar'],
      [c, 'cancelled', 'no longer in the schedule'],
      [d, 'skipped', 'no link'],
      [a, 'planned', null],
    ])
    await plan(schedule, drafts)
    expect((await shown(schedule)).map(([, state]) => state)).toEqual(['planned', 'planned', 'planned', 'planned'])
  })

  test('another lead changes when it starts', async () => {
    const schedule = await newSchedule()
    const draft = draftAt(`${newKey()}/1`, NOW + HOUR)
    await plan(schedule, [draft])
    const earlier = await book.change(schedule.id, scheduleRequest({ leadSec: 600 }), NOW)
    expect(await plan(earlier, [draft])).toMatchObject({ changed: 1 })
    expect((await book.startDue(NOW + HOUR - 600_000, 50)).map(({ scheduleId }) => scheduleId)).toContain(schedule.id)
  })

  test('what could not be read, what is beyond the plan, and what is over stays as it is', async () => {
    const schedule = await newSchedule()
    const [unread, far, over] = [newKey(), newKey(), newKey()] as [string, string, string]
    await plan(schedule, [draftAt(`${unread}/1`, NOW + HOUR), draftAt(`${far}/1`, NOW + 2e9), draftAt(`${over}/1`, NOW + HOUR)])
    await book.startDue(NOW + 3 * HOUR, 50)
    await plan(schedule, [draftAt(`${unread}/2`, NOW + 9 * HOUR), draftAt(`${far}/1`, NOW + 2e9)], NOW + 3 * HOUR)
    await plan(schedule, [], NOW + 3 * HOUR, [unread])
    expect((await shown(schedule)).map(([key, state]) => [key, state])).toEqual(
      expect.arrayContaining([
        [`${unread}/1`, 'missed'],
        [`${over}/1`, 'missed'],
        [`${unread}/2`, 'planned'],
        [`${far}/1`, 'planned'],
      ]),
    )
  })

  test('a plan of an older version is not written, nor one of a schedule that is disabled or gone', async () => {
    const schedule = await newSchedule()
    const draft = draftAt(`${newKey()}/1`, NOW + HOUR)
    await plan(schedule, [draft])
    const disabled = await book.change(schedule.id, scheduleRequest({ enabled: false }), NOW)
    expect(await shown(schedule)).toEqual([[draft.key, 'cancelled', 'the schedule was disabled']])
    expect(await plan(schedule, [draft])).toEqual({ isCurrent: false, changed: 0, orphans: [] })
    expect(await plan(disabled, [draft])).toMatchObject({ isCurrent: false })
    const enabled = await book.change(schedule.id, scheduleRequest(), NOW)
    expect(await plan(enabled, [draft])).toMatchObject({ isCurrent: true, changed: 1 })
    expect(await shown(schedule)).toEqual([[draft.key, 'planned', null]])
    expect(await plan(schedule, [])).toMatchObject({ isCurrent: false })
    expect(await shown(schedule)).toEqual([[draft.key, 'planned', null]])
    await book.remove(schedule.id)
    expect(await plan(enabled, [draft])).toMatchObject({ isCurrent: false })
    expect(await book.startDue(NOW + HOUR, 50)).toEqual([])
  })

  test('a schedule that is deleted leaves its running meeting alone', async () => {
    const { schedule, meetingId } = await running()
    await book.remove(schedule.id)
    expect(await opened.store.meeting(meetingId)).toMatchObject({ state: 'queued', stopRequested: false })
  })

  test('P2 cancelled or gone while its bot runs: the meeting is an orphan, once', async () => {
    for (const gone of [true, false]) {
      const { schedule, key, draft, meetingId } = await running()
      const next = gone ? [] : [{ ...draft, isCancelled: true }]
      expect(await plan(schedule, next, NOW + HOUR + 60_000)).toEqual({ isCurrent: true, changed: 1, orphans: [meetingId] })
      expect(await plan(schedule, next, NOW + HOUR + 60_000)).toMatchObject({ changed: 0, orphans: [] })
      expect(await shown(schedule)).toEqual([[key, 'cancelled', expect.stringContaining('after its bot had started')]])
    }
  })

  test('P2 moved further than its lead while its bot runs: the meeting is an orphan, and the new time gets its own bot', async () => {
    const { schedule, key, meetingId } = await running()
    const moved = draftAt(key, NOW + 5 * HOUR)
    expect(await plan(schedule, [moved], NOW + HOUR + 60_000)).toMatchObject({ orphans: [meetingId] })
    expect(await shown(schedule)).toEqual([[key, 'planned', null]])
    await setState(meetingId, 'done')
    const started = (await book.startDue(NOW + 5 * HOUR, 50)).find(({ scheduleId }) => scheduleId === schedule.id)
    expect(started).toMatchObject({ outcome: 'started', isOwn: true })
    expect(started?.meetingId).not.toBe(meetingId)
  })

  test('P2 moved by less than its lead, or to a time that has begun: the bot and its meeting stay', async () => {
    const { schedule, key, meetingId } = await running({ leadSec: 600 })
    for (const startMs of [NOW + HOUR + 300_000, NOW + HOUR - 300_000]) {
      expect(await plan(schedule, [draftAt(key, startMs)], NOW + HOUR)).toEqual({ isCurrent: true, changed: 1, orphans: [] })
      expect(await book.occurrences(schedule.id, NOW, 10)).toMatchObject([
        { state: 'started', meetingId, startAt: new Date(startMs).toISOString() },
      ])
    }
  })

  test('P2 a meeting that was only joined is nobody to stop', async () => {
    const schedule = await newSchedule()
    const key = `${newKey()}/1`
    await opened.store.create(requestFor(`room of ${key}`))
    await plan(schedule, [draftAt(key, NOW + HOUR)])
    await book.startDue(NOW + HOUR, 50)
    expect(await plan(schedule, [], NOW + HOUR)).toMatchObject({ changed: 1, orphans: [] })
  })

  test('a look is taken by one, and again when its time is over', async () => {
    const schedule = await newSchedule({ url: 'https://x.example/feed' })
    const taken = await Promise.all(Array.from({ length: 8 }, () => book.takeLooks(NOW, 100, 60_000)))
    expect(taken.flat().filter(({ schedule: { id } }) => id === schedule.id)).toHaveLength(1)
    expect((await book.takeLooks(NOW + 59_999, 100, 60_000)).some(({ schedule: { id } }) => id === schedule.id)).toBe(false)
    expect((await book.takeLooks(NOW + 60_000, 100, 60_000)).some(({ schedule: { id } }) => id === schedule.id)).toBe(true)
    const polledAt = new Date(NOW).toISOString()
    await book.looked(schedule, { nextAt: new Date(NOW + HOUR).toISOString(), polledAt, problem: 'away', isFailure: true, feed: null })
    expect(await book.schedule(schedule.id)).toMatchObject({ problem: 'away', lastPolledAt: polledAt, lastChangedAt: null })
    const [due] = (await book.takeLooks(NOW + HOUR, 100, 1)).filter(({ schedule: { id } }) => id === schedule.id)
    expect(due?.failures).toBe(1)
    const feed = { text: 'BEGIN:VCALENDAR ü\0', etag: '"1"', lastModified: null }
    await book.looked(schedule, { nextAt: null, polledAt, problem: null, isFailure: false, feed })
    expect(await book.feed(schedule.id)).toEqual(feed)
    expect(await book.schedule(schedule.id)).toMatchObject({ problem: null, lastChangedAt: polledAt })
    // another address is another feed
    await book.change(schedule.id, scheduleRequest({ url: 'https://y.example/feed' }), NOW)
    expect(await book.feed(schedule.id)).toBeNull()
  })

  test('an occurrence whose room has a meeting that is asked for later has a bot of its own, and that one waits for its time', async () => {
    const schedule = await newSchedule()
    const key = `${newKey()}/1`
    const { meeting } = await opened.store.create(requestFor(`room of ${key}`, { startAt: '2031-01-01T00:00:00Z' }))
    await plan(schedule, [draftAt(key, NOW + HOUR)])
    const [started] = await book.startDue(NOW + HOUR, 50)
    expect(started).toMatchObject({ outcome: 'started', isOwn: true })
    expect(started?.meetingId).not.toBe(meeting.id)
    expect(await opened.store.meeting(meeting.id)).toMatchObject({ state: 'scheduled' })
  })

  test('what is over is shown with what is to come', async () => {
    const schedule = await newSchedule()
    const key = newKey()
    await plan(
      schedule,
      Array.from({ length: 20 }, (_, at) => draftAt(`${key}/${at}`, NOW + (at + 1) * HOUR)),
    )
    await book.startDue(NOW + 12 * HOUR + 1, 50)
    const found = await book.occurrences(schedule.id, NOW + 12 * HOUR + 1, 8)
    expect(found.map(({ key: one }) => Number(one.split('/')[1]))).toEqual([9, 10, 11, 12, 13, 14, 15, 16])
  })
})

test('36 I6 four stores that race for 500 occurrences, with restarts and broken sessions in between, make one meeting of each', async () => {
  const report = await races({ count: 500, stores: 4, seed: 7 })
  expect(report).toMatchObject({ races: 500, doubled: 0, missed: 0 })
  // nothing is restarted where the database has one process
  expect(report.broken === null).toBe(binaries === undefined)
  for (const [what, times] of Object.entries(report.broken ?? {})) expect(times, what).toBeGreaterThan(0)
})
