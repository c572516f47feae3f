import { asSegmentId, type Identity, type SessionId } from '../../core/ids.js'
import type { Span } from '../audio/span.js'
import { PADDING_FRAMES, onlyOwner, ownerByFrames, ownerByNearness, soleOwner, type Owner } from './owner.js'
import { splitText } from './split-text.js'
import type { Segment, SegmentWord } from './segment.js'
import { FRAMES_PER_MS, meetingMsOf, type SpanIndex } from './span-index.js'

/** What an STT service says was said: one channel, seconds of the session's audio. Any number may be wrong. */
export interface AttributableUtterance {
  readonly sessionId: SessionId
  readonly utteranceId: string
  readonly channel: number
  readonly startSec: number
  readonly endSec: number
  /** when it was said is not known, although it has times (W7) */
  readonly isUndated?: boolean
  readonly text: string
  readonly words: readonly {
    readonly text: string
    readonly startSec: number
    readonly endSec: number
    readonly confidence: number
    /** where it was said is not known, although it has a time (W6) */
    readonly isNobodys?: boolean
  }[]
  readonly language: string | null
  readonly confidence: number
}

/** Both NaN when nobody knows. */
interface Frames {
  readonly fromFrame: number
  readonly toFrame: number
}

/** A word, or a whole utterance without words, and where it lies on its channel. */
interface Placed extends Frames {
  readonly text: string
  readonly confidence: number
  readonly isNobodys: boolean
  /** false: it was said somewhere in between */
  readonly isTimed: boolean
  owner: Owner
}

const NOBODY: Owner = { identity: null, spans: [] }
const NOWHERE: Frames = { fromFrame: Number.NaN, toFrame: Number.NaN }

/**
 * Says who spoke an utterance, and when in the meeting: one segment, or one a person when it crosses people (split at its words).
 * Deterministic: the same utterance and spans give the same segments and ids, in whatever order they came. Without text there is no
 * segment.
 *
 * W1 a word belongs to the person whose spans it shares most frames with, whenever that was and whoever holds the channel now
 * W2 a word that shares none (the engine's padding, the guard between two owners) belongs to the nearest person within 0.3 s: out of
 *    those to whom other words of the utterance belong; when none does, out of all. Equally near to two: unknown
 * W3 a word without times was said between its neighbours, an utterance without words between its start and end: it belongs to the
 *    only person who shares more of that than the first 0.3 s or the last 0.1 s of their hold, which are silence; else to the only one
 *    who shares any; else by W2. With two such people: unknown
 * W4 what no rule gives to somebody is unknown (`identity` null), never guessed
 * W5 a word is held to the ends of its person's spans; where a pause was cut inside it, to the span it shares most with
 * W6 a word that may be the copy of another one, at a place of its own in the session's audio, is nobody's
 * W7 where neither words nor utterance say when it was, it belongs to the only person who has held the channel; with two: unknown
 */
export function attribute(utterance: AttributableUtterance, index: SpanIndex): Segment[] {
  const text = utterance.text.trim()
  if (text === '') return []
  const placed = place(utterance)
  giveOut(placed, utterance, index)
  const parts = grouped(placed)
  const texts = splitText(
    text,
    parts.map((part) => part.map((word) => word.text)),
  )
  return parts.map((part, number) => segmentOf(utterance, part, number, texts[number] ?? '', parts.length, index))
}

/** Words with their frames; those without times get the stretch between their neighbours. */
function place(utterance: AttributableUtterance): Placed[] {
  const words = utterance.words.filter((word) => word.text.trim() !== '')
  const whole = stretch(frameOf(utterance.startSec), frameOf(utterance.endSec))
  if (words.length === 0) {
    return [{ text: utterance.text, confidence: unit(utterance.confidence), ...whole, isNobodys: false, isTimed: false, owner: NOBODY }]
  }
  const own = words.map((word) => stretch(frameOf(word.startSec), frameOf(word.endSec)))
  const around = utterance.isUndated && own.some(hasTime) ? NOWHERE : whole
  return words.map((word, at) => {
    const frames = own[at] ?? around
    const isTimed = hasTime(frames)
    return {
      text: word.text.trim(),
      confidence: unit(word.confidence),
      ...(isTimed ? frames : between(own, at, around)),
      isNobodys: word.isNobodys ?? false,
      isTimed,
      owner: NOBODY,
    }
  })
}

/** From the end of the last word before with a time to the start of the next one with one. */
function between(words: readonly Frames[], at: number, whole: Frames): Frames {
  const before = words.slice(0, at).findLast(hasTime)?.toFrame ?? whole.fromFrame
  const after = words.slice(at + 1).find(hasTime)?.fromFrame ?? whole.toFrame
  return stretch(before, after)
}

function giveOut(words: readonly Placed[], { sessionId, channel, isUndated }: AttributableUtterance, index: SpanIndex): void {
  const isNowhere = isUndated === true && !words.some(({ isTimed }) => isTimed)
  const met = new Set<Identity>()
  const left: Placed[] = []
  for (const word of words) {
    if (word.isNobodys) continue
    const where = { sessionId, channel, fromFrame: word.fromFrame, toFrame: word.toFrame }
    word.owner = isNowhere ? soleOwner(where, index) : word.isTimed ? ownerByFrames(where, index) : onlyOwner(where, index)
    if (word.owner.identity !== null) met.add(word.owner.identity)
    else if (word.isTimed) left.push(word)
  }
  for (const word of left) {
    const where = { sessionId, channel, fromFrame: word.fromFrame, toFrame: word.toFrame }
    word.owner = ownerByNearness(where, index, met.size === 0 ? null : met)
  }
}

function grouped(words: readonly Placed[]): Placed[][] {
  const parts: Placed[][] = []
  for (const word of words) {
    const part = parts.at(-1)
    if (part && part[0]?.owner.identity === word.owner.identity) part.push(word)
    else parts.push([word])
  }
  return parts
}

function segmentOf(
  utterance: AttributableUtterance,
  part: readonly Placed[],
  number: number,
  text: string,
  parts: number,
  index: SpanIndex,
): Segment {
  let atMs = 0
  const words: SegmentWord[] = part.map((word) => {
    const [fromMs, toMs] = meetingTimes(word, utterance.sessionId, index)
    const startMs = Math.max(atMs, fromMs)
    atMs = startMs
    return { text: word.text, startMs, endMs: Math.max(startMs, toMs), confidence: word.confidence }
  })
  const mean = words.reduce((sum, word) => sum + word.confidence, 0) / Math.max(1, words.length)
  return {
    id: asSegmentId(`${utterance.sessionId}.${utterance.utteranceId}.${number}`),
    identity: part[0]?.owner.identity ?? null,
    startMs: words[0]?.startMs ?? 0,
    endMs: words.reduce((end, word) => Math.max(end, word.endMs), 0),
    text,
    words: utterance.words.length === 0 ? [] : words,
    language: utterance.language,
    confidence: parts === 1 ? unit(utterance.confidence) : mean,
    sessionId: utterance.sessionId,
    channel: utterance.channel,
    utteranceId: utterance.utteranceId,
    part: number,
  }
}

/** By the person's own spans, held to their ends (W5); of unknown words by whatever span of the session is nearest in time. */
function meetingTimes({ fromFrame, toFrame, isTimed, owner }: Placed, sessionId: SessionId, index: SpanIndex): [number, number] {
  const first = owner.spans[0]
  const last = owner.spans.at(-1)
  if (first && last) {
    const times: [number, number] = [heldMs(first, fromFrame), heldMs(last, toFrame)]
    if (!isTimed || times[1] - times[0] <= (toFrame - fromFrame + PADDING_FRAMES) / FRAMES_PER_MS) return times
    const most = owner.spans.reduce((best, span) => (framesOn(span) > framesOn(best) ? span : best))
    return [heldMs(most, fromFrame), heldMs(most, toFrame)]
  }
  // nothing was said after the audio that was sent, whatever the service says
  const end = index.endFrame(sessionId)
  const near = index.nearest(sessionId, Math.min(end, fromFrame))
  const at = (frame: number) => whole(near ? meetingMsOf(near, Math.min(end, frame)) : Math.min(end, frame) / FRAMES_PER_MS)
  return hasTime({ fromFrame, toFrame }) ? [at(fromFrame), at(toFrame)] : [at(0), at(0)]

  function framesOn(span: Span): number {
    return Math.min(toFrame, span.toFrame) - Math.max(fromFrame, span.fromFrame)
  }
}

const heldMs = (span: Span, frame: number): number => whole(meetingMsOf(span, Math.max(span.fromFrame, Math.min(span.toFrame, frame))))

/** NaN for what is no time. */
const frameOf = (seconds: number): number => (Number.isFinite(seconds) ? Math.round(seconds * 1000 * FRAMES_PER_MS) : Number.NaN)

/** From, to; one stands for the other where that is no time, and the end is never before the start. */
function stretch(fromFrame: number, toFrame: number): Frames {
  if (Number.isNaN(fromFrame)) return { fromFrame: toFrame, toFrame }
  return { fromFrame, toFrame: toFrame > fromFrame ? toFrame : fromFrame }
}

const hasTime = ({ fromFrame }: Frames): boolean => !Number.isNaN(fromFrame)
const whole = (ms: number): number => Math.max(0, Math.round(ms))
const unit = (confidence: number): number => (Number.isNaN(confidence) ? 0 : Math.max(0, Math.min(1, confidence)))
