import { expect, test } from 'vitest'
import { Sizing } from '../../../../../src/live/audio/lease/sizing.js'

const TUNABLES = { growWaitMs: 500, calmMs: 60_000 }
const fixed = (max: number) => new Sizing({ max, mode: 'fixed' }, TUNABLES)
const auto = (max = 4) => new Sizing({ max, mode: 'auto' }, TUNABLES)

test('Z1 fixed: the smallest size that seats everybody, up to the maximum, whatever it is', () => {
  expect([1, 2, 3, 4, 5, 8].map((max) => fixed(max).sizes)).toEqual([[1], [2], [2, 3], [2, 4], [2, 4, 5], [2, 4, 8]])
  expect([1, 2, 3, 4, 30].map((people) => fixed(4).first(people))).toEqual([2, 2, 4, 4, 4])
  expect(fixed(8).first(5)).toBe(8)
  expect([fixed(4).room(2), auto().room(2), auto().room(0), auto(1).room(0)]).toEqual([4, 2, 2, 1])
})

test('Z1 fixed: grows for people at once, by as much as they need, never for waiting alone, never beyond the maximum, never back', () => {
  const sizing = fixed(8)
  expect(sizing.grown(2, 3, 0)).toBe(4)
  expect(sizing.grown(2, 7, 0)).toBe(8)
  expect(sizing.grown(2, 2, 60_000)).toBeNull()
  expect(sizing.grown(8, 30, 60_000)).toBeNull()
  expect(sizing.shrunk(4, 0, 1e9)).toBeNull()
})

test('Z2 auto: begins with two whoever is there, and grows a step when speech has waited', () => {
  const sizing = auto()
  expect(sizing.first(30)).toBe(2)
  expect(sizing.grown(2, 30, 499)).toBeNull()
  expect(sizing.grown(2, 30, 500)).toBe(4)
  expect(sizing.grown(4, 30, 5000)).toBeNull()
})

test('Z3 auto: gives channels back after a calm stretch; a short crowd does not end the calm, one that would have waited does', () => {
  const sizing = auto()
  sizing.rolled(0)
  expect(sizing.shrunk(4, 2, 59_999)).toBeNull()
  expect(sizing.shrunk(4, 2, 60_000)).toBe(2)
  const busy = auto()
  busy.rolled(0)
  busy.shrunk(4, 3, 50_000)
  busy.shrunk(4, 2, 50_400)
  expect(busy.shrunk(4, 1, 60_000)).toBe(2)
  busy.rolled(60_000)
  busy.shrunk(4, 3, 100_000)
  busy.shrunk(4, 3, 100_500)
  expect(busy.shrunk(4, 2, 120_000)).toBeNull()
  expect(busy.shrunk(4, 2, 160_500)).toBe(2)
  expect(busy.shrunk(2, 2, 1e9)).toBeNull()
})

test('a maximum that no session can have is refused', () => {
  for (const max of [0, 9, 2.5, Number.NaN]) expect(() => fixed(max)).toThrow(RangeError)
})
