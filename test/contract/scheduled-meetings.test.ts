import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { MeetingId } from '../../src/core/ids.js'
import { systemClock } from '../../src/core/time.js'
import { silentLogger } from '../../src/observe/logger.js'
import type { MeetingState } from '../../src/records/port.js'
import { openStore, type OpenStore } from '../../src/records/sql/open.js'
import { postgresBinaries, startPostgres, type TestPostgres } from '../support/postgres.js'
import { requestFor } from '../support/records.js'
import { draftAt, scheduleRequest } from '../support/schedule-requests.js'
import { until } from '../support/until.js'

const binaries = postgresBinaries()
const targets = binaries === undefined ? (['embedded'] as const) : (['embedded', 'postgres'] as const)
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

describe.each(targets)('meetings that are asked for later, on %s', (kind) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'roomscribe-asked-'))
  let postgres: TestPostgres | undefined
  let opened: OpenStore
  /** another process, where the database has room for one */
  let other: OpenStore
  let names = 0

  const open = () => openStore({ databaseUrl: postgres?.url ?? null, dataDir, clock: systemClock, logger: silentLogger })
  beforeAll(async () => {
    if (kind === 'postgres' && binaries !== undefined) postgres = await startPostgres(binaries)
    opened = await open()
    other = postgres === undefined ? opened : await open()
  })
  afterAll(async () => {
    if (other !== opened) await other?.close()
    await opened?.close()
    await postgres?.close()
    rmSync(dataDir, { recursive: true, force: true })
  })

  const newRoom = () => `asked-${++names}`
  const iso = (ms: number) => new Date(ms).toISOString()
  const asked = async (room: string, startMs: number | null, endMs: number | null = null) => {
    const { meeting, created } = await opened.store.create(
      requestFor(room, { startAt: startMs === null ? null : iso(startMs), endAt: endMs === null ? null : iso(endMs) }),
    )
    return { id: meeting.id, state: meeting.state, created }
  }
  const shown = async (id: MeetingId) => {
    const { state, reason } = await opened.store.meeting(id)
    return [state, reason]
  }
  const workOf = async (id: MeetingId) => {
    const { rows } = await opened.pool.query<{ kind: string }>('SELECT kind FROM roomscribe.work WHERE meeting_id = $1', [id])
    return rows.map((row) => row.kind)
  }
  const setState = (id: MeetingId, state: MeetingState) =>
    opened.pool.query('UPDATE roomscribe.meeting SET state = $2 WHERE id = $1', [id, state])
  const start = async (nowMs: number, id: MeetingId) =>
    (await opened.schedules.startMeetings(nowMs, 100)).find(({ meetingId }) => meetingId === id)?.outcome ?? null
  /** nothing of one test is due in the next */
  const over = async (...ids: MeetingId[]) => {
    for (const id of ids) await setState(id, 'done')
  }

  test('a room that has a meeting for later is started now with a meeting of its own, and keeps the other one', async () => {
    const room = newRoom()
    const later = await asked(room, systemClock.nowMs() + DAY)
    const now = await asked(room, null)
    expect([later.state, now.state, now.created]).toEqual(['scheduled', 'queued', true])
    expect(now.id).not.toBe(later.id)
    expect(await shown(later.id)).toEqual(['scheduled', null])
    expect([await workOf(later.id), await workOf(now.id)]).toEqual([[], ['attend']])
    expect(await asked(room, null)).toEqual({ id: now.id, state: 'queued', created: false })
    await over(later.id, now.id)
  })

  test('a room may have any number of meetings for later, also while one runs; the same time again is the same meeting', async () => {
    const room = newRoom()
    const fromMs = systemClock.nowMs()
    const running = await asked(room, null)
    const week = await asked(room, fromMs + 7 * DAY)
    const tomorrow = await asked(room, fromMs + DAY)
    expect(new Set([running.id, week.id, tomorrow.id]).size).toBe(3)
    expect([week.created, tomorrow.created]).toEqual([true, true])
    expect(await asked(room, fromMs + DAY)).toEqual({ ...tomorrow, created: false })
    expect((await asked(newRoom(), fromMs + DAY)).created).toBe(true)
    await over(running.id, week.id, tomorrow.id)
  })

  test('I6 a hundred requests at once for one time make one meeting', async () => {
    const room = newRoom()
    const startMs = systemClock.nowMs() + DAY
    const answers = await Promise.all(Array.from({ length: 100 }, () => asked(room, startMs)))
    expect(answers.filter(({ created }) => created)).toHaveLength(1)
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1)
    await over(...new Set(answers.map(({ id }) => id)))
  })

  test('at its time it is queued with its work, not before, and whoever reads its feed is told', async () => {
    const startMs = systemClock.nowMs() + HOUR
    const { id } = await asked(newRoom(), startMs, startMs + HOUR)
    const states: string[] = []
    const leave = opened.store.subscribe(id, (event) => void (event.kind === 'state' && states.push(event.state)))
    expect((await opened.schedules.nextDue(startMs - HOUR)).meetingMs).toBe(startMs)
    expect(await start(startMs - 1, id)).toBeNull()
    expect(await opened.claims.take(id, { epoch: 0, isReleased: false })).toBeNull()
    expect(await start(startMs, id)).toBe('queued')
    expect([await shown(id), await workOf(id)]).toEqual([['queued', null], ['attend']])
    await until(() => states.includes('queued'))
    expect(await start(startMs + 1, id)).toBeNull()
    leave()
    await over(id)
  })

  test('a meeting of its room runs: it waits a minute for that one, then that one has it, and it says so', async () => {
    const room = newRoom()
    const startMs = systemClock.nowMs() + HOUR
    const { id } = await asked(room, startMs)
    const running = await asked(room, null)
    await setState(running.id, 'live')
    expect(await start(startMs, id)).toBe('waiting')
    expect((await opened.schedules.nextDue(startMs)).meetingMs).toBe(startMs + 1_000)
    expect(await start(startMs + MINUTE - 1, id)).toBe('waiting')
    expect(await start(startMs + MINUTE + 1_000, id)).toBe('cancelled')
    expect([await shown(id), await workOf(id)]).toEqual([['cancelled', 'room_taken'], []])
    expect(await shown(running.id)).toEqual(['live', null])
    await over(running.id)
  })

  test('the meeting before it in its room is over within the minute, or on its way out: it begins when the room is free', async () => {
    const startMs = systemClock.nowMs() + HOUR
    for (const leaving of ['live', 'draining', 'finalising'] as const) {
      const room = newRoom()
      const { id } = await asked(room, startMs, startMs + HOUR)
      const before = await asked(room, null)
      await setState(before.id, leaving)
      const lateMs = startMs + (leaving === 'live' ? 0 : 10 * MINUTE)
      expect(await start(lateMs, id)).toBe('waiting')
      await over(before.id)
      expect(await start(lateMs + 1_000, id)).toBe('queued')
      await over(id)
    }
  })

  test('a meeting that has ended holds its room for 10 s at most, however long what follows it is held up', async () => {
    const room = newRoom()
    const startMs = systemClock.nowMs() + HOUR
    const later = await asked(room, startMs)
    const before = await asked(room, null)
    await opened.store.setState(await opened.store.claim(before.id), 'finalising', 'everybody_left', { endedAt: iso(startMs) })
    expect(await start(startMs + 9_000, later.id)).toBe('waiting')
    expect(await start(startMs + 10_001, later.id)).toBe('queued')
    expect((await opened.store.lastOf(room))?.id).toBe(later.id)
    // whoever asks for a bot is not given one that has left
    await over(later.id)
    const now = await asked(room, null)
    expect([now.created, now.state, await shown(before.id)]).toEqual([true, 'queued', ['finalising', 'everybody_left']])
    expect(await asked(room, null)).toMatchObject({ id: now.id, created: false })
    await over(before.id, now.id)
  })

  test('several of one room that are due at once: the first has the room, the others its meeting', async () => {
    const room = newRoom()
    const startMs = systemClock.nowMs() + HOUR
    const first = await asked(room, startMs, startMs + 9 * HOUR)
    const second = await asked(room, startMs + MINUTE, startMs + 9 * HOUR)
    const outcomes = await opened.schedules.startMeetings(startMs + HOUR, 100)
    expect(outcomes.map(({ meetingId, outcome }) => [meetingId, outcome])).toEqual([
      [first.id, 'queued'],
      [second.id, 'cancelled'],
    ])
    await over(first.id)
  })

  test('51 down over the whole window: missed with its reason, also when its work was in the queue already, and no bot takes it', async () => {
    const nowMs = systemClock.nowMs()
    const asleep = await asked(newRoom(), nowMs + HOUR, nowMs + 2 * HOUR)
    const added = await asked(newRoom(), nowMs - 2 * HOUR, nowMs - HOUR)
    const endless = await asked(newRoom(), nowMs + HOUR)
    const taken = await asked(newRoom(), null, nowMs + HOUR)
    const claim = await opened.claims.take(taken.id, { epoch: 0, isReleased: false })
    expect(claim).not.toBeNull()
    // the job is faster than whoever looks for what is missed
    expect(await opened.claims.take(added.id, { epoch: 0, isReleased: false }, 30)).toBeNull()
    expect([await shown(added.id), await workOf(added.id)]).toEqual([['missed', 'no_bot_in_time'], []])
    expect(await opened.schedules.missMeetings(nowMs + 2 * HOUR - 1)).toBe(0)
    expect(await opened.schedules.missMeetings(nowMs + 2 * HOUR)).toBe(2)
    for (const { id } of [asleep, endless]) expect(await shown(id)).toEqual(['missed', 'no_bot_in_time'])
    expect(await opened.store.meeting(asleep.id)).toMatchObject({ endedAt: iso(nowMs + 2 * HOUR) })
    // a bot that has it is not sent away
    expect(await shown(taken.id)).toEqual(['queued', null])
    await over(taken.id)
  })

  test('inside its window it still begins; one that waits for a bot is missed at its end', async () => {
    const startMs = systemClock.nowMs() + HOUR
    const { id } = await asked(newRoom(), startMs, startMs + HOUR)
    expect(await opened.schedules.missMeetings(startMs + HOUR - 1)).toBe(0)
    expect(await start(startMs + HOUR - 1, id)).toBe('queued')
    expect((await opened.schedules.nextDue(startMs + HOUR - 1)).meetingMs).toBe(startMs + HOUR)
    expect(await opened.schedules.missMeetings(startMs + HOUR)).toBe(1)
    expect(await start(startMs + HOUR, id)).toBeNull()
    expect(await shown(id)).toEqual(['missed', 'no_bot_in_time'])
  })

  test('50 I5 I6 two processes that start meetings, occurrences and requests for now in the same rooms: one of a room runs', async () => {
    const startMs = systemClock.nowMs() + HOUR
    const rooms = Array.from({ length: 40 }, () => newRoom())
    for (const room of rooms) await asked(room, startMs, startMs + HOUR)
    const schedule = await opened.schedules.create(scheduleRequest(), startMs - HOUR)
    const drafts = rooms.map((room) => draftAt(`${room}/1`, startMs, { room }))
    await opened.schedules.plan(schedule, { drafts, untilAt: iso(startMs + DAY), unreadable: [] }, startMs - HOUR)
    const stores = [opened, other]
    await Promise.all(
      stores.flatMap(({ schedules, store }) => [
        schedules.startMeetings(startMs, 100),
        schedules.startDue(startMs, 100),
        schedules.startMeetings(startMs, 100),
        ...rooms.map((room) => store.create(requestFor(room))),
      ]),
    )
    const { rows } = await opened.pool.query<{ room: string; running: number; works: number }>(
      `SELECT m.room, count(*) FILTER (WHERE m.state <> 'scheduled')::integer AS running, count(w.kind)::integer AS works
       FROM roomscribe.meeting m LEFT JOIN roomscribe.work w ON w.meeting_id = m.id
       WHERE m.room = ANY($1::text[]) AND m.state NOT IN ('done', 'failed', 'cancelled', 'missed') GROUP BY m.room`,
      [rooms],
    )
    expect(rows).toHaveLength(rooms.length)
    expect(rows.filter(({ running, works }) => running !== 1 || works !== 1)).toEqual([])
    await opened.schedules.startMeetings(startMs + 2 * MINUTE, 100)
    const { rows: left } = await opened.pool.query(
      "SELECT 1 FROM roomscribe.meeting WHERE room = ANY($1::text[]) AND state = 'scheduled'",
      [rooms],
    )
    expect(left).toEqual([])
  })

  // an embedded database has no second client to stand in the way
  if (kind === 'postgres')
    test('50 I5 somebody takes the room while a meeting for later is given it: that one waits, and others of the same batch begin', async () => {
      const startMs = systemClock.nowMs() + HOUR
      const [room, free] = [newRoom(), newRoom()]
      const { id } = await asked(room, startMs)
      const { id: freeId } = await asked(free, startMs)
      const client = await opened.pool.connect()
      await client.query('BEGIN')
      await client.query(
        `INSERT INTO roomscribe.meeting (id, room, vocabulary, state, created_at) VALUES (gen_random_uuid(), $1, '[]', 'live', now())`,
        [room],
      )
      const outcomes = other.schedules.startMeetings(startMs, 100)
      // it stands at the index until the other transaction has decided
      await until(async () => {
        const { rows } = await opened.pool.query(
          "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%start_meetings%' AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()",
        )
        return rows.length === 1
      })
      await client.query('COMMIT')
      client.release()
      const found = new Map((await outcomes).map(({ meetingId, outcome }) => [meetingId, outcome]))
      expect([found.get(id), found.get(freeId)]).toEqual(['waiting', 'queued'])
      await opened.pool.query("UPDATE roomscribe.meeting SET state = 'done' WHERE room = ANY($1::text[])", [[room, free]])
    })

  test('the last meeting of a room is the one that goes on, whichever was asked for first, else the one that ended last', async () => {
    const room = newRoom()
    const startMs = systemClock.nowMs() + HOUR
    expect(await opened.store.lastOf(room)).toBeNull()
    const older = await asked(room, startMs)
    const newer = await asked(room, null)
    await opened.store.requestStop(newer.id)
    expect((await opened.store.lastOf(room))?.id).toBe(newer.id)
    await start(startMs, older.id)
    expect((await opened.store.lastOf(room))?.id).toBe(older.id)
    await opened.store.requestStop(older.id)
    expect((await opened.store.lastOf(room))?.id).toBe(older.id)
    // one that is sent away before its time says nothing of the room
    const never = await asked(room, startMs + DAY)
    await opened.store.requestStop(never.id)
    expect((await opened.store.lastOf(room))?.id).toBe(older.id)
  })
})
