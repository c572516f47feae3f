import { describe, expect, test } from 'vitest'
import { runDrains, type DrainsReport } from '../../support/drains.js'
import { MARKS_PER_SEC } from '../../support/steady-talk.js'

const SEED = Number(process.env['SEED'] ?? 5)
/** Marks in the 2 s that a handover may take. */
const MARKS_A_HANDOVER = 2 * MARKS_PER_SEC
/** At least so many come back between two handovers, which are 1.5 to 3.5 s apart; the first and the last have more. */
const RETURNED_A_DRAIN = 25

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
      // of speakers who were late nothing below would tell
      expect(report.health).not.toBe('invalid')
      const none = { lost: 0, doubled: 0, misattributed: 0, unnamed: 0, ended: 0, unaccounted: 0, lostMarks: [] }
      expect(shown(report)).toMatchObject({ drains: count, ...none })
      expect(report.exitCodes).toEqual(Array.from({ length: count }, () => 0))
      expect(report.drainGapMs.length).toBe(count)
      // however it is told
      expect(Math.max(...report.drainGapMs, ...report.otherGapMs)).toBeLessThanOrEqual(2_000)
      // what is told is little beside what came back
      expect(report.inGaps).toBeLessThanOrEqual(count * MARKS_A_HANDOVER)
      expect(report.returned).toBeGreaterThan(count * RETURNED_A_DRAIN)
    }, 120_000)
  }
})
