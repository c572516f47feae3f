import { expect, test } from 'vitest'
import { AttendanceRig } from '../../../support/attendance-rig.js'

/** Longer than a bot's sound may be on its way, and than its rings. */
const IDLE_MS = 90_000

/** A bot hears ann for 2 s and dies; after a while another one takes the meeting and dies, in the room or on the way there, and a third is in it. */
async function chain(secondJoinsAfterMs: number) {
  const rig = new AttendanceRig()
  const [one, two, three] = [rig.process('one'), rig.process('two'), rig.process('three')]
  const id = await rig.meeting()
  one.attend(id)
  await rig.clock.settle()
  await rig.speak(one, 'ann', 2_000)
  await rig.clock.advance(1_500)
  one.silence()
  await rig.clock.advance(IDLE_MS)
  two.joinsAfter(secondJoinsAfterMs)
  two.attend(id)
  await rig.clock.advance(3_000)
  if (secondJoinsAfterMs === 0) await rig.speak(two, 'ann', 2_000)
  await rig.clock.advance(7_000)
  two.silence()
  const toldMs: (number | null | undefined)[] = []
  const { claims } = three
  const take = claims.take.bind(claims)
  claims.take = async (...asked) => {
    const taken = await take(...asked)
    toldMs.push(taken?.silentMs)
    return taken
  }
  three.attend(id)
  await rig.clock.advance(5_000)
  const gaps = (await rig.store.gaps(id)).filter(({ identity, reason }) => identity === 'ann' && reason === 'taken_over')
  return { rig, three, toldMs, fromMs: Math.min(...gaps.map((gap) => gap.fromMs)), toMs: Math.max(...gaps.map((gap) => gap.toMs)) }
}

test('28 H1 a bot dies before it is in the room: nobody has heard since the one before it, whose last words may have no text', async () => {
  const { rig, three, toldMs, fromMs, toMs } = await chain(600_000)
  expect(three.room.joins.length).toBe(1)
  expect(toldMs.map((ms) => (ms ?? 0) > IDLE_MS)).toEqual([true])
  expect(fromMs).toBeLessThanOrEqual(100)
  expect(toMs).toBeGreaterThan(IDLE_MS + 10_000)
  await rig.end()
})

test('28 H1 once it was in the room, and what nobody heard is stored, its own silence counts', async () => {
  const { rig, three, toldMs, fromMs } = await chain(0)
  expect(three.room.joins.length).toBe(1)
  expect(toldMs.map((ms) => (ms ?? Infinity) < 10_000)).toEqual([true])
  expect(fromMs).toBeLessThanOrEqual(100)
  await rig.end()
})
