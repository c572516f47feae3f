import { expect, test } from 'vitest'
import { RecordingClock } from '../../../../../src/live/room/recording/recording-clock.js'
import { ManualClock } from '../../../../support/manual-clock.js'

function rig() {
  const real = new ManualClock(5_000)
  const clock = new RecordingClock(real)
  const told: string[] = []
  const at = (what: string) => () => told.push(`${what} ${clock.monotonicMs() - 5_000}`)
  return { real, clock, told, at }
}

test('it stands still however long that is, and moves by what it is told, each timer at its time', async () => {
  const { real, clock, told, at } = rig()
  clock.every(20, at('every'))
  clock.after(30, at('after'))
  const cancel = clock.after(10, at('cancelled'))
  cancel()
  await real.advance(60_000)
  expect([clock.monotonicMs(), told, real.pending]).toEqual([5_000, [], 0])
  clock.advance(50)
  expect(told).toEqual(['every 20', 'after 30', 'every 40'])
  expect(clock.monotonicMs()).toBe(5_050)
  expect(clock.nowMs()).toBe(real.nowMs())
})

test('a timer that is set by another one, and due on the way, is called on the way', () => {
  const { clock, told, at } = rig()
  clock.after(10, () => clock.after(10, at('second')))
  clock.advance(100)
  expect(told).toEqual(['second 20'])
})

test('released it goes with the other clock, until it is closed', async () => {
  const { real, clock, told, at } = rig()
  clock.advance(1_000)
  clock.after(100, at('after'))
  clock.release()
  clock.release()
  await real.advance(90)
  expect(told).toEqual([])
  await real.advance(20)
  expect([told, Math.round(clock.monotonicMs())]).toEqual([['after 1100'], 6_110])
  clock.close()
  expect(real.pending).toBe(0)
})

test('a sleep ends in its time, and at once when it is not wanted any more', async () => {
  const { clock } = rig()
  const slept = clock.sleep(50)
  const stop = new AbortController()
  const stopped = clock.sleep(50, stop.signal)
  stop.abort(new Error('enough'))
  await expect(stopped).rejects.toThrow('enough')
  await expect(clock.sleep(50, stop.signal)).rejects.toThrow('enough')
  clock.advance(50)
  await slept
})
