import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { seeded } from './marks-audio.js'
import { sharedData } from './shared-data.js'

/** One stretch in which one person speaks, ms from the meeting's start, half-open. */
export interface Turn {
  readonly speaker: string
  readonly fromMs: number
  readonly toMs: number
}

/** Who spoke when in one meeting. */
export interface Meeting {
  readonly corpus: string
  readonly id: string
  /** everybody who is there, the silent included */
  readonly people: readonly string[]
  /** by start, then by speaker; those of one speaker never overlap or touch */
  readonly turns: readonly Turn[]
  readonly endMs: number
}

/** Folders of shared/data/turns that hold RTTM files. */
const CORPORA = ['ami', 'alimeeting', 'aishell4', 'notsofar', 'earnings21'] as const

/** What the lines SPEAKER of an RTTM file say; others are passed over. @throws {Error} a SPEAKER line without times or speaker */
export function parseRttm(text: string): Turn[] {
  return text.split('\n').flatMap((line): Turn[] => {
    const [kind, , , start, duration, , , speaker] = line.trim().split(/\s+/)
    if (kind !== 'SPEAKER') return []
    const fromMs = Math.round(Number(start) * 1000)
    const lengthMs = Math.round(Number(duration) * 1000)
    if (!Number.isFinite(fromMs + lengthMs) || speaker === undefined) throw new Error(`not a line of RTTM: ${line}`)
    return lengthMs <= 0 ? [] : [{ speaker, fromMs, toMs: fromMs + lengthMs }]
  })
}

/** A meeting of these turns: ordered, those of one speaker that overlap or touch merged. @param people those who are there although they may say nothing */
export function meetingOf(corpus: string, id: string, turns: readonly Turn[], people: readonly string[] = [], endMs = 0): Meeting {
  const last = new Map<string, { speaker: string; fromMs: number; toMs: number }>()
  const merged: { speaker: string; fromMs: number; toMs: number }[] = []
  for (const turn of turns.toSorted(byTime)) {
    const before = last.get(turn.speaker)
    if (before && turn.fromMs <= before.toMs) before.toMs = Math.max(before.toMs, turn.toMs)
    else {
      const own = { ...turn }
      last.set(turn.speaker, own)
      merged.push(own)
    }
  }
  const everybody = [...new Set([...people, ...[...last.keys()].toSorted()])]
  return { corpus, id, people: everybody, turns: merged, endMs: merged.reduce((latest, { toMs }) => Math.max(latest, toMs), endMs) }
}

/** Where the turn-taking of real meetings lies on this machine; null where it is absent. */
export function turnsFolder(): string | null {
  const found = sharedData(join('turns', 'index.tsv'))
  return found === null ? null : join(found, 'turns')
}

/** Every RTTM meeting on this machine, by corpus and id; none where the data are absent: then use `synthetic`. */
export function loadMeetings(): Meeting[] {
  const folder = turnsFolder()
  if (folder === null) return []
  return CORPORA.flatMap((corpus) =>
    readdirSync(join(folder, corpus))
      .filter((name) => name.endsWith('.rttm'))
      .toSorted()
      .map((name) => meetingOf(corpus, name.slice(0, -5), parseRttm(readFileSync(join(folder, corpus, name), 'utf8')))),
  )
}

/** Turns of a stretch of the meeting, from then on counted from zero; those at its edges are cut. Everybody stays. */
export function excerpt(meeting: Meeting, fromMs: number, toMs: number): Meeting {
  const turns = meeting.turns
    .filter((turn) => turn.toMs > fromMs && turn.fromMs < toMs)
    .map((turn) => ({ ...turn, fromMs: Math.max(turn.fromMs, fromMs) - fromMs, toMs: Math.min(turn.toMs, toMs) - fromMs }))
  return meetingOf(meeting.corpus, meeting.id, turns, meeting.people, toMs - fromMs)
}

/**
 * So many people in several conversations at once: whole meetings laid over each other until there are enough people. Each keeps its
 * own speakers (`0.NAME`, `1.NAME`, ...). The longer ones give a stretch as long as the shortest, from a place that the seed says.
 * Rule for the number: meetings in an order of the seed, each that still fits; when none fits, the smallest that is left comes in whole
 * and its surplus speakers share the names of its first ones (their talk stays, so the crowd is as loud as its meetings).
 * @throws {RangeError} too few people in all meetings
 */
export function crowd(meetings: readonly Meeting[], people: number, seed: number): Meeting {
  const random = seeded(seed)
  const left = shuffled(meetings, random)
  const chosen: { meeting: Meeting; room: number }[] = []
  for (let missing = people; missing > 0;) {
    const fits = left.findIndex((meeting) => meeting.people.length <= missing)
    const sizes = left.map((meeting) => meeting.people.length)
    const at = fits === -1 ? sizes.indexOf(Math.min(...sizes)) : fits
    const [meeting] = left.splice(at, 1)
    if (!meeting) throw new RangeError(`${people} people are more than there are in ${meetings.length} meetings`)
    const room = Math.min(missing, meeting.people.length)
    chosen.push({ meeting, room })
    missing -= room
  }
  const endMs = Math.min(...chosen.map(({ meeting }) => meeting.endMs))
  const parts = chosen.map(({ meeting, room }, index) => {
    const fromMs = Math.floor(random() * (meeting.endMs - endMs))
    return renamed(excerpt(meeting, fromMs, fromMs + endMs), (_, number) => `${index}.${meeting.people[number % room] ?? ''}`)
  })
  const everybody = [...new Set(parts.flatMap((part) => part.people))]
  return meetingOf(
    chosen[0]?.meeting.corpus ?? '',
    `crowd${people}-${seed}`,
    parts.flatMap(({ turns }) => turns),
    everybody,
    endMs,
  )
}

/**
 * So many people in one conversation: every speaker of the meeting becomes a pool of people (pools differ by one at most) who take the
 * speaker's turns in rotation. With fewer people than speakers, speakers share a person.
 */
export function spread(meeting: Meeting, people: number): Meeting {
  const speakers = meeting.people.length
  const taken = meeting.people.map(() => 0)
  const names = Array.from({ length: people }, (_, at) => `${meeting.people[at % speakers] ?? ''}.${Math.floor(at / speakers)}`)
  const number = new Map(meeting.people.map((speaker, at) => [speaker, at]))
  const turns = meeting.turns.map((turn) => {
    const at = number.get(turn.speaker) ?? 0
    const pool = names.filter((_, index) => index % speakers === at % people)
    const next = taken[at] ?? 0
    taken[at] = next + 1
    return { ...turn, speaker: pool[next % pool.length] ?? '' }
  })
  return meetingOf(meeting.corpus, `${meeting.id}-spread${people}`, turns, names, meeting.endMs)
}

/** Deciles, and the 99th of a hundred at the end, measured on the 46 AMI meetings of shared/data/turns; seconds. */
const AMI = {
  /** a turn that begins while somebody speaks */
  insideSec: [0.03, 0.26, 0.34, 0.44, 0.64, 1.1, 1.76, 2.81, 4.77, 8.81, 30.16],
  /** a turn that begins in silence */
  afterSec: [0.03, 0.36, 0.67, 1.18, 1.82, 2.72, 3.92, 5.59, 8.29, 14.12, 38.65],
  /** silence of everybody before it */
  pauseSec: [0, 0.17, 0.32, 0.48, 0.7, 0.97, 1.25, 1.57, 2.07, 3.26, 10.93],
  insideShare: 0.62,
  /** of turns that begin in silence, those of whom spoke last */
  sameShare: 0.27,
} as const

/** How much less the k-th person speaks than the first: (k + 1) to this power; four people share 41, 25, 19, 15 %, in AMI 39, 27, 20, 14 %. */
const ACTIVITY = -0.7

/** One conversation of so many people, after the measures of AMI, for machines without the data. */
export function synthetic(people: number, seed: number, endMs = 1_800_000): Meeting {
  const random = seeded(seed)
  const names = Array.from({ length: people }, (_, at) => `p${at}`)
  const busyMs = names.map(() => 0)
  const turns: Turn[] = []
  let onsetMs = 0
  let floorMs = 0
  let floor = 0
  while (floorMs < endMs) {
    const isInside = random() < AMI.insideShare
    onsetMs = isInside ? onsetMs + random() * (floorMs - onsetMs) : floorMs + drawMs(AMI.pauseSec, random)
    const own = !isInside && random() < AMI.sameShare
    const at = own ? floor : speakerFree(busyMs, onsetMs, random)
    if (at === -1) continue
    const toMs = Math.min(endMs, onsetMs + drawMs(isInside ? AMI.insideSec : AMI.afterSec, random))
    if (onsetMs < endMs) turns.push({ speaker: names[at] ?? '', fromMs: Math.round(onsetMs), toMs: Math.round(toMs) })
    busyMs[at] = toMs
    if (toMs > floorMs) floor = at
    floorMs = Math.max(floorMs, toMs, onsetMs)
  }
  return meetingOf('synthetic', `synthetic${people}-${seed}`, turns, names, endMs)
}

/** Share of the time in which so many speak at once: [nobody, one, two, ...]. */
export function atOnce(meeting: Meeting): number[] {
  const edges = meeting.turns
    .flatMap(({ fromMs, toMs }) => [
      { atMs: fromMs, by: 1 },
      { atMs: toMs, by: -1 },
    ])
    .toSorted((one, other) => one.atMs - other.atMs)
  const shares: number[] = []
  let speaking = 0
  let sinceMs = 0
  for (const { atMs, by } of [...edges, { atMs: meeting.endMs, by: 0 }]) {
    shares[speaking] = (shares[speaking] ?? 0) + (atMs - sinceMs) / meeting.endMs
    sinceMs = atMs
    speaking += by
  }
  return Array.from(shares, (share) => share ?? 0)
}

const byTime = (one: Turn, other: Turn): number => one.fromMs - other.fromMs || (one.speaker < other.speaker ? -1 : 1)

function renamed(meeting: Meeting, name: (speaker: string, number: number) => string): Meeting {
  const names = new Map(meeting.people.map((speaker, number) => [speaker, name(speaker, number)]))
  const turns = meeting.turns.map((turn) => ({ ...turn, speaker: names.get(turn.speaker) ?? turn.speaker }))
  return meetingOf(meeting.corpus, meeting.id, turns, [...new Set(names.values())], meeting.endMs)
}

function shuffled<Item>(items: readonly Item[], random: () => number): Item[] {
  return items
    .map((item) => ({ item, at: random() }))
    .toSorted((one, other) => one.at - other.at)
    .map(({ item }) => item)
}

/** Inverse of the distribution, linear between its points. */
function drawMs(points: readonly number[], random: () => number): number {
  const at = random() * (points.length - 1)
  const low = points[Math.floor(at)] ?? 0
  const high = points[Math.floor(at) + 1] ?? low
  return (low + (high - low) * (at % 1)) * 1000
}

/** Somebody who says nothing then, the talkative more often; -1 when all speak. */
function speakerFree(busyMs: readonly number[], nowMs: number, random: () => number): number {
  const weights = busyMs.map((untilMs, at) => (untilMs < nowMs ? (at + 1) ** ACTIVITY : 0))
  let left = random() * weights.reduce((sum, weight) => sum + weight, 0)
  for (const [at, weight] of weights.entries()) {
    left -= weight
    if (weight > 0 && left <= 0) return at
  }
  return -1
}
