import type { Span } from '../../../src/live/audio/span.js'
import type { Segment } from '../../../src/live/transcript/segment.js'

const FRAMES_PER_MS = 16
/** rounding of dates */
const ROUNDING_MS = 1
/** a word may stand out of what it was heard in by so much: the edges of an utterance are the service's */
const OUT_MS = 150

/**
 * What the records of a meeting break by themselves, whatever was spoken: I2 doubles, I3 owners of frames, I4 order of audio time.
 * @param backMs how far the time of a track may go back: A11 dates the first frame by its arrival, and corrects that when it was late
 */
export function recordViolations(spans: readonly Span[], segments: readonly Segment[], backMs: number): string[] {
  const violations: string[] = []
  for (const [channel, owned] of grouped(spans, ({ sessionId, channel }) => `${sessionId}/${channel}`)) {
    for (const [before, next] of pairs(owned))
      if (next.fromFrame < before.toFrame)
        violations.push(`I3 frames from ${next.fromFrame} of ${channel} are of ${before.identity} and of ${next.identity}`)
  }
  for (const [track, spoken] of grouped(spans, ({ sessionId, trackKey }) => `${sessionId}/${trackKey}`)) {
    for (const [before, next] of pairs(spoken))
      if (next.meetingMs < endMsOf(before) - backMs - ROUNDING_MS)
        violations.push(`I4 ${track} goes back from ${endMsOf(before)} to ${next.meetingMs} ms at frame ${next.fromFrame}`)
  }
  const keys = new Set(segments.map(({ sessionId, utteranceId, part }) => `${sessionId}/${utteranceId}/${part}`))
  if (keys.size < segments.length) violations.push('I2 a segment is stored twice')
  const ofSession = grouped(spans, ({ sessionId, channel }) => `${sessionId}/${channel}`)
  for (const { id, identity, sessionId, channel, startMs, endMs } of segments) {
    const heard = ofSession.get(`${sessionId}/${channel}`) ?? []
    const isHeard = heard.some((span) => span.identity === identity && span.meetingMs < endMs + OUT_MS && endMsOf(span) > startMs - OUT_MS)
    if (identity !== null && !isHeard) violations.push(`I3 segment ${id} of ${identity} rests on no span`)
  }
  return violations
}

const endMsOf = ({ meetingMs, fromFrame, toFrame }: Span): number => meetingMs + (toFrame - fromFrame) / FRAMES_PER_MS

function grouped(spans: readonly Span[], keyOf: (span: Span) => string): Map<string, Span[]> {
  const groups = new Map<string, Span[]>()
  for (const span of spans.toSorted((a, b) => a.fromFrame - b.fromFrame)) {
    const key = keyOf(span)
    const group = groups.get(key)
    if (group) group.push(span)
    else groups.set(key, [span])
  }
  return groups
}

function* pairs(spans: readonly Span[]): Generator<readonly [Span, Span]> {
  for (let at = 1; at < spans.length; at++) yield [spans[at - 1]!, spans[at]!]
}
