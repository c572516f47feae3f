import { CrowdStage, type Channels } from '../support/crowd-stage.js'
import { speechLines, speechReport, wordErrorRate, type SpeechReport } from '../support/speech-report.js'
import { partOf, speechScript } from '../support/speech-script.js'
import type { Script } from '../../src/standins/actors/script.js'
import type { Scaled, Size } from './size.js'

const PEOPLE = 12
const CHANNELS = 4
/** a session has at most 8 channels, so twelve people with one each are two meetings of six */
const CHANNEL_EACH = 8
const SEED = 1
const ROUNDS: Scaled<number> = { brief: 1, usual: 2, full: 3 }

interface Run {
  readonly reports: readonly SpeechReport[]
  readonly repeats: number
  readonly billedSec: number
}

/** Plays scripts side by side; when one of them says that it shows nothing all are repeated, once. */
async function played(stage: CrowdStage, scripts: readonly Script[], channels: Channels): Promise<Run> {
  for (let repeats = 0; ; repeats++) {
    const facts = await Promise.all(scripts.map((script) => stage.play(script, channels, 16_000)))
    const reports = facts.map(speechReport)
    if (reports.some((report) => report.health === 'invalid') && repeats === 0) continue
    const sessions = facts.flatMap((one) => one.sessions)
    return { reports, repeats, billedSec: sessions.reduce((sum, one) => sum + (one.sentFrames * one.channels) / one.sampleRate, 0) }
  }
}

/** Real speech, real recognition: twelve people on four channels, and the same with a channel each. */
export async function run(size: Pick<Size, 'scale' | 'people'>): Promise<object> {
  const people = size.people ?? PEOPLE
  const script = speechScript({ people, rounds: ROUNDS[size.scale], seed: SEED })
  await using stage = await CrowdStage.start('moonshine')
  const shared = await played(stage, [script], CHANNELS)
  const halves = [0, 1].map((half) => partOf(script, (who) => who % 2 === half))
  const alone = await played(stage, halves, CHANNEL_EACH)
  const [one] = shared.reports
  if (!one) throw new Error('nothing was played')
  if (one.score.wrongName + one.score.unknownName > 0) process.stderr.write(`${speechLines(one).join('\n')}\n`)
  const all = [...shared.reports, ...alone.reports]
  return {
    people,
    channels: CHANNELS,
    utterances: one.score.scriptedUtterances,
    segments: one.score.segments,
    wrongName: one.score.wrongName,
    unknownName: one.score.unknownName,
    wordErrorRate: rounded(wordErrorRate(shared.reports)),
    wordErrorRateChannelEach: rounded(wordErrorRate(alone.reports)),
    wrongNameChannelEach: alone.reports.reduce((sum, { score }) => sum + score.wrongName, 0),
    billedSec: Math.round(shared.billedSec),
    billedSecChannelEach: Math.round(alone.billedSec),
    valid: all.every(({ health }) => health !== 'invalid'),
    repeats: shared.repeats + alone.repeats,
  }
}

const rounded = (value: number): number => Math.round(value * 1000) / 1000
