import { expect, test } from 'vitest'
import { runCuts } from '../support/cuts.js'

/** `runCuts` takes any number: benches run ten thousand. */
const COUNT = 500

test('1 after 500 cuts at any byte the service has every byte of every session once, but for what the session knows to stand twice', async () => {
  const result = await runCuts({ count: COUNT, seed: 20_261_121 })
  expect(result.failures).toEqual([])
  expect(result.cuts).toBeGreaterThanOrEqual(COUNT)
  expect(result.cutsHashEqual).toBe(result.cuts)
  // nothing had to be given up, and the disk was in the way
  expect(result.gaps).toBe(0)
  expect(result.spooledBytes).toBeGreaterThan(1_000_000)
})
