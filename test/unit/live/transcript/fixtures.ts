import { asIdentity, asSegmentId, asSessionId, trackKey } from '../../../../src/core/ids.js'
import type { Span } from '../../../../src/live/audio/span.js'
import type { AttributableUtterance } from '../../../../src/live/transcript/attribute.js'
import type { Segment, TranscriptDocument } from '../../../../src/live/transcript/segment.js'
import { NOTHING_BILLED } from '../../../support/coverage-row.js'
import { SpanIndex } from '../../../../src/live/transcript/span-index.js'

export const SESSION = asSessionId('s1')

/** A span of a person on a channel; seconds of the session, meeting ms at its start. */
export function span(name: string, channel: number, fromSec: number, toSec: number, meetingMs: number, sessionId = SESSION): Span {
  const identity = asIdentity(name)
  const [fromFrame, toFrame] = [Math.round(fromSec * 16_000), Math.round(toSec * 16_000)]
  return { sessionId, channel, fromFrame, toFrame, trackKey: trackKey(identity, 'microphone'), identity, meetingMs }
}

export function indexOf(...spans: Span[]): SpanIndex {
  const index = new SpanIndex()
  for (const one of spans) index.put(one)
  return index
}

/** An utterance of words `[text, startSec, endSec]` on channel 0. */
export function utterance(
  words: readonly (readonly [string, number, number])[],
  change: Partial<AttributableUtterance> = {},
): AttributableUtterance {
  return {
    sessionId: SESSION,
    utteranceId: '00_00000001',
    channel: 0,
    startSec: words[0]?.[1] ?? 0,
    endSec: words.at(-1)?.[2] ?? 0,
    text: words.map(([text]) => text).join(' '),
    words: words.map(([text, startSec, endSec]) => ({ text, startSec, endSec, confidence: 0.9 })),
    language: 'en',
    confidence: 0.8,
    ...change,
  }
}

export function segment(change: Partial<Segment> = {}): Segment {
  const { sessionId = SESSION, utteranceId = 'u1', part = 0 } = change
  return {
    id: asSegmentId(`${sessionId}.${utteranceId}.${part}`),
    identity: asIdentity('ann'),
    startMs: 1000,
    endMs: 2000,
    text: 'Good morning.',
    words: [
      { text: 'Good', startMs: 1000, endMs: 1400, confidence: 0.9 },
      { text: 'morning.', startMs: 1500, endMs: 2000, confidence: 0.9 },
    ],
    language: 'en',
    confidence: 0.9,
    sessionId,
    channel: 0,
    utteranceId,
    part,
    ...change,
  }
}

export function documentOf(
  segments: readonly (Partial<Segment> & { name?: string | null })[],
  change: Partial<TranscriptDocument> = {},
): TranscriptDocument {
  return {
    meetingId: 'm1',
    room: 'standup',
    title: null,
    startedAt: '2026-01-05T09:00:00.000Z',
    complete: true,
    doubts: [],
    segments: segments.map(({ name = 'Ann Lee', ...rest }) => ({ ...segment(rest), name })),
    coverage: [],
    billing: NOTHING_BILLED,
    ...change,
  }
}
