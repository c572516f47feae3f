import { loadVoice } from '../../src/live/audio/voice/load.js'
import { LEASE_RULES, leastWaitMs, oracleWaits } from '../support/lease-oracle.js'
import { cpuOfReplay, replay, type ReplayOptions } from '../support/replay.js'
import { judge, type Verdict } from '../support/replay-verdict.js'
import { atOnce, crowd, excerpt, loadMeetings, spread, synthetic, type Meeting } from '../support/turns.js'
import { quantiles } from './quantiles.js'
import type { Size } from './size.js'

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
  /** of an ideal allocator that knows everything in advance and serves in order; and what no allocator at all can do better than */
  readonly oracleWaitMs: { readonly p50: number; readonly p99: number; readonly max: number }
  readonly leastWaitMs: { readonly p99: number; readonly max: number }
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
  /** between two owners of a channel, at least; null where there never were two */
  readonly guardZerosMs: number | null
  readonly guardSilenceMs: number | null
  readonly changesPerHour: number
  readonly sessions: number
  readonly rollsPerHour: number
  /** allocator and detector: what one more person costs; and the whole plane, by person; by detector and size, measured once */
  readonly cpuMsPerPersonSec: number
  readonly planeCpuMsPerPersonSec: number
}

type Cpu = Pick<Row, 'cpuMsPerPersonSec' | 'planeCpuMsPerPersonSec'>

interface Kind {
  readonly corpus: string
  readonly meetings: readonly Meeting[]
  readonly detector?: 'staged'
  /** speech beyond what the channels carry tells nothing of the plan */
  readonly modes?: readonly ('fixed' | 'auto')[]
}

const CORPORA = ['ami', 'alimeeting', 'aishell4', 'notsofar', 'earnings21']
const SIZES = [8, 16, 30]
const LARGEST = 30
const MODES = ['fixed', 'auto'] as const
const CHANNELS = 4
const SEED = 1
/** samples that stand for a block where nothing listens to them: ten times as fast, and the rules count blocks */
const SHORT_BLOCK = 40
/** meetings begin with people who come in */
const FROM_MS = 120_000
const CPU_MS = 120_000
const CPU_ROUNDS = 3
const STAGED_MS = 300_000
const FULL_ROUNDS = 3
const SOLO_TURN_MS = 3000

/**
 * Simulated audio of real and synthetic turn-taking through the real audio plane, everything checked block by block. People join at the
 * start and stay; voices are marks, without pauses inside of a turn; microphones carry noise of RMS 25; frames of 50 ms, each person's at
 * a phase of its own.
 * @returns `rows`
 */
export async function run({ scale }: Pick<Size, 'scale'>): Promise<{ rows: Row[] }> {
  const staged = await loadVoice()
  const rows: Row[] = []
  const cpus = new Map<string, Cpu>()
  for (const kind of kinds(scale === 'full')) {
    for (const mode of kind.modes ?? MODES) {
      process.stderr.write(`  ${kind.corpus} ${mode}\n`)
      const options: ReplayOptions = {
        seed: SEED,
        channels: { max: CHANNELS, mode },
        ...(kind.detector && { plane: { detector: staged } }),
      }
      // the size next to that of the meetings: it is the size and the detector that cost
      const people = Math.max(...kind.meetings.map((meeting) => meeting.people.length))
      const size = SIZES.find((one) => one >= people) ?? LARGEST
      const key = `${size} ${kind.detector ?? ''}`
      const cpu = cpus.get(key) ?? cpuOf(kind.meetings[0] as Meeting, size, options)
      cpus.set(key, cpu)
      rows.push(row(kind, mode, options, cpu))
    }
  }
  return { rows }
}

function kinds(isFull: boolean): Kind[] {
  const all = loadMeetings()
  const lengthMs = isFull ? 1_200_000 : 300_000
  const cut = (meeting: Meeting) => {
    const fromMs = Math.min(FROM_MS, meeting.endMs - lengthMs)
    return fromMs <= 0 ? meeting : excerpt(meeting, fromMs, fromMs + lengthMs)
  }
  const made = Array.from({ length: 12 }, (_, seed) => synthetic(4, seed + 1))
  const sources = [
    ...CORPORA.map((name) => ({ name, meetings: all.filter(({ corpus }) => corpus === name) })),
    { name: 'synthetic', meetings: made },
  ]
  return sources
    .filter(({ meetings }) => meetings.length > 0)
    .flatMap(({ name, meetings }, first): Kind[] => {
      const nth = (at: number) => meetings[(5 * at + 3) % meetings.length] as Meeting
      const two = (round: number) => {
        const pair = [nth(round), nth(round + 1)]
        return crowd(
          pair,
          sumOf(pair, ({ people }) => people.length),
          SEED,
        )
      }
      const crowds = (what: string, make: (people: number, round: number) => Meeting, more: Partial<Kind> = {}): Kind[] =>
        SIZES.map((people) => ({
          corpus: `${name}, ${what}`,
          meetings: Array.from({ length: isFull ? FULL_ROUNDS : 1 }, (_, round) => cut(make(people, round))),
          ...more,
        }))
      const one = (people: number, round: number) => spread(nth(round), people)
      return [
        { corpus: name, meetings: isFull ? meetings : meetings.slice(0, 1).map(cut) },
        ...crowds('one talk', one),
        ...(isFull || first === 0 ? crowds('two talks', (people, round) => spread(two(round), people)) : []),
        ...(isFull ? crowds('meetings merged', (people, round) => crowd(meetings, people, SEED + round), { modes: ['fixed'] }) : []),
        ...(first === 0
          ? crowds('one talk', (people, round) => excerpt(one(people, round), FROM_MS, FROM_MS + STAGED_MS), { detector: 'staged' })
          : []),
      ]
    })
}

function row({ corpus, meetings, detector }: Kind, mode: 'fixed' | 'auto', options: ReplayOptions, cpu: Cpu): Row {
  const fast: ReplayOptions = detector ? options : { ...options, blockSamples: SHORT_BLOCK }
  const freeMs = new Map<number, number>()
  const free = (people: number) => {
    const known = freeMs.get(people) ?? judge(replay(soloists(people), fast)).longestOnsetMs
    freeMs.set(people, known)
    return known
  }
  const verdicts = meetings.map((meeting) => judge(replay(meeting, fast), free(meeting.people.length)))
  const sum = (of: (verdict: Verdict) => number) => sumOf(verdicts, of)
  const least = (of: (verdict: Verdict) => number) => {
    const value = Math.min(...verdicts.map(of))
    return value === Number.POSITIVE_INFINITY ? null : value
  }
  const waitsMs = verdicts.flatMap(({ waitsMs: own }) => own)
  const turns = meetings.map((meeting) => meeting.turns)
  const rules = { ...LEASE_RULES, channels: CHANNELS }
  const idealMs = turns.flatMap((own) => oracleWaits(own, rules))
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
    overfullShare: round(sumOf(meetings, (meeting) => overfull(meeting) * meeting.endMs) / lengthMs, 4),
    billedRatio: round(sum(({ billedMs }) => billedMs) / sum((verdict) => verdict.people * verdict.lengthMs), 3),
    billedToSpeech: round(sum(({ billedMs }) => billedMs) / sum(({ speechMs }) => speechMs), 2),
    onsets: waitsMs.length,
    waitMs: { ...quantiles(waitsMs), max: Math.max(0, ...waitsMs) },
    oracleWaitMs: { ...quantiles(idealMs), max: Math.max(0, ...idealMs) },
    leastWaitMs: { p99: leastWaitMs(turns, 0.99, rules), max: leastWaitMs(turns, 1, rules) },
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
    ...cpu,
  }
}

/**
 * CPU of the plane at 16 kHz with its output thrown away, less what making the audio costs: one talk of so many people, and the same talk
 * of four, who need no allocator; what those in between cost is what each of them costs.
 */
function cpuOf(talk: Meeting, people: number, options: ReplayOptions): Cpu {
  const part = excerpt(talk, 0, Math.min(talk.endMs, CPU_MS))
  const seconds = part.endMs / 1000
  const msOf = (size: number) => {
    const sized = spread(part, size)
    const rounds = Array.from({ length: CPU_ROUNDS }, () => cpuOfReplay(sized, options, true) - cpuOfReplay(sized, options, false))
    return Math.min(...rounds)
  }
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

const sumOf = <Item>(items: readonly Item[], of: (item: Item) => number): number => items.reduce((all, item) => all + of(item), 0)

const round = (value: number, digits = 0): number => Math.round(value * 10 ** digits) / 10 ** digits
