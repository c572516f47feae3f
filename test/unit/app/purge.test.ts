import { expect, test } from 'vitest'
import { mayPurge, purgeDeleted } from '../../../src/app/roles/purge.js'
import { Scope } from '../../../src/core/scope.js'
import { newSessionId } from '../../../src/core/ids.js'
import { createLogger, silentLogger } from '../../../src/observe/logger.js'
import { MEETING_STATES } from '../../../src/records/port.js'
import { ManualClock } from '../../support/manual-clock.js'
import { MemoryStore } from '../../support/memory-store.js'
import { requestFor, sessionWith } from '../../support/records.js'

async function rig(forget: ((vendorId: string) => Promise<void>) | null) {
  const clock = new ManualClock(1_700_000_000_000)
  const store = new MemoryStore(() => clock.nowMs())
  const scope = new Scope()
  const look = purgeDeleted({ scope, clock, logger: silentLogger, records: { store }, forget })
  const begin = async (room: string) => {
    const { meeting } = await store.create(requestFor(room))
    const claim = await store.claim(meeting.id)
    await store.setState(claim, 'live', null)
    await store.saveSession(claim, { ...sessionWith(newSessionId(), 100), vendorId: `vendor-${room}` })
    return { id: meeting.id, claim }
  }
  const isThere = (id: Parameters<MemoryStore['meeting']>[0]) =>
    store.meeting(id).then(
      () => true,
      () => false,
    )
  return { clock, store, scope, look, begin, isThere }
}

test('only what was deleted is purged: at once when its bot has let go, after 40 s in any case', () => {
  const deletedAt = new Date(0).toISOString()
  for (const state of MEETING_STATES) {
    const isOver = ['finalising', 'done', 'failed', 'cancelled', 'missed'].includes(state)
    expect([state, mayPurge({ state, deletedAt }, 39_999)]).toEqual([state, isOver])
    expect([state, mayPurge({ state, deletedAt }, 40_000)]).toEqual([state, true])
    expect([state, mayPurge({ state, deletedAt: null }, 1e12)]).toEqual([state, false])
  }
})

test('a deleted meeting is gone, at the speech service too, as soon as its bot has left; others stay', async () => {
  const forgotten: string[] = []
  const { clock, store, scope, look, begin, isThere } = await rig((id) => Promise.resolve(void forgotten.push(id)))
  const one = await begin('one')
  const other = await begin('other')
  await store.requestDelete(one.id)
  look()
  await clock.settle()
  expect(await isThere(one.id)).toBe(true)
  await store.setState(one.claim, 'finalising', 'stopped')
  await clock.advance(5_000)
  expect([await isThere(one.id), await isThere(other.id)]).toEqual([false, true])
  expect(forgotten).toEqual(['vendor-one'])
  await scope.close()
})

test('a bot that never lets go, and a speech service that never forgets, keep a meeting for less than 60 s', async () => {
  let asked = 0
  const { clock, store, scope, begin, isThere } = await rig(() => {
    asked++
    return Promise.reject(new Error('away'))
  })
  const one = await begin('one')
  await store.requestDelete(one.id)
  await clock.advance(45_000)
  expect(await isThere(one.id)).toBe(true)
  await clock.advance(10_000)
  expect(await isThere(one.id)).toBe(false)
  expect(asked).toBeGreaterThanOrEqual(2)
  await scope.close()
})

test('41 a store that is away for ten minutes is told of at once and after a minute, and when it is back', async () => {
  const clock = new ManualClock(1_700_000_000_000)
  const store = new MemoryStore(() => clock.nowMs())
  const scope = new Scope()
  const lines: string[] = []
  const logger = createLogger('info', (line) => lines.push((JSON.parse(line) as { msg: string }).msg))
  let isAway = true
  const deleted = (limit: number) => (isAway ? Promise.reject(new Error('away')) : store.deleted(limit))
  const part = { deleted, purge: store.purge.bind(store), sessions: store.sessions.bind(store) }
  purgeDeleted({ scope, clock, logger, records: { store: part }, forget: null })
  await clock.advance(600_000)
  isAway = false
  await clock.advance(10_000)
  expect(lines).toEqual([
    'deleted meetings could not be purged',
    'deleted meetings have not been purged for a minute',
    'deleted meetings are purged again',
  ])
  await scope.close()
})
