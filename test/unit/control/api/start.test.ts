import { expect, test } from 'vitest'
import { createApi } from '../../../../src/control/api/server.js'
import { API_KEY, apiDeps } from '../../../support/api-rig.js'
import { FakeQueue } from '../../../support/fake-queue.js'
import { ManualClock } from '../../../support/manual-clock.js'
import { MemoryStore } from '../../../support/memory-store.js'

const NOW = Date.UTC(2030, 0, 7, 9)
const HOUR = 3_600_000

function rig() {
  const clock = new ManualClock(NOW)
  const queue = new FakeQueue()
  const app = createApi(apiDeps({ store: new MemoryStore(() => clock.nowMs()), queue, clock }))
  const start = async (body: object) => {
    const response = await app.request('/v1/meetings', {
      method: 'POST',
      headers: { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    return { status: response.status, body: (await response.json()) as Readonly<Record<string, unknown>> }
  }
  return { app, queue, start }
}

const at = (hours: number) => new Date(NOW + hours * HOUR).toISOString()

test('a room has one meeting that runs and any number for later, each asked for once; only the first has a job now', async () => {
  const { start, queue } = rig()
  const later = await start({ room: 'r', startAt: at(24) })
  const now = await start({ room: 'r' })
  const sooner = await start({ room: 'r', startAt: at(2), endAt: at(3) })
  expect([later, now, sooner].map(({ status, body }) => [status, body['state']])).toEqual([
    [201, 'scheduled'],
    [201, 'queued'],
    [201, 'scheduled'],
  ])
  expect(sooner.body).toMatchObject({ startAt: at(2), endAt: at(3) })
  expect(await start({ room: 'r', startAt: at(24) })).toEqual({ ...later, status: 200 })
  expect(await start({ room: 'r' })).toEqual({ ...now, status: 200 })
  expect(await start({ room: 'r', startAt: at(-1) })).toEqual({ ...now, status: 200 })
  expect(queue.jobs).toEqual([`attend-${String(now.body['id'])}`])
})

test.each([
  [{ startAt: at(2), endAt: at(1) }, 'must be after startAt'],
  [{ startAt: at(2), endAt: at(2) }, 'must be after startAt'],
  [{ startAt: '2020-01-01T00:00:00Z', endAt: '2019-01-01T00:00:00Z' }, 'must be after startAt'],
  [{ startAt: at(1), endAt: '2030-01-07T11:00:00+02:00' }, 'must be after startAt'],
  [{ startAt: at(-2), endAt: at(-1) }, 'is over'],
  [{ endAt: at(0) }, 'is over'],
])('52 a window that is none is refused with its place: %j', async (times, message) => {
  const { start, queue } = rig()
  const { status, body } = await start({ room: 'r', ...times })
  expect([status, body['code'], body['errors']]).toEqual([400, expect.any(String), [{ path: 'endAt', message }]])
  expect(queue.jobs).toEqual([])
})

test('OpenAPI says what becomes of a meeting for later whose room is taken, and what endAt ends', async () => {
  const text = await (await rig().app.request('/openapi.json')).text()
  for (const said of ['room_taken', 'no_bot_in_time', 'It ends no meeting']) expect(text).toContain(said)
})
