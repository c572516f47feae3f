import { expect, test, vi } from 'vitest'
import { attended } from '../../../support/attendance-rig.js'
import { loud } from '../../../support/bot-rig.js'

test.each([
  ['that another bot is in the room', ['end']],
  ['to stop', ['stop']],
  ['that another bot is in the room, and to stop', ['end', 'stop']],
])('30 36 H6 a bot that gave its meeting away, stood still and is told late %s has heard until the last sound came', async (_, told) => {
  const { rig, one, two, id, job } = await attended()
  await rig.offer(one, job)
  const left = vi.spyOn(one.claims, 'left')
  await rig.clock.advance(4_000)
  two.attend(id)
  await rig.clock.advance(2_500)
  // what had reached it comes at once when it goes on
  const { connection } = one.room
  for (let at = 0; at < 300; at += 50) connection.frame(connection.started[0]!, loud(), rig.clock.monotonicMs())
  if (told.includes('end')) connection.end('duplicate_identity')
  if (told.includes('stop')) one.attendance.leave('stop')
  await rig.clock.advance(5_000)
  const said = left.mock.calls.map(([, atMs]) => Math.round(atMs))
  expect([said.length, new Set(said)]).toEqual([told.length, new Set([2_300])])
  const missed = (await rig.store.gaps(id)).find(({ fromMs, reason }) => fromMs === 2_300 && reason === 'taken_over')
  // until the next one was in the room
  expect(missed?.toMs).toBeGreaterThanOrEqual(6_000)
  await rig.end()
})
