import { expect, it } from 'vitest'
import { Turns } from '../../../src/app/turns.js'
import { ManualClock } from '../../support/manual-clock.js'

it('turns are taken in order, one at a time, and lost after the longest time', async () => {
  const clock = new ManualClock()
  const turns = new Turns(clock, 1_000)
  const begun: number[] = []
  const ends: (() => void)[] = []
  for (const n of [1, 2, 3]) {
    void turns.take().then((end) => {
      begun.push(n)
      ends.push(end)
    })
  }
  await clock.settle()
  expect(begun).toEqual([1])
  ends[0]?.()
  ends[0]?.()
  await clock.settle()
  expect(begun).toEqual([1, 2])
  await clock.advance(999)
  expect(begun).toEqual([1, 2])
  await clock.advance(1)
  expect(begun).toEqual([1, 2, 3])
  ends[2]?.()
  expect(clock.pending).toBe(0)
})
