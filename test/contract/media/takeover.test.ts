import { describe, expect, test } from 'vitest'
import { quantiles } from '../../bench/quantiles.js'
import { runKills, UNNAMED_A_KILL, type KillsReport } from '../../support/kills.js'
import { MARKS_PER_SEC } from '../../support/steady-talk.js'

const SEED = Number(process.env['SEED'] ?? 5)
/** So long before it dies may what a bot heard be on its way; nobody has that, and a gap says so. */
const ON_ITS_WAY_MS = 2_000

/** Explains a failure: who missed what. */
const shown = ({ verdicts, ...report }: KillsReport) => ({
  ...report,
  lostMarks: verdicts.flatMap((one) => one.lost.map(({ who, n }) => `w${who}n${n}`)),
})

describe('processes that die in mid-meeting', () => {
  for (const [queue, count] of [
    ['redis', 5],
    ['sql', 5],
  ] as const) {
    test(`28 29 kill -9, SIGSEGV and SIGABRT, jobs in ${queue}: another process takes over, nothing lost, doubled or misattributed`, async () => {
      const report = await runKills({ count, seed: SEED, queue })
      // of speakers who were late nothing below would tell
      expect(report.health).not.toBe('invalid')
      expect(shown(report)).toMatchObject({ kills: count, lost: 0, doubled: 0, misattributed: 0, lostMarks: [] })
      expect(quantiles(report.takeoverMs).p99).toBeLessThanOrEqual(10_000)
      // lives are short: a bot has 0 to 3 s before the next one dies
      expect(report.returned - report.unnamed).toBeGreaterThan(count * 4)
      expect(report.unnamed).toBeLessThanOrEqual(count * UNNAMED_A_KILL)
      const silentMs = report.takeoverMs.reduce((sum, ms) => sum + ms + ON_ITS_WAY_MS, 0)
      expect(report.inGaps).toBeLessThanOrEqual((silentMs / 1000) * MARKS_PER_SEC)
    }, 120_000)
  }
})
