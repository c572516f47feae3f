import { describe, expect, test } from 'vitest'
import { quantiles } from '../bench/quantiles.js'
import { runKills, type KillsReport } from '../support/kills.js'

const SEED = Number(process.env['SEED'] ?? 5)

/** Explains a failure: who missed what. */
const shown = ({ verdicts, ...report }: KillsReport) => ({
  ...report,
  lostMarks: verdicts.flatMap((one) => one.lost.map(({ who, n }) => `w${who}n${n}`)),
})

describe('processes that die in mid-meeting', () => {
  for (const [queue, count] of [
    ['redis', 5],
    ['sql', 4],
  ] as const) {
    test(`28 29 kill -9, SIGSEGV and SIGABRT, jobs in ${queue}: another process takes over, nothing lost, doubled or misattributed`, async () => {
      const report = await runKills({ count, seed: SEED, queue })
      expect(shown(report)).toMatchObject({ kills: count, lost: 0, doubled: 0, misattributed: 0, lostMarks: [] })
      expect(quantiles(report.takeoverMs).p99).toBeLessThanOrEqual(10_000)
      // lives are short: a bot has 0 to 3 s before the next one dies
      expect(report.returned).toBeGreaterThan(count * 4)
    }, 120_000)
  }
})
