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
