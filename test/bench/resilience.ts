import { runCuts } from '../support/cuts.js'
import { runDrains } from '../support/drains.js'
import { runFuzz } from '../support/fuzz-speech.js'
import { runSettingsFuzz } from '../support/fuzz-settings.js'
import type { Health } from '../support/healthy.js'
import { runKills, UNNAMED_A_KILL } from '../support/kills.js'
import type { OutageResult } from '../support/outage.js'
import { simulateMany } from '../support/sim/many.js'
import { inChild } from './child.js'
import { gate } from './gate.js'
import { quantiles } from './quantiles.js'
import type { Scaled, Size } from './size.js'

/** The parts, their seeds, and how often each is done: by default, and for the README's numbers. */
const PARTS = {
  cuts: { seed: 1, brief: 100, usual: 500, full: 10_000 },
  simulation: { seed: 1, brief: 100, usual: 300, full: 100_000 },
  fuzz: { seed: 1, brief: 20_000, usual: 100_000, full: 1_000_000 },
  outage: { seed: 0, brief: 10, usual: 10, full: 10 },
  kills: { seed: 1, brief: 1, usual: 3, full: 200 },
  drains: { seed: 1, brief: 1, usual: 2, full: 100 },
} as const satisfies Record<string, Scaled<number> & { readonly seed: number }>

/** At once in the process that is stopped: a deploy comes under load. */
const DRAINED_MEETINGS = 3

/**
 * What the speakers' health leaves of a part: `<part>sInvalid` were done while the speakers were late, twice, and
 * are in no figure, and with none left there is none; `<part>sUntimed` is 1 when the times are not to be trusted. Nothing that is not valid passes.
 */
function trust(part: 'kill' | 'drain', health: Health, invalid: number): object {
  if (invalid > 0) {
    process.stderr.write(`  ${invalid} ${part}s do not count: the speakers were late, twice\n`)
    process.exitCode = 1
  }
  return { [`${part}sInvalid`]: invalid, [`${part}sUntimed`]: health === 'valid' ? 0 : 1 }
}

/** Figures that are no timings: of what must not be, and of what must have been for the others to say anything. */
const RIGHT = {
  none: [
    'cutsNotEqual cutFailures cutGaps violations crashes outageNotCaughtUp lost doubled misattributed unnamedBeyond',
    'drainLost drainDoubled drainMisattributed drainUnnamed drainUnaccounted drainEnded drainExitsNot0',
  ].flatMap((names) => names.split(' ')),
  some: 'cuts simulatedMeetings fuzzed returned drainReturned'.split(' '),
}
const SAID = 5

/** Explains a failure. */
function say(all: readonly string[]): void {
  for (const one of all.slice(0, SAID)) process.stderr.write(`  ${one}\n`)
}

/** A part of the bench. */
type Part = keyof typeof PARTS
export const RESILIENCE_PARTS = Object.keys(PARTS) as readonly Part[]

/** What each part adds to the report; the seeds are in it. */
const RUN: Record<Part, (count: number, seed: number) => Promise<object>> = {
  cuts: async (count, seed) => {
    const { cuts, cutsHashEqual, gaps, failures } = await runCuts({ count, seed })
    say(failures.map((one) => `seed ${one.seed}: ${one.why}, ${JSON.stringify(one.behaviours)}`))
    return { cuts, cutsHashEqual, cutsNotEqual: cuts - cutsHashEqual, cutFailures: failures.length, cutGaps: gaps }
  },
  simulation: async (count, seed) => {
    const { simulatedMeetings, violations, worst, complete, spoken, returned, lost, unnamed, ungapped } = await simulateMany(seed, count)
    const worstSeeds = worst.map((verdict) => `${verdict.seed}: ${verdict.violations.join('; ')}`)
    return {
      simulatedMeetings,
      violations,
      worstSeeds,
      simulation: {
        complete,
        spokenBlocks: spoken,
        returnedBlocks: returned,
        lostBlocks: lost,
        unnamedBlocks: unnamed,
        ungappedBlocks: ungapped,
      },
    }
  },
  fuzz: (count, seed) => {
    const speech = runFuzz({ count: Math.ceil(count * 0.8), seed })
    const settings = runSettingsFuzz({ count: Math.floor(count * 0.2), seed })
    say(speech.examples.map(({ input, error }) => `${error}: ${input}`))
    return Promise.resolve({ fuzzed: speech.fuzzed + settings.fuzzed, crashes: speech.crashes + settings.crashes })
  },
  outage: async (minutes) => {
    const { isHashEqual, gaps, ...found } = (await inChild('./outage-process.js', [String(minutes)])) as OutageResult
    // what was thrown away takes no memory
    if (!isHashEqual || gaps > 0) throw new Error(`the outage lost audio: hash equal ${isHashEqual}, ${gaps} gaps`)
    return {
      outageMinutes: minutes,
      outageMemoryMb: found.outageMemoryMb,
      outageBuffersMb: found.outageBuffersMb,
      outageChunkUs: found.outageChunkUs,
      outageCaughtUpSec: found.caughtUpSec,
      outageNotCaughtUp: found.caughtUpSec === null ? 1 : 0,
    }
  },
  kills: async (count, seed) => {
    const { kills, takeoverMs, health, invalid, ...found } = await runKills({ count, seed, isGated: true })
    if (kills === 0) return { kills, ...trust('kill', health, invalid) }
    return {
      kills,
      takeoverMs: quantiles([...takeoverMs]),
      lost: found.lost,
      doubled: found.doubled,
      misattributed: found.misattributed,
      unnamed: found.unnamed,
      unnamedBeyond: Math.max(0, found.unnamed - UNNAMED_A_KILL * kills),
      inGaps: found.inGaps,
      returned: found.returned,
      ...trust('kill', health, invalid),
    }
  },
  drains: async (count, seed) => {
    const report = await runDrains({ count, seed, meetings: DRAINED_MEETINGS, isGated: true })
    const { drains, drainGapMs, otherGapMs, exitCodes, ended, unaccounted, health, invalid } = report
    if (drains === 0) return { drains, ...trust('drain', health, invalid) }
    return {
      drains,
      drainedMeetings: DRAINED_MEETINGS,
      drainGapMs: quantiles([...drainGapMs]),
      drainOtherGapMs: Math.max(0, ...otherGapMs),
      drainLost: report.lost,
      drainDoubled: report.doubled,
      drainMisattributed: report.misattributed,
      drainUnnamed: report.unnamed,
      drainInGaps: report.inGaps,
      drainReturned: report.returned,
      drainUnaccounted: unaccounted,
      drainEnded: ended,
      drainExitsNot0: exitCodes.filter((code) => code !== 0).length,
      ...trust('drain', health, invalid),
    }
  },
}

/**
 * Cuts of the speech connection, simulated meetings, hostile input, a long outage, killed and drained bots: real processes on a real
 * server for the last two. @param only one part, null for all @param count how often, null for the size asked for
 */
export async function run(size: Pick<Size, 'scale' | 'part' | 'count'>): Promise<object> {
  let report: object = {}
  for (const part of RESILIENCE_PARTS) {
    if (size.part !== null && size.part !== part) continue
    const count = size.count ?? PARTS[part][size.scale]
    const { seed } = PARTS[part]
    process.stderr.write(`  ${part} x ${count}, seed ${seed} ...\n`)
    report = { ...report, ...(await RUN[part](count, seed)) }
  }
  gate(report, RIGHT)
  return report
}
