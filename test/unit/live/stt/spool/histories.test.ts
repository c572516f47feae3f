import { expect, it } from 'vitest'
import { history, type HistoryVerdict } from '../../../../support/spool-sim/history.js'

/** `SEED=4711 COUNT=1` replays one history. */
const SEED = Number(process.env['SEED'] ?? 1)
const COUNT = Number(process.env['COUNT'] ?? 300)

it('28 31 33 34 what several processes leave to each other on one disk that fails comes back once, as it was, under its own numbers', async () => {
  const broken: HistoryVerdict[] = []
  let taken = 0
  for (let seed = SEED; seed < SEED + COUNT && broken.length < 10; seed++) {
    const verdict = await history(seed)
    taken += verdict.takeOvers
    if (verdict.violations.length > 0) broken.push(verdict)
  }
  expect(broken).toEqual([])
  expect(taken).toBeGreaterThan(COUNT)
}, 3_600_000)

it.each([
  [1, '31 a folder that goes while it is swept'],
  [122, '31 a full disk, on which a new owner cannot be written down'],
  [1101, '28 a process that wakes up without its folder'],
  [100871, '28 what is left while a write of it goes on'],
  [201349, '28 what a process elsewhere writes while it is swept'],
  [560808, '31 a write that is not undone, and stands again with more behind it'],
])('of history %i too: %s', async (seed) => {
  expect((await history(seed)).violations).toEqual([])
})
