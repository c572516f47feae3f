import { crowdReport, type CrowdReport } from '../support/crowd-report.js'
import { conversation, crowdScript, onsetScript } from '../support/crowd-script.js'
import { CrowdStage, type CrowdFacts } from '../support/crowd-stage.js'
import type { Script } from '../../src/standins/actors/script.js'
import type { Scaled, Size } from './size.js'

/** Channels that everybody shares: what the product does by default. */
const CHANNELS = 4
const SEED = 1
const SIZES: Scaled<readonly number[]> = { brief: [16], usual: [8, 16, 30], full: [8, 16, 30, 45, 60] }
const SECONDS: Scaled<number> = { brief: 30, usual: 45, full: 90 }
const ONSETS: Scaled<number> = { brief: 60, usual: 120, full: 520 }
const ONSETS_PER_SEC = 2.6
const ONSET_PEOPLE = 30

interface Run {
  readonly facts: CrowdFacts
  readonly report: CrowdReport
  /** runs that were thrown away because the speakers or the bot were starved */
  readonly repeats: number
  readonly holds: boolean
}

/** Plays a script; a run whose own health says that it shows nothing is repeated once, never passed. */
async function played(stage: CrowdStage, script: Script): Promise<Run> {
  for (let repeats = 0; ; repeats++) {
    const facts = await stage.play(script, CHANNELS)
    const report = crowdReport(facts)
    if (report.health === 'invalid' && repeats === 0) continue
    const holds = report.health !== 'invalid' && report.faults.length === 0
    if (!holds) process.stderr.write(`${script.cast.length} people, ${report.health}:\n${report.faults.join('\n')}\n`)
    return { facts, report, repeats, holds }
  }
}

/**
 * People who speak marks by the turn-taking of real meetings, through a real server into `roomscribe join`, on four channels.
 * @param size.people how many; null looks upward for the largest size that holds, and the result is that one's
 */
export async function run(size: Pick<Size, 'scale' | 'people'>): Promise<object> {
  const seconds = SECONDS[size.people === null ? size.scale : 'full']
  const sizes = size.people === null ? SIZES[size.scale] : [size.people]
  await using stage = await CrowdStage.start('marks')
  let best: Run | null = null
  let failedAt = 0
  for (const people of sizes) {
    process.stderr.write(`  ${people} people ...\n`)
    const one = await played(stage, crowdScript({ people, seconds, talk: conversation(seconds, SEED), seed: SEED }))
    if (!one.holds) failedAt = people
    if (one.holds || best === null) best = one
    if (!one.holds) break
  }
  if (best === null) throw new Error('no size was tried')
  return {
    ...fieldsOf(best, seconds),
    ...(size.people === null ? { largestThatHolds: best.holds ? best.facts.script.cast.length : 0, failedAt } : {}),
  }
}

/** First words: hundreds of onsets after silence on shared channels; the first symbol of each has to come back whole. */
export async function runFirstWords(size: Pick<Size, 'scale' | 'people'>): Promise<object> {
  const people = size.people ?? ONSET_PEOPLE
  const onsets = ONSETS[size.scale]
  await using stage = await CrowdStage.start('marks')
  const script = onsetScript({ people, onsets, perSecond: ONSETS_PER_SEC, seed: SEED })
  return fieldsOf(await played(stage, script), Math.round((script.lengthMs ?? 0) / 1000))
}

function fieldsOf({ facts, report, repeats, holds }: Run, seconds: number): object {
  const { verdict, worstMs } = report
  const at = (share: number) =>
    Math.round(
      verdict.positionErrorMs[Math.min(verdict.positionErrorMs.length - 1, Math.floor(share * verdict.positionErrorMs.length))] ??
        Number.NaN,
    )
  return {
    people: facts.script.cast.length,
    channels: report.channels,
    seconds,
    symbols: verdict.expected,
    wrong: verdict.wrong.length,
    doubled: verdict.doubled.length,
    lost: verdict.missing.length,
    positionErrorMs: { p50: at(0.5), p99: at(0.99), max: at(1) },
    rolls: report.rolls,
    foreign: verdict.foreign.length,
    cut: verdict.cut.length,
    onsets: verdict.onsets.count,
    firstSymbolComplete: verdict.onsets.complete,
    complete: facts.transcript.complete,
    billedRatio: rounded(report.billedRatio),
    billedToSpeech: rounded(report.billedToSpeech),
    holds,
    valid: report.health !== 'invalid',
    timingValid: report.health === 'valid',
    repeats,
    skippedSymbols: facts.actors.skippedMarks,
    worstSenderLateMs: Math.round(worstMs.sender),
    worstLoopDelayMs: { actors: Math.round(worstMs.senderLoop), bot: Math.round(worstMs.botLoop) },
    botCorePercent: Math.round(facts.bot.corePercent),
  }
}

const rounded = (value: number): number => Math.round(value * 1000) / 1000
