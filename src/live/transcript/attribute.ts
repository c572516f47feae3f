import { asSegmentId, type Identity, type SessionId } from '../../core/ids.js'
import type { Span } from '../audio/span.js'
import { splitText } from './split-text.js'
import type { Segment, SegmentWord } from './segment.js'
import { FRAMES_PER_MS, distance, meetingMsOf, type SpanIndex } from './span-index.js'

/** A word that meets no span goes with its neighbour when that person's span is this near. */
const NEIGHBOUR_FRAMES = 250 * FRAMES_PER_MS

/** What an STT service says was said: one channel, seconds of the session's audio. Any number may be wrong. */
export interface AttributableUtterance {
  readonly sessionId: SessionId
  readonly utteranceId: string
  readonly channel: number
  readonly startSec: number
  readonly endSec: number
  readonly text: string
  readonly words: readonly { readonly text: string; readonly startSec: number; readonly endSec: number; readonly confidence: number }[]
  readonly language: string | null
  readonly confidence: number
}

interface Placed {
  readonly text: string
  readonly confidence: number
  readonly fromFrame: number
  readonly toFrame: number
  identity: Identity | null
  /** the person's spans that it lies on or near, in order; empty when unknown */
  spans: readonly Span[]
}

/**
 * Says who spoke an utterance, and when in the meeting: one segment, or one a person when it crosses people (split at words).
 * What meets no span is unknown (`identity` null), never guessed. Times out of the audio sent are clamped to it. Deterministic:
 * the same utterance and spans give the same segments and ids. Without text there is no segment.
 */
export function attribute(utterance: AttributableUtterance, index: SpanIndex): Segment[] {
  const text = utterance.text.trim()
  if (text === '') return []
  const placed = place(utterance, index)
  adopt(placed, index.channel(utterance.sessionId, utterance.channel))
  const parts = grouped(placed)
  const texts = splitText(
    text,
    parts.map((part) => part.map((word) => word.text)),
  )
  return parts.flatMap((part, number) => {
    const partText = texts[number] ?? ''
    return partText === '' ? [] : [segmentOf(utterance, part, number, partText, parts.length, index)]
  })
}

/** Words with frames in order and in range, each with the person whose spans it shares most frames with. */
function place(utterance: AttributableUtterance, index: SpanIndex): Placed[] {
  const { sessionId, channel } = utterance
  const last = index.endFrame(sessionId)
  const begin = clampFrame(utterance.startSec, 0, last, 0)
  const end = clampFrame(utterance.endSec, begin, last, begin)
  const whole = { text: utterance.text, startSec: utterance.startSec, endSec: utterance.endSec, confidence: utterance.confidence }
  const words = utterance.words.filter((word) => word.text.trim() !== '')
  let from = words.length === 0 ? begin : 0
  return (words.length === 0 ? [whole] : words).map((word) => {
    const fromFrame = clampFrame(word.startSec, from, last, Math.max(from, begin))
    const toFrame = clampFrame(word.endSec, fromFrame, last, words.length === 0 ? Math.max(end, fromFrame) : fromFrame)
    from = fromFrame
    // a word without length is looked up by the frame that it lies on
    const spans = index.overlapping(sessionId, channel, fromFrame, Math.max(toFrame, fromFrame + 1))
    const identity = mostOverlap(spans, fromFrame, toFrame)
    return {
      text: word.text.trim(),
      confidence: unit(word.confidence),
      fromFrame,
      toFrame,
      identity,
      spans: spans.filter((span) => span.identity === identity),
    }
  })
}

function clampFrame(seconds: number, least: number, most: number, otherwise: number): number {
  if (Number.isNaN(seconds)) return Math.min(otherwise, Math.max(least, most))
  return Math.max(least, Math.min(most, Math.round(seconds * 1000 * FRAMES_PER_MS)))
}

function mostOverlap(spans: readonly Span[], fromFrame: number, toFrame: number): Identity | null {
  const shared = new Map<Identity, number>()
  for (const span of spans) {
    const frames = Math.min(toFrame, span.toFrame) - Math.max(fromFrame, span.fromFrame)
    shared.set(span.identity, (shared.get(span.identity) ?? 0) + Math.max(1, frames))
  }
  let best: Identity | null = null
  for (const [identity, frames] of shared) if (best === null || frames > (shared.get(best) ?? 0)) best = identity
  return best
}

/** Words between spans go with the word before, else after, when that person's span is near. */
function adopt(words: readonly Placed[], spans: readonly Span[]): void {
  const met = words.map((word) => word.identity)
  for (const [at, word] of words.entries()) {
    if (word.identity !== null) continue
    const before = met.slice(0, at).findLast((identity) => identity !== null)
    const after = met.slice(at + 1).find((identity) => identity !== null)
    for (const identity of [before, after]) {
      const near = identity ? nearestOf(spans, identity, word) : null
      if (!identity || !near) continue
      word.identity = identity
      word.spans = [near]
      break
    }
  }
}

function nearestOf(spans: readonly Span[], identity: Identity, word: Placed): Span | null {
  let best: Span | null = null
  let bestFrames = NEIGHBOUR_FRAMES
  for (const span of spans) {
    if (span.identity !== identity) continue
    const frames = Math.min(distance(span, word.fromFrame), distance(span, word.toFrame))
    if (frames > bestFrames || (frames === bestFrames && best !== null)) continue
    best = span
    bestFrames = frames
  }
  return best
}

function grouped(words: readonly Placed[]): Placed[][] {
  const parts: Placed[][] = []
  for (const word of words) {
    const part = parts.at(-1)
    if (part && part[0]?.identity === word.identity) part.push(word)
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
    const startMs = Math.max(atMs, meetingMs(word, word.fromFrame, word.spans[0], utterance.sessionId, index))
    const endMs = Math.max(startMs, meetingMs(word, word.toFrame, word.spans.at(-1), utterance.sessionId, index))
    atMs = startMs
    return { text: word.text, startMs, endMs, confidence: word.confidence }
  })
  const mean = words.reduce((sum, word) => sum + word.confidence, 0) / Math.max(1, words.length)
  return {
    id: asSegmentId(`${utterance.sessionId}.${utterance.utteranceId}.${number}`),
    identity: part[0]?.identity ?? null,
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

/** By the word's own span, held to its ends; unknown words by whatever span of the session is nearest in time. */
function meetingMs(word: Placed, frame: number, own: Span | undefined, sessionId: SessionId, index: SpanIndex): number {
  if (own) return whole(meetingMsOf(own, Math.max(own.fromFrame, Math.min(own.toFrame, frame))))
  const near = index.nearest(sessionId, word.fromFrame)
  return whole(near ? meetingMsOf(near, frame) : frame / FRAMES_PER_MS)
}

const whole = (ms: number): number => Math.max(0, Math.round(ms))
const unit = (confidence: number): number => (Number.isNaN(confidence) ? 0 : Math.max(0, Math.min(1, confidence)))
