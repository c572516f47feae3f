import { expect, test } from 'vitest'
import { UpstreamError } from '../../../../src/core/errors.js'
import { BotRig } from '../../../support/bot-rig.js'

const away = () => Promise.reject(new UpstreamError('database_unreachable', 'away', { service: 'database', retryable: true }))
const WRITES = [
  'setState',
  'saveCoverage',
  'saveParticipants',
  'saveSession',
  'saveSpans',
  'appendSegments',
  'appendGaps',
  'meeting',
] as const

/** Takes the store away, as a database that went down is; returns how it comes back. */
function takeAway(rig: BotRig, names: readonly (typeof WRITES)[number][] = WRITES): () => void {
  const stub = rig.store as unknown as Record<string, unknown>
  for (const name of names) stub[name] = away
  return () => {
    for (const name of names) delete stub[name]
  }
}

test('41 a meeting that ends while the store is away is finished, whole, when it is back', async () => {
  const rig = new BotRig()
  await rig.start()
  const { connection } = rig.room
  connection.participant('ann', 'Ann')
  const key = connection.start('ann')
  await rig.speak(key, 2_000)
  const giveBack = takeAway(rig)
  await rig.speak(key, 2_000)
  connection.leave('ann')
  await rig.clock.advance(600_000)
  expect(rig.outcome).toBeNull()
  giveBack()
  await rig.clock.advance(5_000)
  expect(rig.outcome).toMatchObject({ reason: 'everybody_left', failed: false, claimLost: false })
  const { state, reason, participants } = await rig.store.meeting(rig.meeting.id)
  expect([state, reason, participants.map(({ leftMs }) => leftMs === null)]).toEqual(['finalising', 'everybody_left', [false]])
  const coverage = await rig.store.coverage(rig.meeting.id)
  expect(coverage?.doubts).not.toContain('not_stored')
  expect((await rig.store.sessions(rig.meeting.id)).length).toBeGreaterThan(0)
  expect((await rig.store.spans(rig.meeting.id)).length).toBeGreaterThan(0)
  expect(rig.clock.pending).toBe(0)
})

test('41 a store that goes away between the last text and the outcome gets the outcome when it is back', async () => {
  const rig = new BotRig()
  await rig.start()
  const { connection } = rig.room
  connection.participant('ann', 'Ann')
  await rig.speak(connection.start('ann'), 1_000)
  const giveBack = takeAway(rig, ['setState', 'saveCoverage'])
  connection.leave('ann')
  await rig.clock.advance(300_000)
  expect(rig.outcome).toBeNull()
  giveBack()
  await rig.clock.advance(5_000)
  expect(rig.outcome).toMatchObject({ reason: 'everybody_left', failed: false })
  expect((await rig.store.meeting(rig.meeting.id)).state).toBe('finalising')
  expect(rig.clock.pending).toBe(0)
})

test('41 at shutdown the end waits 30 s for a store that is away, and holds nothing open after that', async () => {
  const rig = new BotRig()
  await rig.start()
  rig.room.connection.participant('ann', 'Ann')
  takeAway(rig)
  const ended = rig.end().catch((error: unknown) => error)
  rig.stop.abort(new Error('shutdown'))
  expect(await ended).toMatchObject({ code: 'database_unreachable' })
  expect(rig.clock.pending).toBe(0)
})
