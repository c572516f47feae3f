import type { SessionId } from '../../core/ids.js'
import type { Span } from '../audio/span.js'
import type { SessionRecord } from '../../records/port.js'
import type { AttributableUtterance } from '../transcript/attribute.js'
import { isRetold, isTelling, sharesMost } from '../transcript/retold.js'
import type { Segment } from '../transcript/segment.js'
import { FRAMES_PER_MS, meetingMsOf } from '../transcript/span-index.js'
import type { Scribe } from './scribe.js'

/** Frames of a session that are sent again: what is told of them comes from there. */
export interface SentAgain {
  readonly sessionId: SessionId
  readonly fromFrame: number
  readonly toFrame: number
}

/** Audio that the service was sent twice and kept twice is no longer: a probe. */
const LONGEST_COPY_SEC = 0.1
/** Between two people on a channel lies a guard of silence; within what one says a pause like that is none at a border. */
const BORDER_SEC = 0.2
/** Times are stored in whole ms. */
const ROUNDING_SEC = 0.001
/** What the service has twice, or not at all, moves a text by less. */
const ALIKE_SEC = 1

/**
 * What bots that are gone had sent again themselves: a later session has the same track at the same time, and has acknowledged it. The
 * service may have had it the first time, too, and have said so since.
 * @param sessions in the order in which they were opened @param spans of all of them
 */
export function sentAgainBefore(sessions: readonly SessionRecord[], spans: readonly Span[]): SentAgain[] {
  return sessions.flatMap(({ sessionId, endReason }, at) => {
    if (endReason === 'done') return []
    const reached = new Map(sessions.slice(at + 1).map((later) => [later.sessionId, later.acknowledgedFrames]))
    const own = spans.filter((span) => span.sessionId === sessionId)
    return own.flatMap((span) =>
      spans.flatMap((copy) => {
        const toFrame = Math.min(copy.toFrame, reached.get(copy.sessionId) ?? 0)
        if (copy.trackKey !== span.trackKey || toFrame <= copy.fromFrame) return []
        const frameOf = (ms: number) => span.fromFrame + (ms - span.meetingMs) * FRAMES_PER_MS
        const from = Math.max(span.fromFrame, frameOf(copy.meetingMs))
        const to = Math.min(span.toFrame, frameOf(meetingMsOf(copy, toFrame)))
        return to > from ? [{ sessionId, fromFrame: from, toFrame: to }] : []
      }),
    )
  })
}

/**
 * Segments of what is not stored of a session's result, and how far the service had the session, by the last word of all it tells. The service's stream may hold audio twice that was sent again, which the bot before
 * knew and nobody else: what it stored tells how far the two are apart, by where the span of the speaker has it.
 * @param again what of the session is sent once more, or was
 */
export function unknownTexts(
  utterances: readonly AttributableUtterance[],
  stored: readonly Segment[],
  again: readonly SentAgain[],
  scribe: Pick<Scribe, 'attribute' | 'frameOf'>,
): { readonly segments: readonly Segment[]; readonly reachFrame: number } {
  const found: Segment[] = []
  let shiftSec = 0
  let reachSec = 0
  const ordered = utterances.toSorted((a, b) => a.startSec - b.startSec)
  for (const [at, utterance] of ordered.entries()) {
    const twin = nearestTwin(utterance, shiftSec, stored, scribe)
    if (twin) {
      shiftSec = moved(shiftSec, twin.shiftSec)
    }
    reachSec = Math.max(reachSec, endOf(utterance) + shiftSec)
    if (twin) continue
    const before = ordered.slice(0, at).filter(({ channel }) => channel === utterance.channel)
    const told = once(shifted(withCopies(utterance, before), shiftSec), again)
    const attributed = told ? scribe.attribute(told) : []
    // of a copy nobody knows where in the stream the words were said first
    const parts = mayBeCopy(utterance, before) ? attributed.map((part) => ({ ...part, identity: null })) : attributed
    if (!parts.some((segment) => stored.some((known) => isSame(segment, known)))) found.push(...parts)
  }
  return { segments: found, reachFrame: Math.round(reachSec * 1000 * FRAMES_PER_MS) }
}

/** Where the last word ends that has a time, seconds; 0 when none has. */
function endOf({ words, endSec }: AttributableUtterance): number {
  const ends = words.length > 0 ? words.map((word) => word.endSec) : [endSec]
  return ends.filter(Number.isFinite).reduce((last, sec) => Math.max(last, sec), 0)
}

function moved(shiftSec: number, toSec: number | null): number {
  return toSec === null || Math.abs(toSec - shiftSec) <= ROUNDING_SEC ? shiftSec : toSec
}

/** Without what is sent again, which is told there; null when that is all. What has no times goes with the whole. */
function once(utterance: AttributableUtterance, again: readonly SentAgain[]): AttributableUtterance | null {
  const isAgain = ({ startSec, endSec }: { readonly startSec: number; readonly endSec: number }) => {
    const frame = ((startSec + endSec) / 2) * 1000 * FRAMES_PER_MS
    return again.some(({ sessionId, fromFrame, toFrame }) => sessionId === utterance.sessionId && frame >= fromFrame && frame < toFrame)
  }
  const timed = utterance.words.filter(({ startSec, endSec }) => Number.isFinite(startSec + endSec))
  if (timed.length === 0) return isAgain(utterance) ? null : utterance
  const gone = new Set(timed.filter(isAgain))
  if (gone.size === 0) return utterance
  const words = utterance.words.filter((word) => !gone.has(word))
  if (gone.size === timed.length) return null
  return { ...utterance, words, text: words.map(({ text }) => text.trim()).join(' ') }
}

/** Whether it is short enough for a probe, and repeats words that were told on its channel before. */
function mayBeCopy({ startSec, endSec, text }: AttributableUtterance, before: readonly AttributableUtterance[]): boolean {
  const sec = endSec - startSec
  if (sec <= 0 || sec > LONGEST_COPY_SEC) return false
  return before.some((one) => ` ${wordsOf(one.text)} `.includes(` ${wordsOf(text)} `))
}

/** Its first word stands apart, is short enough for a probe, and repeats the last one before it: it may be the copy of that, at a border. */
function withCopies(utterance: AttributableUtterance, before: readonly AttributableUtterance[]): AttributableUtterance {
  const [first, second] = utterance.words
  const last = before.at(-1)
  if (!first || !second || !last) return utterance
  const isShort = first.endSec - first.startSec <= LONGEST_COPY_SEC && second.startSec - first.endSec >= BORDER_SEC
  if (!isShort || !` ${wordsOf(last.text)}`.endsWith(` ${wordsOf(first.text)}`)) return utterance
  return { ...utterance, words: [{ ...first, isNobodys: true }, ...utterance.words.slice(1)] }
}

const wordsOf = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}]+/gu, ' ')
    .trim()

function shifted(utterance: AttributableUtterance, sec: number): AttributableUtterance {
  const words = utterance.words.map((word) => ({ ...word, startSec: word.startSec + sec, endSec: word.endSec + sec }))
  return { ...utterance, startSec: Math.max(0, utterance.startSec + sec), endSec: Math.max(0, utterance.endSec + sec), words }
}

/**
 * The first part of the utterance as it was stored: by its id, or by its text where a result has no ids, of several the nearest. `shiftSec`:
 * how far our audio is ahead of the service's there; null: nobody knows.
 */
function nearestTwin(
  utterance: AttributableUtterance,
  shiftSec: number,
  stored: readonly Segment[],
  scribe: Pick<Scribe, 'frameOf'>,
): { readonly shiftSec: number | null } | null {
  const { sessionId, channel, utteranceId, text, words, startSec } = utterance
  const firstSec = words.find((word) => Number.isFinite(word.startSec))?.startSec ?? startSec
  const parts = stored.filter((known) => known.sessionId === sessionId && known.channel === channel && known.part === 0)
  const shiftOf = (known: Segment) => {
    const { startMs, endMs } = known.words[0] ?? known
    const frame = scribe.frameOf({ ...known, startMs, endMs })
    return frame === null ? null : frame / FRAMES_PER_MS / 1000 - firstSec
  }
  const same = parts.find((known) => known.utteranceId === utteranceId)
  if (same) return { shiftSec: shiftOf(same) }
  const alike = parts.filter((known) => known.text.length > 3 && text.startsWith(known.text)).map(shiftOf)
  const farSec = (shift: number | null) => (shift === null ? Number.POSITIVE_INFINITY : Math.abs(shift - shiftSec))
  const [nearest = null] = alike.toSorted((a, b) => farSec(a) - farSec(b))
  if (alike.length === 0) return null
  if (farSec(nearest) <= ALIKE_SEC) return { shiftSec: nearest }
  // few words may have been said twice
  return nearest === null || isTelling(text) ? { shiftSec: null } : null
}

/** Told under the same id, or of the same time, or the same words without an id. */
function isSame(a: Segment, b: Segment): boolean {
  const hasItsId = a.sessionId === b.sessionId && a.channel === b.channel && a.utteranceId === b.utteranceId
  return hasItsId || sharesMost(a, b) || isRetold(a, b)
}
