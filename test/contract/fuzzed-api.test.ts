import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openHub } from '../../src/app/roles/feeds.js'
import { transcriptAs } from '../../src/app/transcripts.js'
import { listen, type ApiServer } from '../../src/control/api/listen.js'
import { createApi } from '../../src/control/api/server.js'
import { newKey } from '../../src/control/auth/authenticator.js'
import { ScheduleDesk } from '../../src/control/schedule/desk.js'
import { GuardedFetch } from '../../src/control/schedule/guarded-fetch.js'
import { CalendarReader } from '../../src/control/schedule/ics/calendar-reader.js'
import { Planner } from '../../src/control/schedule/planner.js'
import { defaultRoomPattern } from '../../src/control/schedule/room-pattern.js'
import { asIdentity, newSessionId, type MeetingId } from '../../src/core/ids.js'
import { Scope } from '../../src/core/scope.js'
import { systemClock } from '../../src/core/time.js'
import { silentLogger } from '../../src/observe/logger.js'
import { openStore, type OpenStore } from '../../src/records/sql/open.js'
import { API_KEY, apiDeps } from '../support/api-rig.js'
import { FakeQueue } from '../support/fake-queue.js'
import { fuzzApi } from '../support/fuzz-api.js'
import { gapFrom, requestFor, segmentOf } from '../support/records.js'

/** Stands in everything of the rooms that a key may not see, and in no request. */
const FOREIGN = 'zq-foreign-zq'
const COUNT = 2_000

let records: OpenStore
let server: ApiServer
let url = ''
const scope = new Scope()
const close: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'roomscribe-fuzzed-'))
  const parts = { clock: systemClock, logger: silentLogger }
  records = await openStore({ databaseUrl: null, dataDir, ...parts })
  const { store, access, work, schedules: book } = records
  const reader = new CalendarReader(systemClock)
  const fetch = new GuardedFetch({ clock: systemClock, privateHosts: [] })
  const drafting = { reader, patterns: [defaultRoomPattern([])], defaultLanguage: null }
  const onPlanned = () => undefined
  const planner = new Planner({ ...drafting, ...parts, book, meetings: store, fetch, random: Math.random, pollMs: 300_000, onPlanned })
  const desk = new ScheduleDesk({ ...drafting, book, planner, fetch, clock: systemClock, defaultLeadSec: 0 })
  const queue = new FakeQueue()
  const hub = openHub({ records, scope, ...parts })
  const api = createApi(
    apiDeps({
      store,
      access,
      work,
      queue,
      deadLetters: queue,
      hub,
      schedules: { desk },
      guest: ({ id }) => Promise.resolve({ url: 'ws://livekit', token: `token of ${id}`, identity: 'guest' }),
      renderTranscript: (meeting, format) => transcriptAs(store, meeting, format),
    }),
  )
  server = await listen(api, '127.0.0.1', 0)
  url = `http://127.0.0.1:${server.port}`
  close.push(
    () => hub.close(),
    () => server.close(),
    () => scope.close(),
    () => reader.close(),
    () => fetch.close(),
    () => records.close(),
    () => rm(dataDir, { recursive: true, force: true }),
  )
})
afterAll(async () => {
  for (const one of close) await one()
})

/** A meeting that runs, with everything in it that a meeting can have. */
async function meetingIn(room: string, mark: string): Promise<MeetingId> {
  const { store } = records
  const { id } = (await store.create(requestFor(room, { title: mark, vocabulary: [mark], botName: mark }))).meeting
  const claim = await store.claim(id)
  await store.setState(claim, 'live', null, { startedAt: new Date().toISOString() })
  const identity = asIdentity(mark)
  await store.saveParticipants(claim, [{ identity, name: mark, joinedMs: 0, leftMs: null }])
  await store.appendSegments(claim, [segmentOf(newSessionId(), 1, { identity, text: mark })])
  await store.appendGaps(claim, [{ ...gapFrom(0), identity }])
  return id
}

test('2000 requests with the admin key, most of them wrong, are answered, none with 500 and above, all as published', async () => {
  const ids = [await meetingIn('a', 'one'), await meetingIn('b', 'other')]
  let streams = 0
  const onAnswer = (_: string, text: string) => void (streams += text.startsWith('retry: ') ? 1 : 0)
  const found = await fuzzApi({ url, key: API_KEY, count: COUNT, seed: 1, ids, withLive: true, onAnswer })
  expect(found.failures).toEqual([])
  expect([found.fuzzed, found.fivexx, found.unpublished, streams > 0]).toEqual([COUNT, 0, 0, true])
  expect(Object.keys(found.statuses)).toEqual(expect.arrayContaining(['200', '201', '202', '204', '400', '401', '404', '409']))
}, 240_000)

test('2000 requests with the key of some rooms tell nothing of another room, and change nothing in it', async () => {
  const foreign = await meetingIn(`board-${FOREIGN}`, FOREIGN)
  // several, since some are deleted on the way
  const own: MeetingId[] = []
  for (let n = 0; n < 10; n++) own.push(await meetingIn(`sales-${n}`, 'own'))
  const admin = { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' }
  const made = await fetch(`${url}/v1/schedules`, {
    method: 'POST',
    headers: admin,
    body: JSON.stringify({ kind: 'cron', cron: '0 9 * * 1', timeZone: 'UTC', room: `board-${FOREIGN}`, title: FOREIGN, durationSec: 600 }),
  })
  const schedule = (await made.json()) as { id: string }
  expect(made.status).toBe(201)
  const { key, hash } = newKey()
  const { id } = await records.access.createKey({ name: 'sales', scopes: ['meetings:write'], rooms: ['sales-*'] }, hash)
  const state = async () => ({
    meeting: await records.store.meeting(foreign),
    schedule: await (await fetch(`${url}/v1/schedules/${schedule.id}`, { headers: admin })).text(),
    keys: (await records.access.keys()).map((one) => [one.id, one.revokedAt]),
  })
  const before = await state()
  const leaks: string[] = []
  let streams = 0
  const onAnswer = (request: string, text: string) => {
    if (text.includes(FOREIGN)) leaks.push(`${request} -> ${text}`.slice(0, 600))
    if (text.startsWith('retry: ')) streams++
  }
  const ids = [...own, ...Array.from({ length: 10 }, () => foreign), ...Array.from({ length: 5 }, () => schedule.id), id]
  const found = await fuzzApi({ url, key, count: COUNT, seed: 2, ids, withLive: true, onAnswer })
  expect(leaks).toEqual([])
  expect(found.failures).toEqual([])
  expect([found.fivexx, found.unpublished, streams > 0]).toEqual([0, 0, true])
  expect(await state()).toEqual(before)
}, 240_000)
