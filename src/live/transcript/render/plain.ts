import type { Gap, GapReason } from '../../audio/span.js'
import { totalOf } from '../coverage.js'
import { DOUBTS, type CoverageRow, type CoverageTotal, type Doubt, type TranscriptDocument } from '../segment.js'

/** Who is shown for a segment that no span attributes. */
export const UNKNOWN = 'Unknown speaker'

const REASONS: Readonly<Record<GapReason, string>> = {
  no_channel: 'more people spoke than could be listened to',
  ring_full: 'speech waited too long to be sent',
  not_received: 'no audio arrived',
  reconnecting: 'the connection to the room was down',
  taken_over: 'the process that listened was replaced',
  buffer_full: 'speech could not be sent in time',
  session_lost: 'the speech service was lost',
  drain_timeout: 'the speech service did not confirm in time',
  over_capacity: 'more people were there than roomscribe may hear',
}

const DOUBT_CLAUSES: Readonly<Record<Doubt, (total: CoverageTotal) => string>> = {
  lost: ({ lostMs }) => `${secondsUp(lostMs)} s of speech were lost`,
  waiting: ({ waitingMs }) => `${secondsUp(waitingMs)} s of speech were not sent`,
  unaccounted: () => 'speech is not accounted for, which is a fault of roomscribe itself',
  gaps: () => 'somebody could not be heard for a while',
  unacknowledged: () => 'the speech service did not confirm all of it',
  session: () => 'a speech session did not end well, so that its last words may be missing',
  not_stored: () => 'text could not be stored',
  taken_over: () => 'another process heard a part of the meeting, and what became of that is not known here',
  failed: () => 'the meeting was not carried through',
  running: () => 'the meeting is not over',
}

/** Said by what comes before it in `DOUBTS`. */
const IMPLIED: Partial<Record<Doubt, Doubt>> = { gaps: 'lost', unacknowledged: 'session' }

/** a loss is rounded up: never 0.0 */
const secondsUp = (ms: number): string => (Math.ceil(ms / 100) / 10).toFixed(1)

/**
 * One line without control characters or overrides of the writing direction, trimmed. Joiners and plain direction marks stay: emoji
 * and right-to-left text need them.
 */
export function oneLine(text: string): string {
  return text
    .replace(/\p{Surrogate}/gu, '\ufffd')
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .replace(/[\u202a-\u202e\u2066-\u2069\ufeff]/g, '')
    .trim()
}

/** hh:mm:ss, and `.mmm` or what separator is given. */
export function clock(ms: number, separator?: string): string {
  const total = Math.max(0, Math.round(ms))
  const two = (number: number) => String(number).padStart(2, '0')
  const seconds = Math.floor(total / 1000)
  const hms = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
  return separator === undefined ? hms : `${hms}${separator}${String(total % 1000).padStart(3, '0')}`
}

/** The title, else the room. */
export function headline(document: TranscriptDocument): string {
  return oneLine(document.title ?? '') || oneLine(document.room) || 'Meeting'
}

/** One sentence on completeness. */
export function completeness(document: TranscriptDocument): string {
  if (document.complete) return 'Complete: everything that was heard was transcribed.'
  const total = totalOf(document.coverage)
  const doubts = DOUBTS.filter((doubt) => document.doubts.includes(doubt))
  const clauses = doubts.flatMap((doubt) => {
    const said = IMPLIED[doubt]
    return said !== undefined && doubts.includes(said) ? [] : [DOUBT_CLAUSES[doubt](total)]
  })
  return `Not complete: ${clauses.length === 0 ? 'speech may be missing' : clauses.join('; ')}.`
}

/** The name shown for a person of the coverage. */
export const nameOf = (row: CoverageRow): string => oneLine(row.name) || oneLine(row.identity) || UNKNOWN

/** Every gap with the name of the person, in order of time. */
export function gapLines(document: TranscriptDocument): { name: string; time: string; reason: string }[] {
  return document.coverage
    .flatMap((row) => row.gaps.map((gap: Gap) => ({ row, gap })))
    .toSorted((a, b) => a.gap.fromMs - b.gap.fromMs || a.gap.toMs - b.gap.toMs)
    .map(({ row, gap }) => ({
      name: nameOf(row),
      time: `${clock(gap.fromMs)} - ${clock(gap.toMs)} (${secondsUp(gap.toMs - gap.fromMs)} s)`,
      reason: REASONS[gap.reason],
    }))
}

/** The name shown for a segment. */
export function speakerOf(segment: TranscriptDocument['segments'][number]): string {
  if (segment.identity === null) return UNKNOWN
  return oneLine(segment.name ?? '') || oneLine(segment.identity) || UNKNOWN
}
