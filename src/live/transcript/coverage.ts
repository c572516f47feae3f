import type { Identity, SessionId } from '../../core/ids.js'
import type { AudioCounters } from '../audio/ledger.js'
import type { Gap, GapReason, Span } from '../audio/span.js'
import {
  fateOf,
  inWholes,
  LET_GO,
  missingSpeech,
  shared,
  unheardTimes,
  untextedTimes,
  UNKNOWN_FATE,
  type SessionFate,
  type SessionOutcome,
} from './losses.js'
import { common, lengthOf, merged, type Range } from './ranges.js'
import type { CoverageRow, CoverageTotal, Doubt, Segment } from './segment.js'
import { FRAMES_PER_MS } from './span-index.js'
import { Voice, type FramesOf } from './voice.js'

/** All that coverage is computed from. */
export interface CoverageSources {
  /** `coverageInput()` of the audio plane */
  readonly counters: readonly AudioCounters[]
  /** without those of audio that was sent a second time */
  readonly spans: Iterable<Span>
  /** a session that is missing here acknowledged nothing */
  readonly sessions: readonly SessionOutcome[]
  /** final segments */
  readonly segments: readonly Segment[]
  /** of the audio plane and the room; those of speech sessions follow from `sessions` */
  readonly gaps: readonly Gap[]
  /** as last known; the identity stands for a missing one */
  readonly names: ReadonlyMap<Identity, string>
}

/** The rows, and whether the transcript may be called complete. */
export interface Coverage {
  readonly rows: CoverageRow[]
  readonly complete: boolean
  /** why it is not complete; empty exactly when it is */
  readonly doubts: Doubt[]
}

/**
 * What became of everybody's voice: a row for each person of whom anything is known, in the order of the counters.
 * Voice is lost when the audio plane lost it, when its frames never reached the service, when a session that did not end well had
 * not acknowledged it, when it had, but the texts could not be had and none came, and when audio did not come while the person spoke.
 * Each such loss lies in a gap of the row.
 */
export function coverage(sources: CoverageSources): Coverage {
  const fates = new Map(sources.sessions.map((session) => [session.sessionId, fateOf(session)]))
  const counters = new Map(sources.counters.map((one) => [one.identity, one]))
  const spans = grouped(sources.spans, (span) => span.identity)
  const gaps = grouped(sources.gaps, (gap) => gap.identity)
  const segments = grouped(sources.segments, (segment) => segment.identity)
  const people = new Set<Identity>([...counters.keys(), ...spans.keys(), ...gaps.keys()])
  for (const identity of segments.keys()) if (identity !== null) people.add(identity)

  const doubts = new Set<Doubt>()
  if (!sources.sessions.every((session) => session.endReason === 'done')) doubts.add('session')
  const rows = [...people].map((identity) => {
    const facts = {
      counters: counters.get(identity) ?? nothingCounted(identity),
      spans: spans.get(identity) ?? [],
      gaps: gaps.get(identity) ?? [],
      segments: segments.get(identity) ?? [],
    }
    const { row, isSure } = rowOf(facts, sources.names.get(identity) ?? identity, (id) => fates.get(id) ?? UNKNOWN_FATE)
    if (row.lostMs > 0) doubts.add('lost')
    if (row.waitingMs > 0) doubts.add('waiting')
    if (row.gaps.length > 0) doubts.add('gaps')
    if (!isSure.counted) doubts.add('unaccounted')
    if (!isSure.acknowledged) doubts.add('unacknowledged')
    return row
  })
  return { rows, complete: doubts.size === 0, doubts: [...doubts] }
}

interface Facts {
  readonly counters: AudioCounters
  readonly spans: readonly Span[]
  readonly gaps: readonly Gap[]
  readonly segments: readonly Segment[]
}

/** What is smaller is the rounding of a sum, not a loss: half a frame. */
const ROUNDING_MS = 0.5 / FRAMES_PER_MS

function rowOf({ counters, spans, gaps, segments }: Facts, name: string, fate: (sessionId: SessionId) => SessionFate) {
  const voice = new Voice(counters.voicedRuns, spans)
  const lostOf = lostBySession(voice, counters.voicedRuns, fate)
  const untexted = untextedTimes(
    voice.times((id) => fate(id).untexted),
    segments,
  )
  const allGaps = [
    ...gaps,
    ...lostOf.flatMap(({ reason, framesOf }) => gapsOf(counters.identity, reason, voice.times(framesOf))),
    ...gapsOf(counters.identity, 'session_lost', untexted),
  ]
  const times = voice.times()
  const known = merged([...times, ...gaps.filter(({ reason }) => LET_GO.includes(reason)).map(({ fromMs, toMs }): Range => [fromMs, toMs])])
  const missing = missingSpeech(gaps, known)

  const lostBy = shared(counters.lostVoiceMs, LET_GO, gaps)
  for (const { reason, ms } of lostOf) lostBy.set(reason, (lostBy.get(reason) ?? 0) + ms)
  if (untexted.length > 0) lostBy.set('session_lost', (lostBy.get('session_lost') ?? 0) + lengthOf(untexted))
  for (const [reason, ms] of missing) lostBy.set(reason, (lostBy.get(reason) ?? 0) + ms)
  const unacknowledged = voice.framesIn((id) => fate(id).unacknowledged)
  const unsure = unacknowledged - voice.framesIn((id) => fate(id).anyLost)

  const strayMs = counters.heardMs - counters.sentVoiceMs - counters.lostVoiceMs - counters.waitingVoiceMs
  const unexplainedMs = voice.unexplained() / FRAMES_PER_MS
  const isStray = Math.abs(strayMs) > ROUNDING_MS
  const unaccountedMs = awayFromZero((isStray ? strayMs : 0) + unexplainedMs)
  const lostMs = up(sum(lostBy.values()))
  const waitingMs = up(counters.waitingVoiceMs)
  const speechMs = Math.max(up(counters.heardMs + sum(missing.values())), lostMs + waitingMs + unaccountedMs)
  const sentSpeechMs = speechMs - lostMs - waitingMs - unaccountedMs
  const returned = merged(segments.map((segment): Range => [segment.startMs, segment.endMs]))
  const row: CoverageRow = {
    identity: counters.identity,
    name,
    speechMs,
    sentMs: Math.round(counters.sentMs),
    sentSpeechMs,
    acknowledgedMs: Math.round(acknowledgedFrames(spans, fate) / FRAMES_PER_MS),
    acknowledgedSpeechMs: Math.min(sentSpeechMs, down(counters.sentVoiceMs - unacknowledged / FRAMES_PER_MS)),
    returnedMs: lengthOf(returned),
    returnedSpeechMs: down(lengthOf(common(times, returned))),
    lostMs,
    lostBy: inWholes(lostMs, lostBy),
    waitingMs,
    unaccountedMs,
    unheardMs: Math.ceil(lengthOf(unheardTimes(gaps))),
    presentMs: Math.round(counters.presentMs),
    waits: { count: counters.waits.count, totalMs: up(counters.waits.totalMs), maxMs: up(counters.waits.maxMs) },
    noisy: counters.isNoisy,
    gaps: allGaps.toSorted((a, b) => a.fromMs - b.fromMs || a.toMs - b.toMs),
  }
  return { row, isSure: { counted: !isStray && unexplainedMs === 0, acknowledged: unsure === 0 } }
}

/** Voice that was sent and lost afterwards, by reason. */
function lostBySession(voice: Voice, runs: AudioCounters['voicedRuns'], fate: (sessionId: SessionId) => SessionFate) {
  const sessions = [...new Set(runs.map((run) => run.sessionId))]
  const reasons = new Set(sessions.flatMap((id) => fate(id).lost.map(({ reason }) => reason)))
  return [...reasons].map((reason) => {
    const framesOf: FramesOf = (id) => merged(fate(id).lost.flatMap((one) => (one.reason === reason ? one.ranges : [])))
    return { reason, framesOf, ms: voice.framesIn(framesOf) / FRAMES_PER_MS }
  })
}

/** Lost stretches of voice closer than this are one gap. */
const JOIN_MS = 1000

/** Gaps over stretches of lost voice, integer ms, joined where they are close. */
export function gapsOf(identity: Identity, reason: GapReason, times: readonly Range[]): Gap[] {
  const joined: [number, number][] = []
  for (const [from, to] of times) {
    const last = joined.at(-1)
    if (last && from - last[1] <= JOIN_MS) last[1] = Math.max(last[1], to)
    else joined.push([from, to])
  }
  return joined.map(([from, to]) => ({ identity, fromMs: Math.max(0, Math.floor(from)), toMs: Math.max(0, Math.ceil(to)), reason }))
}

function acknowledgedFrames(spans: readonly Span[], fate: (sessionId: SessionId) => SessionFate): number {
  return spans.reduce((frames, { sessionId, fromFrame, toFrame }) => {
    return frames + toFrame - fromFrame - lengthOf(common([[fromFrame, toFrame]], fate(sessionId).unacknowledged))
  }, 0)
}

/** The sum of all rows; conservation holds for it as for each. */
export function totalOf(rows: readonly CoverageRow[]): CoverageTotal {
  const of = (pick: (row: CoverageRow) => number) => sum(rows.map(pick))
  const lostBy: Partial<Record<GapReason, number>> = {}
  for (const row of rows) {
    for (const [reason, ms] of Object.entries(row.lostBy) as [GapReason, number][]) lostBy[reason] = (lostBy[reason] ?? 0) + ms
  }
  return {
    speechMs: of((row) => row.speechMs),
    sentMs: of((row) => row.sentMs),
    sentSpeechMs: of((row) => row.sentSpeechMs),
    acknowledgedMs: of((row) => row.acknowledgedMs),
    acknowledgedSpeechMs: of((row) => row.acknowledgedSpeechMs),
    returnedMs: of((row) => row.returnedMs),
    returnedSpeechMs: of((row) => row.returnedSpeechMs),
    lostMs: of((row) => row.lostMs),
    lostBy,
    waitingMs: of((row) => row.waitingMs),
    unaccountedMs: of((row) => row.unaccountedMs),
    unheardMs: of((row) => row.unheardMs),
    presentMs: of((row) => row.presentMs),
    waits: {
      count: of((row) => row.waits.count),
      totalMs: of((row) => row.waits.totalMs),
      maxMs: Math.max(0, ...rows.map((row) => row.waits.maxMs)),
    },
  }
}

/** The row of somebody of whom nothing was heard. */
export const nothingHeard = (identity: Identity, name: string): CoverageRow =>
  rowOf({ counters: nothingCounted(identity), spans: [], gaps: [], segments: [] }, name, () => UNKNOWN_FATE).row

const nothingCounted = (identity: Identity): AudioCounters => ({
  identity,
  heardMs: 0,
  sentVoiceMs: 0,
  sentMs: 0,
  lostVoiceMs: 0,
  waitingVoiceMs: 0,
  waits: { count: 0, totalMs: 0, maxMs: 0 },
  presentMs: 0,
  isNoisy: false,
  voicedRuns: [],
})

// sums of fractions of a ms carry errors of the size of 1e-9: they must not become a whole ms; and no -0
const up = (ms: number): number => Math.ceil(ms - 1e-6) + 0
const down = (ms: number): number => Math.max(0, Math.floor(ms + 1e-6))
const awayFromZero = (ms: number): number => (ms < 0 ? -up(-ms) : up(ms)) + 0
const sum = (numbers: Iterable<number>): number => [...numbers].reduce((total, one) => total + one, 0)

function grouped<Item, Key>(items: Iterable<Item>, keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group) group.push(item)
    else groups.set(key, [item])
  }
  return groups
}
