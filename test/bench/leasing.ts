import { loadVoice } from '../../src/live/audio/voice/load.js'
import { cpuOfReplay, replay, type ReplayOptions } from '../support/replay.js'
import { judge, type Verdict } from '../support/replay-verdict.js'
import { atOnce, crowd, excerpt, loadMeetings, spread, synthetic, type Meeting } from '../support/turns.js'
import { quantiles } from './quantiles.js'

/** One table row: meetings of one kind and size, under one plan of channels. */
interface Row {
  /** where the turn-taking comes from, and what was made of it */
  readonly corpus: string
  readonly mode: 'fixed' | 'auto'
  readonly detector: 'energy' | 'staged'
  /** mean of the meetings */
  readonly people: number
  /** at most */
  readonly channels: number
  readonly hours: number
  /** voices at once, mean; and share of the time in which more speak than there are channels */
  readonly speechAtOnce: number
  readonly overfullShare: number
  /** of a channel each; and channel seconds a second of speech */
  readonly billedRatio: number
  readonly billedToSpeech: number
  readonly onsets: number
  readonly waitMs: { readonly p50: number; readonly p99: number; readonly max: number }
  /** the plane's own account of the longest wait */
  readonly planeWaitMaxMs: number
  readonly latencyMs: { readonly p50: number; readonly p99: number }
  readonly leadMs: { readonly p1: number; readonly min: number }
  readonly onsetCutMs: number
  readonly onsetsLost: number
  readonly lostMs: number
  /** of that, what no gap tells of */
  readonly unstatedMs: number
  readonly doubledBlocks: number
  readonly disorderedBlocks: number
  readonly wrongBlocks: number
  readonly damagedBlocks: number
  readonly positionErrorMs: number
  readonly guardZerosMs: number
  readonly guardSilenceMs: number
  readonly changesPerHour: number
  readonly sessions: number
  readonly rollsPerHour: number
  /** allocator and detector: what one more person costs; and the whole plane, by person */
  readonly cpuMsPerPersonSec: number
  readonly planeCpuMsPerPersonSec: number
}

interface Kind {
  readonly corpus: string
  readonly meetings: readonly Meeting[]
  readonly detector?: 'staged'
}

const CORPORA = ['ami', 'alimeeting', 'aishell4', 'notsofar', 'earnings21']
const SIZES = [8, 16, 30]
const MODES = ['fixed', 'auto'] as const
const CHANNELS = 4
const SEED = 1
/** samples that stand for a block where nothing listens to them: ten times as fast, and the rules count blocks */
const SHORT_BLOCK = 40
const CPU_MS = 120_000
const CPU_ROUNDS = 3
const SOLO_TURN_MS = 3000

/**
 * Simulated audio of real and synthetic turn-taking through the real audio plane, everything checked block by block. People join at the
 * start and stay; voices are marks, without pauses inside of a turn; microphones carry noise of RMS 25; frames of 50 ms, each person's at
 * a phase of its own.
 * @returns `rows` (api.md)
 */
export async function run({ isFull }: { readonly isFull: boolean }): Promise<{ rows: Row[] }> {
  const staged = await loadVoice()
  const rows: Row[] = []
  for (const kind of kinds(isFull)) {
    for (const mode of MODES) {
      process.stderr.write(`  ${kind.corpus} ${mode}\n`)
      const options: ReplayOptions = {
        seed: SEED,
        channels: { max: CHANNELS, mode },
        ...(kind.detector && { plane: { detector: staged } }),
      }
      rows.push(row(kind, mode, options))
    }
  }
  return { rows }
}

function kinds(isFull: boolean): Kind[] {
  const all = loadMeetings()
  const lengthMs = isFull ? Number.POSITIVE_INFINITY : 480_000
  const cut = (meeting: Meeting, atMs = 120_000) =>
    meeting.endMs <= lengthMs
      ? meeting
      : excerpt(meeting, Math.min(atMs, meeting.endMs - lengthMs), Math.min(atMs, meeting.endMs - lengthMs) + lengthMs)
  const made = Array.from({ length: 12 }, (_, seed) => synthetic(4, seed + 1, isFull ? 3_600_000 : 600_000))
  const corpora = [
    ...CORPORA.map((name) => ({ name, meetings: all.filter(({ corpus }) => corpus === name) })),
    { name: 'synthetic', meetings: made },
  ]
  return corpora.flatMap(({ name, meetings }): Kind[] => {
    if (meetings.length === 0) return []
    const rounds = isFull ? 3 : 1
    const each = (make: (round: number) => Meeting) => Array.from({ length: rounds }, (_, round) => cut(make(round)))
    const one = (round: number) => meetings[(5 * round + 3) % meetings.length] as Meeting
    const two = (round: number) => crowd(meetings, pairOf(meetings), SEED + round)
    return [
      { corpus: name, meetings: meetings.slice(0, isFull ? meetings.length : 2).map((meeting) => cut(meeting)) },
      ...SIZES.map((people) => ({ corpus: `${name}, one talk`, meetings: each((round) => spread(one(round), people)) })),
      ...(isFull || name === 'ami' || name === 'synthetic'
        ? SIZES.map((people) => ({ corpus: `${name}, two talks`, meetings: each((round) => spread(two(round), people)) }))
        : []),
      ...(isFull
        ? SIZES.map((people) => ({
            corpus: `${name}, whole meetings merged`,
            meetings: each((round) => crowd(meetings, people, SEED + round)),
          }))
        : []),
      ...(name === 'ami' || (all.length === 0 && name === 'synthetic')
        ? SIZES.map((people) => ({
            corpus: `${name}, one talk`,
            meetings: [excerpt(spread(one(0), people), 120_000, 420_000)],
            detector: 'staged' as const,
          }))
        : []),
    ]
  })
}

/** People of two meetings of the usual size. */
const pairOf = (meetings: readonly Meeting[]): number => 2 * quantiles(meetings.map(({ people }) => people.length)).p50

function row({ corpus, meetings, detector }: Kind, mode: 'fixed' | 'auto', options: ReplayOptions): Row {
  const fast: ReplayOptions = detector ? options : { ...options, blockSamples: SHORT_BLOCK }
  const freeMs = new Map<number, number>()
  const free = (people: number) => {
    const known = freeMs.get(people) ?? judge(replay(soloists(people), fast)).longestOnsetMs
    freeMs.set(people, known)
    return known
  }
  const verdicts = meetings.map((meeting) => judge(replay(meeting, fast), free(meeting.people.length)))
  const sum = (of: (verdict: Verdict) => number) => verdicts.reduce((all, verdict) => all + of(verdict), 0)
  const least = (of: (verdict: Verdict) => number) => Math.min(...verdicts.map(of))
  const waitsMs = verdicts.flatMap(({ waitsMs: own }) => own)
  const leadsMs = verdicts.flatMap(({ leadsMs: own }) => own).toSorted((a, b) => a - b)
  const lengthMs = sum((verdict) => verdict.lengthMs)
  const hours = lengthMs / 3_600_000
  return {
    corpus,
    mode,
    detector: detector ?? 'energy',
    people: round(sum(({ people }) => people) / verdicts.length, 1),
    channels: CHANNELS,
    hours: round(hours, 2),
    speechAtOnce: round(sum(({ speechMs }) => speechMs) / lengthMs, 2),
    overfullShare: round(meetings.reduce((all, meeting) => all + overfull(meeting) * meeting.endMs, 0) / lengthMs, 4),
    billedRatio: round(sum(({ billedMs }) => billedMs) / sum((verdict) => verdict.people * verdict.lengthMs), 3),
    billedToSpeech: round(sum(({ billedMs }) => billedMs) / sum(({ speechMs }) => speechMs), 2),
    onsets: waitsMs.length,
    waitMs: { ...quantiles(waitsMs), max: Math.max(0, ...waitsMs) },
    planeWaitMaxMs: Math.max(...verdicts.map(({ planeWaits }) => planeWaits.maxMs)),
    latencyMs: quantiles(verdicts.flatMap(({ latencyMs }) => latencyMs)),
    leadMs: { p1: leadsMs[Math.floor(leadsMs.length / 100)] ?? Number.NaN, min: leadsMs[0] ?? Number.NaN },
    onsetCutMs: round(sum(({ onsetCutMs }) => onsetCutMs)),
    onsetsLost: sum(({ onsetsLost }) => onsetsLost),
    lostMs: round(sum(({ lostMs }) => lostMs)),
    unstatedMs: round(sum(({ unstatedMs }) => unstatedMs)),
    doubledBlocks: sum(({ doubledBlocks }) => doubledBlocks),
    disorderedBlocks: sum(({ disorderedBlocks }) => disorderedBlocks),
    wrongBlocks: sum(({ wrongBlocks }) => wrongBlocks),
    damagedBlocks: sum(({ damagedBlocks }) => damagedBlocks),
    positionErrorMs: Math.max(...verdicts.map(({ positionErrorMs }) => positionErrorMs)),
    guardZerosMs: least(({ guardZerosMs }) => guardZerosMs),
    guardSilenceMs: least(({ guardSilenceMs }) => guardSilenceMs),
    changesPerHour: round(sum(({ changes }) => changes) / hours),
    sessions: sum(({ sessions }) => sessions),
    rollsPerHour: round(sum(({ rolls }) => rolls) / hours, 1),
    ...cpuOf(meetings[0] as Meeting, options),
  }
}

/**
 * CPU of the plane at 16 kHz with its output thrown away, less what making the audio costs; the talk spread over eight or more people, and
 * the same over four, who need no allocator: what the people in between cost is what each of them costs.
 */
function cpuOf(meeting: Meeting, options: ReplayOptions): { cpuMsPerPersonSec: number; planeCpuMsPerPersonSec: number } {
  const part = excerpt(meeting, 0, Math.min(meeting.endMs, CPU_MS))
  const people = Math.max(8, part.people.length)
  const msOf = (size: number) => {
    const sized = size === part.people.length ? part : spread(part, size)
    const rounds = Array.from({ length: CPU_ROUNDS }, () => cpuOfReplay(sized, options, true) - cpuOfReplay(sized, options, false))
    return Math.min(...rounds)
  }
  const seconds = part.endMs / 1000
  const many = msOf(people)
  return {
    cpuMsPerPersonSec: round((many - msOf(CHANNELS)) / (people - CHANNELS) / seconds, 3),
    planeCpuMsPerPersonSec: round(many / people / seconds, 3),
  }
}

/** Everybody says something, one after the other: nobody ever waits for a channel. */
function soloists(people: number): Meeting {
  const names = Array.from({ length: people }, (_, at) => `p${at}`)
  const turns = [...names, ...names].map((speaker, at) => ({ speaker, fromMs: 1000 + at * SOLO_TURN_MS, toMs: 2500 + at * SOLO_TURN_MS }))
  return { corpus: 'solo', id: `solo${people}`, people: names, turns, endMs: (2 * people + 1) * SOLO_TURN_MS }
}

const overfull = (meeting: Meeting): number =>
  atOnce(meeting)
    .slice(CHANNELS + 1)
    .reduce((sum, share) => sum + share, 0)

const round = (value: number, digits = 0): number => Math.round(value * 10 ** digits) / 10 ** digits
