import { describe, expect, test } from 'vitest'
import { quantiles } from '../bench/quantiles.js'
import { runDrains, type DrainsReport } from '../support/drains.js'

const SEED = Number(process.env['SEED'] ?? 5)

/** Explains a failure: who missed what. */
const shown = ({ verdicts, ...report }: DrainsReport) => ({
  ...report,
  lostMarks: verdicts.flatMap((one) => one.lost.map(({ who, n }) => `w${who}n${n}`)),
})

describe('processes that are stopped in mid-meeting', () => {
  for (const [queue, count] of [
    ['redis', 3],
    ['sql', 2],
  ] as const) {
    test(`30 SIGTERM, jobs in ${queue}: the meeting is handed over within 2 s of silence, nothing lost, doubled or ended`, async () => {
      const report = await runDrains({ count, seed: SEED, queue })
      expect(shown(report)).toMatchObject({ drains: count, lost: 0, doubled: 0, misattributed: 0, ended: 0, unaccounted: 0, lostMarks: [] })
      expect(report.exitCodes).toEqual(Array.from({ length: count }, () => 0))
      expect(report.drainGapMs.length).toBe(count)
      expect(quantiles(report.drainGapMs).p99).toBeLessThanOrEqual(2_000)
    }, 120_000)
  }
})
