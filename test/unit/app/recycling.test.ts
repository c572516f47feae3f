import { expect, it } from 'vitest'
import { spread, whyRecycle } from '../../../src/app/recycling.js'

const MB = 1024 * 1024

it.each([
  [{ meetings: 3, growthMb: 100 }, { meetings: 2, growthBytes: 99 * MB }, null],
  [{ meetings: 3, growthMb: 100 }, { meetings: 3, growthBytes: 0 }, '3 meetings have ended here'],
  [{ meetings: 3, growthMb: 100 }, { meetings: 0, growthBytes: 100 * MB }, 'memory has grown by 100 MB'],
  [{ meetings: 0, growthMb: 0 }, { meetings: 1_000_000, growthBytes: 100_000 * MB }, null],
])('%j with %j: %s', (policy, facts, why) => {
  expect(whyRecycle(policy, facts)).toBe(why)
})

it('processes that start together retire up to a fifth earlier, by chance, and never before the first meeting', () => {
  expect(spread({ meetings: 200, growthMb: 1_000 }, () => 0)).toEqual({ meetings: 200, growthMb: 1_000 })
  expect(spread({ meetings: 200, growthMb: 1_000 }, () => 0.5)).toEqual({ meetings: 180, growthMb: 900 })
  expect(spread({ meetings: 1, growthMb: 0 }, () => 0.999)).toEqual({ meetings: 1, growthMb: 0 })
  expect(spread({ meetings: 0, growthMb: 0 }, () => 0.999)).toEqual({ meetings: 0, growthMb: 0 })
})
