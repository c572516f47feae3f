import { expect, test } from 'vitest'
import { ManualClock } from '../../support/manual-clock.js'
import { ClaimTable, MemoryClaims } from '../../support/memory-claims.js'
import { MemoryStore } from '../../support/memory-store.js'
import { requestFor } from '../../support/records.js'

function rig() {
  const clock = new ManualClock(1_700_000_000_000)
  const store = new MemoryStore(() => clock.nowMs())
  const table = new ClaimTable()
  const processes = ['p1', 'p2', 'p3'].map((name) => new MemoryClaims(name, table, store, clock))
  const meeting = async () => (await store.create(requestFor(`r${++rooms}`))).meeting.id
  let rooms = 0
  return { clock, store, processes, meeting }
}

test('of many that take in the same moment what they saw, one has it, and is told the silence of whoever had it', async () => {
  const { clock, store, processes, meeting } = rig()
  const [first, ...others] = processes
  const id = await meeting()
  await first!.take(id, await first!.standing(id))
  await first!.beat()
  await clock.advance(30_000)
  // who wants it lives
  for (const one of others) await one.beat()
  const seen = await first!.standing(id)
  const taken = (await Promise.all(others.map((one) => one.take(id, seen)))).filter((one) => one !== null)
  expect(taken).toMatchObject([{ claim: { epoch: 2 }, silentMs: 30_000 }])
  // and may write: no later claim was made of it in the store
  await store.setState(taken[0]!.claim, 'live', null)
})

test('of meetings that are begun in the same moment as many have a place as there are', async () => {
  const { processes, meeting } = rig()
  const ids = [await meeting(), await meeting(), await meeting()]
  const takes = processes.map(async (one, at) => one.take(ids[at]!, { epoch: 0, isReleased: false }, 2))
  const outcomes = await Promise.allSettled(takes)
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(2)
  expect(outcomes).toContainEqual({ status: 'rejected', reason: expect.objectContaining({ code: 'no_place' }) as unknown })
})
