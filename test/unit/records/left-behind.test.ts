import { expect, test } from 'vitest'
import { asIdentity, newSessionId } from '../../../src/core/ids.js'
import { storeLeft } from '../../../src/records/left-behind.js'
import type { SessionRecord } from '../../../src/records/port.js'
import { MemoryStore } from '../../support/memory-store.js'
import { gapFrom, requestFor, segmentOf, sessionWith, spanOf } from '../../support/records.js'

const sessionId = newSessionId()
const piece = (fromMs: number) => ({ identity: asIdentity('ana'), fromMs, toMs: fromMs + 500 })
const left: SessionRecord = { ...sessionWith(sessionId, 800), pendingTexts: [piece(0)] }

async function stored(...known: SessionRecord[]) {
  const store = new MemoryStore()
  const { meeting } = await store.create(requestFor('r'))
  const claim = await store.claim(meeting.id)
  for (const session of known) await store.saveSession(claim, session)
  return { store, claim, id: meeting.id }
}

test('28 what a log holds is stored, what the texts must not be without first; twice is once', async () => {
  const { store, claim, id } = await stored()
  const order: string[] = []
  for (const name of ['appendGaps', 'saveSession', 'appendSegments'] as const) {
    const write = store[name].bind(store) as (...args: unknown[]) => Promise<never>
    store[name] = (...args: unknown[]) => {
      order.push(name)
      return write(...args)
    }
  }
  const batch = { segments: [segmentOf(sessionId, 1)], spans: [spanOf(sessionId, 0, 800)], gaps: [gapFrom(100)], sessions: [left] }
  expect(await storeLeft(store, claim, batch)).toBe(1)
  expect(order).toEqual(['appendGaps', 'saveSession', 'appendSegments'])
  expect(await storeLeft(store, claim, batch)).toBe(0)
  expect([(await store.gaps(id)).length, await store.spans(id)]).toEqual([1, batch.spans])
  expect((await store.sessions(id))[0]?.pendingTexts).toContainEqual(piece(0))
})

test.each<[string, SessionRecord, Partial<SessionRecord>]>([
  ['waits for other texts: for all of them', { ...left, pendingTexts: [piece(9_000)] }, { pendingTexts: [piece(0), piece(9_000)] }],
  [
    'is longer: it stays so',
    { ...left, sentFrames: 8_000, acknowledgedFrames: 8_000 },
    { sentFrames: 8_000, pendingTexts: left.pendingTexts ?? [] },
  ],
  [
    'is shorter: as long as the log knows',
    sessionWith(sessionId, 80),
    { sentFrames: 800, acknowledgedFrames: 800, pendingTexts: left.pendingTexts ?? [] },
  ],
  ['is over: it stays over', { ...sessionWith(sessionId, 900), endReason: 'done' }, { endReason: 'done', sentFrames: 900 }],
  ['had no vendor id yet: it has', { ...sessionWith(sessionId, 0), vendorId: null }, { vendorId: 'vendor-1' }],
])('28 a session of which the store has a version that %s', async (_, known, expected) => {
  const { store, claim, id } = await stored(known)
  await storeLeft(store, claim, { segments: [], spans: [], sessions: [left] })
  const [session] = await store.sessions(id)
  expect(session).toMatchObject(expected)
  if (known.endReason !== null) expect(session?.pendingTexts).toBeUndefined()
})

test('28 a session that is over is not written again', async () => {
  const { store, claim } = await stored({ ...sessionWith(sessionId, 900), endReason: 'done' })
  store.saveSession = () => Promise.reject(new Error('written'))
  expect(await storeLeft(store, claim, { segments: [], spans: [], sessions: [left] })).toBe(0)
})

test('28 a session that is over in the log only is over', async () => {
  const { store, claim, id } = await stored(left)
  await storeLeft(store, claim, { segments: [], spans: [], sessions: [{ ...sessionWith(sessionId, 900), endReason: 'done' }] })
  expect((await store.sessions(id))[0]).toEqual({ ...sessionWith(sessionId, 900), endReason: 'done', epoch: 1 })
})
