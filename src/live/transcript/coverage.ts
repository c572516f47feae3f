import type { Identity, SessionId } from '../../core/ids.js'
import type { AudioCounters } from '../audio/ledger.js'
import type { Gap, Span } from '../audio/span.js'
import { common, lengthOf, merged, type Range } from './ranges.js'
import type { CoverageRow, Segment } from './segment.js'
import { FRAMES_PER_MS } from './span-index.js'

/** How one STT session went. */
export interface SessionOutcome {
  readonly sessionId: SessionId
  /** every frame below was acknowledged, those in `lost` aside */
  readonly acknowledgedFrames: number
  /** frames that never reached the service, half-open */
  readonly lost?: readonly { readonly fromFrame: number; readonly toFrame: number }[]
  /** null while it is not ended; `done` is the only good end */
  readonly endReason: string | null
}

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
  readonly gaps: readonly Gap[]
  /** as last known; the identity stands for a missing one */
  readonly names: ReadonlyMap<Identity, string>
}

/** The rows, and whether the transcript may be called complete. */
export interface Coverage {
  readonly rows: CoverageRow[]
  readonly complete: boolean
}

interface Frames {
  /** never reached the service, or not known to have when it ended badly */
  readonly lost: readonly Range[]
  readonly unacknowledged: readonly Range[]
}

/**
 * What became of everybody's voice: a row for each person of whom anything is known, in the order of the counters.
 * Voice is lost when the audio plane lost it, when its frames never reached the service, and when a session that did not end
 * well had not acknowledged it. `complete` only when nothing is lost or waiting, nobody has a gap, every voiced frame that was
 * sent is acknowledged, and every session ended `done`.
 */
export function coverage(sources: CoverageSources): Coverage {
  const sessions = new Map(sources.sessions.map((session) => [session.sessionId, framesOf(session)]))
  const counters = new Map(sources.counters.map((one) => [one.identity, one]))
  const spans = grouped(sources.spans, (span) => span.identity)
  const gaps = grouped(sources.gaps, (gap) => gap.identity)
  const segments = grouped(sources.segments, (segment) => segment.identity)
  const people = new Set<Identity>([...counters.keys(), ...spans.keys(), ...gaps.keys()])
  for (const identity of segments.keys()) if (identity !== null) people.add(identity)

  let complete = sources.sessions.every((session) => session.endReason === 'done')
  const rows = [...people].map((identity): CoverageRow => {
    const counter = counters.get(identity)
    const mine = (gaps.get(identity) ?? []).toSorted((a, b) => a.fromMs - b.fromMs || a.toMs - b.toMs)
    const sent = spans.get(identity) ?? []
    const voiced = counter?.voicedRuns ?? []
    const lostMs = (counter?.lostVoiceMs ?? 0) + within(voiced, sessions, (frames) => frames.lost) / FRAMES_PER_MS
    const unsure = within(voiced, sessions, (frames) => frames.unacknowledged)
    if (lostMs > 0 || unsure > 0 || mine.length > 0 || (counter?.waitingVoiceMs ?? 0) > 0) complete = false
    const sentFrames = sent.reduce((sum, span) => sum + span.toFrame - span.fromFrame, 0)
    const acknowledgedFrames = sentFrames - within(sent, sessions, (frames) => frames.unacknowledged)
    return {
      identity,
      name: sources.names.get(identity) ?? identity,
      speechMs: Math.round(counter?.heardMs ?? 0),
      sentMs: Math.round(counter?.sentMs ?? 0),
      acknowledgedMs: Math.round(acknowledgedFrames / FRAMES_PER_MS),
      returnedMs: lengthOf(merged((segments.get(identity) ?? []).map((segment) => [segment.startMs, segment.endMs]))),
      lostMs: Math.ceil(lostMs),
      gaps: mine,
    }
  })
  return { rows, complete }
}

function framesOf(session: SessionOutcome): Frames {
  const never = (session.lost ?? []).map((gap): Range => [gap.fromFrame, gap.toFrame])
  const open: Range = [session.acknowledgedFrames, Number.POSITIVE_INFINITY]
  const endedBadly = session.endReason !== null && session.endReason !== 'done'
  return { lost: merged(endedBadly ? [...never, open] : never), unacknowledged: merged([...never, open]) }
}

const UNKNOWN_SESSION: Frames = { lost: [], unacknowledged: [[0, Number.POSITIVE_INFINITY]] }

interface Run {
  readonly sessionId: SessionId
  readonly fromFrame: number
  readonly toFrame: number
}

/** How many frames of the runs lie in the ranges chosen; runs of two tracks at once count twice. */
function within(runs: readonly Run[], sessions: ReadonlyMap<SessionId, Frames>, choose: (frames: Frames) => readonly Range[]): number {
  return runs.reduce((sum, { sessionId, fromFrame, toFrame }) => {
    const ranges = choose(sessions.get(sessionId) ?? UNKNOWN_SESSION)
    return sum + lengthOf(common([[fromFrame, toFrame]], ranges))
  }, 0)
}

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
