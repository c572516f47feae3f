import { createHash } from 'node:crypto'
import type { Gap } from '../../src/live/audio/span.js'
import { BLOCK_MS, blockOf, personOf } from './crowd-audio.js'
import type { RecordedSession, Recording, RecordingSink } from './replay.js'

/** speech after so much silence of its speaker is an onset: from there on a channel may have been taken over */
const ONSET_BLOCKS = 6
/** longest lead-in that is looked at: the pre-roll */
const LEAD_MS = 300
/** gaps are told in whole ms */
const GAP_TOLERANCE_MS = 1

/** What became of a replayed meeting. Times in ms. */
export interface Verdict {
  readonly people: number
  readonly lengthMs: number
  readonly speechMs: number
  /** channel time that a vendor would bill */
  readonly billedMs: number
  /** of every onset after silence of which anything was sent, in the order of people: how long it waited for a channel */
  readonly waitsMs: readonly number[]
  /** from the end of the block with an onset to when it was sent, at most: `freeMs` where nobody ever waits */
  readonly longestOnsetMs: number
  /** from the end of a voiced block to when it was sent, all of them */
  readonly latencyMs: readonly number[]
  /** onsets of which nothing was sent up to the next one */
  readonly onsetsLost: number
  /** speech at the beginnings of turns that was never sent */
  readonly onsetCutMs: number
  /** sent right before each onset, up to `LEAD_MS`: what a detector that is late, or a soft beginning, may need; in the order of people */
  readonly leadsMs: readonly number[]
  readonly lostMs: number
  /** of that, what no gap tells of */
  readonly unstatedMs: number
  readonly doubledBlocks: number
  readonly disorderedBlocks: number
  /** blocks in a span of somebody else, in none, in two, or spans where there is no block */
  readonly wrongBlocks: number
  /** blocks that are not what was made, or not where they may be */
  readonly damagedBlocks: number
  /** how far a span's time is off, at most */
  readonly positionErrorMs: number
  /** between two owners of a channel, at least: zeros, and from the last voice of one to the first of the other; infinite when there never were two */
  readonly guardZerosMs: number
  readonly guardSilenceMs: number
  /** how often a channel changed its owner */
  readonly changes: number
  readonly sessions: number
  readonly rolls: number
  /** the plane's own count of waits */
  readonly planeWaits: { readonly count: number; readonly totalMs: number; readonly maxMs: number }
  /** of all that was put out: the same for the same input */
  readonly hash: string
}

/** Where each block of each person went; NaN and -1 where it went nowhere. */
interface Fate {
  readonly sentMs: readonly Float64Array[]
  readonly session: readonly Int16Array[]
  doubled: number
}

/**
 * Compares what was put out with what was made, block by block; of the plane's own counters only the waits are read.
 * @param freeMs from the end of the block with an onset to when it is sent, for who has a channel at once: the delay line, and the beat
 *   of frames, ticks and blocks
 */
export function judge({ meeting, audio, sink, counters }: Recording, freeMs = 0): Verdict {
  const perMs = audio.blockSamples / BLOCK_MS
  const fate = fateOf(sink.sessions, audio.people, audio.blocks)
  const spans = checkSpans(sink, audio.blockSamples, meeting.people, (stamp) => audio.startMs(personOf(stamp), blockOf(stamp)))
  const onsets = audio.voiced.flatMap((voiced, person) => onsetsOf(voiced).map((block) => ({ person, block })))
  const arrivalMs = (person: number, block: number) => audio.startMs(person, block) + BLOCK_MS
  const started = onsets.map(({ person, block }) => ({ person, block, ...firstSent(audio.voiced[person]!, fate.sentMs[person]!, block) }))
  const heard = started.filter(({ sent }) => sent !== -1)
  const delaysMs = heard.map(({ person, block, sent }) => fate.sentMs[person]![sent]! - arrivalMs(person, block))
  const gaps = new Map<string, Gap[]>(meeting.people.map((name) => [name, sink.gaps.filter(({ identity }) => identity === name)]))
  const losses = lossesOf(audio.voiced, fate, (person, block) =>
    isInGap(gaps.get(meeting.people[person] ?? ''), audio.startMs(person, block)),
  )
  const guards = sink.sessions.map((session) => guardOf(session, audio.voiced))
  const latencyMs: number[] = []
  for (const [person, voiced] of audio.voiced.entries()) {
    for (const [block, samples] of voiced.entries()) {
      const sentMs = fate.sentMs[person]![block]!
      if (samples > 0 && !Number.isNaN(sentMs)) latencyMs.push(sentMs - arrivalMs(person, block))
    }
  }
  return {
    people: audio.people,
    lengthMs: meeting.endMs,
    speechMs: audio.voiced.reduce((sum, voiced) => voiced.reduce((own, samples) => own + samples, sum), 0) / perMs,
    billedMs: sink.sessions.reduce((sum, { blocks, channels }) => sum + blocks * channels * BLOCK_MS, 0),
    waitsMs: delaysMs.map((delayMs) => Math.max(0, delayMs - freeMs)),
    longestOnsetMs: Math.max(0, ...delaysMs),
    latencyMs,
    onsetsLost: started.length - heard.length,
    onsetCutMs: started.reduce((sum, { cutSamples }) => sum + cutSamples, 0) / perMs,
    leadsMs: heard
      .filter(({ block, sent }) => block === sent && block * BLOCK_MS >= LEAD_MS)
      .map(({ person, block }) => leadOf(fate.sentMs[person]!, block)),
    lostMs: losses.lost / perMs,
    unstatedMs: losses.unstated / perMs,
    doubledBlocks: fate.doubled,
    disorderedBlocks: fate.sentMs.reduce((sum, sentMs) => sum + disordered(sentMs), 0),
    wrongBlocks: spans.wrong,
    damagedBlocks: sink.damaged + sink.misplaced,
    positionErrorMs: spans.positionErrorMs,
    guardZerosMs: Math.min(...guards.map(({ zerosMs }) => zerosMs), Number.POSITIVE_INFINITY),
    guardSilenceMs: Math.min(...guards.map(({ silenceMs }) => silenceMs), Number.POSITIVE_INFINITY),
    changes: guards.reduce((sum, { changes }) => sum + changes, 0),
    sessions: sink.sessions.length,
    rolls: sink.sessions.filter(({ isRoll }) => isRoll).length,
    planeWaits: counters.reduce(
      (sum, { waits }) => ({
        count: sum.count + waits.count,
        totalMs: sum.totalMs + waits.totalMs,
        maxMs: Math.max(sum.maxMs, waits.maxMs),
      }),
      { count: 0, totalMs: 0, maxMs: 0 },
    ),
    hash: hashOf(sink.sessions, [...sink.spans.values()], sink.gaps),
  }
}

function fateOf(sessions: readonly RecordedSession[], people: number, blocks: number): Fate {
  const fate: Fate = {
    sentMs: Array.from({ length: people }, () => new Float64Array(blocks).fill(Number.NaN)),
    session: Array.from({ length: people }, () => new Int16Array(blocks).fill(-1)),
    doubled: 0,
  }
  for (const [index, session] of sessions.entries()) {
    for (let at = 0; at < session.blocks * session.channels; at++) {
      const stamp = session.stamps[at] as number
      if (stamp === 0) continue
      const person = personOf(stamp)
      const block = blockOf(stamp)
      if (!Number.isNaN(fate.sentMs[person]![block])) fate.doubled++
      fate.sentMs[person]![block] = session.sentMs[Math.floor(at / session.channels)] as number
      fate.session[person]![block] = index
    }
  }
  return fate
}

/** Holds every span against the stamps of the blocks that it speaks of. */
function checkSpans(
  { sessions, spans }: RecordingSink,
  blockSamples: number,
  names: readonly string[],
  startMs: (stamp: number) => number,
) {
  const covered = new Map(sessions.map((session) => [session.sessionId, new Uint8Array(session.blocks * session.channels)]))
  const byId = new Map(sessions.map((session) => [session.sessionId, session]))
  let wrong = 0
  let positionErrorMs = 0
  for (const span of spans.values()) {
    const session = byId.get(span.sessionId)
    const from = span.fromFrame / blockSamples
    const to = span.toFrame / blockSamples
    if (!session || !Number.isInteger(from) || !Number.isInteger(to)) {
      wrong++
      continue
    }
    for (let block = from; block < to; block++) {
      const stamp = session.stamp(block, span.channel)
      if (stamp === 0 || names[personOf(stamp)] !== span.identity) wrong++
      else positionErrorMs = Math.max(positionErrorMs, Math.abs(span.meetingMs + (block - from) * BLOCK_MS - startMs(stamp)))
      const marks = covered.get(span.sessionId)
      const at = block * session.channels + span.channel
      if (marks && at < marks.length) marks[at]!++
    }
  }
  for (const session of sessions) {
    const marks = covered.get(session.sessionId)
    for (let at = 0; at < session.blocks * session.channels; at++) if (session.stamps[at] !== 0 && marks?.[at] !== 1) wrong++
  }
  return { wrong, positionErrorMs }
}

/** Blocks with voice after `ONSET_BLOCKS` or more without. */
function onsetsOf(voiced: Uint16Array): number[] {
  const onsets: number[] = []
  let silent = ONSET_BLOCKS
  for (const [block, samples] of voiced.entries()) {
    if (samples > 0 && silent >= ONSET_BLOCKS) onsets.push(block)
    silent = samples > 0 ? 0 : silent + 1
  }
  return onsets
}

/** First block of the turn that was sent, -1 when none was, and the voice before it. */
function firstSent(voiced: Uint16Array, sentMs: Float64Array, onset: number): { sent: number; cutSamples: number } {
  let cutSamples = 0
  for (let block = onset, silent = 0; block < voiced.length && silent < ONSET_BLOCKS; block++) {
    const samples = voiced[block] ?? 0
    silent = samples > 0 ? 0 : silent + 1
    if (samples === 0) continue
    if (!Number.isNaN(sentMs[block])) return { sent: block, cutSamples }
    cutSamples += samples
  }
  return { sent: -1, cutSamples }
}

/** How much was sent, unbroken, of what lies before the block. */
function leadOf(sentMs: Float64Array, block: number): number {
  let leadMs = 0
  while (leadMs < LEAD_MS && !Number.isNaN(sentMs[block - leadMs / BLOCK_MS - 1])) leadMs += BLOCK_MS
  return leadMs
}

function lossesOf(voiced: readonly Uint16Array[], fate: Fate, isStated: (person: number, block: number) => boolean) {
  let lost = 0
  let unstated = 0
  for (const [person, own] of voiced.entries()) {
    for (const [block, samples] of own.entries()) {
      if (samples === 0 || !Number.isNaN(fate.sentMs[person]![block])) continue
      lost += samples
      if (!isStated(person, block)) unstated += samples
    }
  }
  return { lost, unstated }
}

const isInGap = (gaps: readonly Gap[] = [], startMs: number): boolean =>
  gaps.some((gap) => gap.fromMs <= startMs + GAP_TOLERANCE_MS && gap.toMs >= startMs + BLOCK_MS - GAP_TOLERANCE_MS)

function disordered(sentMs: Float64Array): number {
  let count = 0
  let latestMs = Number.NEGATIVE_INFINITY
  for (const atMs of sentMs) {
    if (Number.isNaN(atMs)) continue
    if (atMs < latestMs) count++
    latestMs = Math.max(latestMs, atMs)
  }
  return count
}

/** Silence between owners of each channel of one session. */
function guardOf(session: RecordedSession, voiced: readonly Uint16Array[]): { zerosMs: number; silenceMs: number; changes: number } {
  let zerosMs = Number.POSITIVE_INFINITY
  let silenceMs = Number.POSITIVE_INFINITY
  let changes = 0
  for (let channel = 0; channel < session.channels; channel++) {
    let owner = -1
    let zeros = 0
    let speaker = -1
    let silent = 0
    for (let block = 0; block < session.blocks; block++) {
      const stamp = session.stamp(block, channel)
      const person = personOf(stamp)
      if (stamp !== 0 && owner !== -1 && owner !== person) {
        zerosMs = Math.min(zerosMs, zeros * BLOCK_MS)
        changes++
      }
      if (stamp !== 0) owner = person
      zeros = stamp === 0 ? zeros + 1 : 0
      const isVoiced = stamp !== 0 && (voiced[person]?.[blockOf(stamp)] ?? 0) > 0
      if (isVoiced && speaker !== -1 && speaker !== person) silenceMs = Math.min(silenceMs, silent * BLOCK_MS)
      if (isVoiced) speaker = person
      silent = isVoiced ? 0 : silent + 1
    }
  }
  return { zerosMs, silenceMs, changes }
}

function hashOf(sessions: readonly RecordedSession[], spans: readonly object[], gaps: readonly object[]): string {
  const hash = createHash('sha256')
  for (const { sessionId, channels, openedMs, finishedMs, blocks, stamps, sentMs } of sessions) {
    hash.update(JSON.stringify({ sessionId, channels, openedMs, finishedMs, blocks }))
    hash.update(stamps.subarray(0, blocks * channels))
    hash.update(sentMs.subarray(0, blocks))
  }
  return hash.update(JSON.stringify({ spans, gaps })).digest('hex')
}
