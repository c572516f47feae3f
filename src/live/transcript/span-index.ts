import type { Identity, SessionId } from '../../core/ids.js'
import type { Span } from '../audio/span.js'

/** Frames (samples of one channel) in one ms of every session: 16 kHz. */
export const FRAMES_PER_MS = 16

/** Meeting time of a frame as the span says; frames outside it are counted on from its ends. */
export function meetingMsOf(span: Span, frame: number): number {
  return span.meetingMs + (frame - span.fromFrame) / FRAMES_PER_MS
}

/** Look-up of spans by session, channel and frame. Spans of one channel do not overlap. */
export class SpanIndex {
  readonly #bySession = new Map<SessionId, Map<number, Span[]>>()

  /** Takes a span, or a longer version of a known one; a shorter or equal one changes nothing. */
  put(span: Span): void {
    let channels = this.#bySession.get(span.sessionId)
    if (!channels) this.#bySession.set(span.sessionId, (channels = new Map()))
    let spans = channels.get(span.channel)
    if (!spans) channels.set(span.channel, (spans = []))
    const at = firstFrom(spans, span.fromFrame)
    const known = spans[at]
    if (known?.fromFrame !== span.fromFrame) spans.splice(at, 0, span)
    else if (known.toFrame < span.toFrame) spans[at] = span
  }

  /** Spans of a channel that share a frame with [fromFrame, toFrame), in order. */
  overlapping(sessionId: SessionId, channel: number, fromFrame: number, toFrame: number): Span[] {
    const spans = this.channel(sessionId, channel)
    const found: Span[] = []
    for (let at = Math.max(0, firstFrom(spans, fromFrame) - 1); at < spans.length; at++) {
      const span = spans[at] as Span
      if (span.fromFrame >= toFrame) break
      if (span.toFrame > fromFrame) found.push(span)
    }
    return found
  }

  /** The spans of `frames` from `fromFrame` on, as spans of a session that repeats them from its frame 0; not put in. */
  copies(from: SessionId, channels: number, fromFrame: number, to: SessionId, frames: number): Span[] {
    return Array.from({ length: channels }, (_, channel) => this.overlapping(from, channel, fromFrame, fromFrame + frames))
      .flat()
      .map((span) => {
        const first = Math.max(span.fromFrame, fromFrame)
        const last = Math.min(span.toFrame, fromFrame + frames)
        return { ...span, sessionId: to, fromFrame: first - fromFrame, toFrame: last - fromFrame, meetingMs: meetingMsOf(span, first) }
      })
  }

  /**
   * The frame of session `from` that is frame 0 of session `to`, when that repeats it (`copies`): every span of `to` lies there in one of
   * `from`, and says the same. null when it has none, or takes audio first.
   */
  copiedFrom(from: SessionId, to: SessionId): number | null {
    const copies = [...(this.#bySession.get(to)?.values() ?? [])].flat()
    const [first] = copies
    if (!first) return null
    const isThere = (copy: Span, fromFrame: number) => {
      const [begin, end] = [copy.fromFrame + fromFrame, copy.toFrame + fromFrame]
      const isWhole = (span: Span) => span.trackKey === copy.trackKey && span.fromFrame <= begin && span.toFrame >= end
      const isSameTime = (span: Span) => Math.abs(meetingMsOf(span, begin) - copy.meetingMs) * FRAMES_PER_MS < 1
      return this.overlapping(from, copy.channel, begin, end).some((span) => isWhole(span) && isSameTime(span))
    }
    for (const span of this.channel(from, first.channel)) {
      const frame = Math.round(span.fromFrame + (first.meetingMs - span.meetingMs) * FRAMES_PER_MS) - first.fromFrame
      if (frame >= 0 && copies.every((copy) => isThere(copy, frame))) return frame
    }
    return null
  }

  /**
   * The frame where something begins that somebody said on a channel, fractional: of the span that has most of it, since spans that meet in
   * time may lie far apart in the session. null when no span of theirs has any of it.
   */
  frameOf(said: { sessionId: SessionId; channel: number; identity: Identity | null; startMs: number; endMs: number }): number | null {
    const endMs = Math.max(said.endMs, said.startMs + 1)
    let best: Span | null = null
    let mostMs = 0
    for (const span of this.channel(said.sessionId, said.channel)) {
      if (span.identity !== said.identity) continue
      const sharedMs = Math.min(endMs, meetingMsOf(span, span.toFrame)) - Math.max(said.startMs, span.meetingMs)
      if (sharedMs > mostMs) [best, mostMs] = [span, sharedMs]
    }
    return best ? best.fromFrame + (said.startMs - best.meetingMs) * FRAMES_PER_MS : null
  }

  /** All spans of a channel, in order. */
  channel(sessionId: SessionId, channel: number): readonly Span[] {
    return this.#bySession.get(sessionId)?.get(channel) ?? []
  }

  /** Where the last span of the session ends; 0 when it has none. */
  endFrame(sessionId: SessionId): number {
    let end = 0
    for (const spans of this.#bySession.get(sessionId)?.values() ?? []) end = Math.max(end, spans.at(-1)?.toFrame ?? 0)
    return end
  }

  /** The span of any channel of the session that lies nearest to the frame. */
  nearest(sessionId: SessionId, frame: number): Span | null {
    let best: Span | null = null
    for (const spans of this.#bySession.get(sessionId)?.values() ?? []) {
      const at = firstFrom(spans, frame)
      for (const span of [spans[at - 1], spans[at]]) {
        if (span && (best === null || distance(span, frame) < distance(best, frame))) best = span
      }
    }
    return best
  }

  /** Every span, by session and channel. */
  *[Symbol.iterator](): Generator<Span> {
    for (const channels of this.#bySession.values()) for (const spans of channels.values()) yield* spans
  }
}

/** Frames between a span and a frame; 0 inside. */
export function distance(span: Span, frame: number): number {
  return Math.max(0, span.fromFrame - frame, frame - span.toFrame)
}

/** Frames between a span and a stretch of frames; 0 where they touch. */
export function distanceOf(span: Span, fromFrame: number, toFrame: number): number {
  return Math.max(0, span.fromFrame - toFrame, fromFrame - span.toFrame)
}

/** Index of the first span that begins at or after the frame. */
function firstFrom(spans: readonly Span[], frame: number): number {
  let low = 0
  let high = spans.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((spans[middle] as Span).fromFrame < frame) low = middle + 1
    else high = middle
  }
  return low
}
