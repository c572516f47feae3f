import { expect, test } from 'vitest'
import { asIdentity, newSessionId, trackKey } from '../../../../src/core/ids.js'
import type { Span } from '../../../../src/live/audio/span.js'
import { SpanIndex } from '../../../../src/live/transcript/span-index.js'
import { spanOf } from '../../../support/records.js'

const sessionId = newSessionId()
const ana = asIdentity('ana')
const index = new SpanIndex()
// two that meet in time, apart in the session, and somebody else's between them
index.put({ ...spanOf(sessionId, 16_800, 27_200), meetingMs: 8_747.14 })
index.put({ ...spanOf(sessionId, 30_000, 60_000), identity: asIdentity('bob'), meetingMs: 8_000 })
index.put({ ...spanOf(sessionId, 63_200, 92_800), meetingMs: 9_397.14 })

test.each([
  ['in the midst of a span', 8_847.14, 8_900, ana, 18_400],
  ['a rounding before a span that meets another one in time', 9_397, 9_447, ana, 63_200 - 0.14 * 16],
  ['of no length', 9_397.14, 9_397.14, ana, 63_200],
  ['when nobody of that name had a channel', 5_000, 5_050, ana, null],
  ['under nobody', 8_847, 8_900, null, null],
])('the frame of a word %s', (_, startMs, endMs, identity, frame) => {
  const found = index.frameOf({ sessionId, channel: 0, identity, startMs, endMs })
  if (frame === null) expect(found).toBeNull()
  else expect(found).toBeCloseTo(frame, 6)
})

test('a frame is of its own session and channel', () => {
  expect(index.frameOf({ sessionId, channel: 1, identity: ana, startMs: 8_847, endMs: 8_900 })).toBeNull()
  expect(index.frameOf({ sessionId: newSessionId(), channel: 0, identity: ana, startMs: 8_847, endMs: 8_900 })).toBeNull()
})

test('where a session lies in another that repeats it is known by all its spans, also what is left of them', () => {
  const known = new SpanIndex()
  const [whole, rest, other] = [newSessionId(), newSessionId(), newSessionId()]
  known.put({ ...spanOf(whole, 1_600, 20_000), meetingMs: 3_000.14 })
  known.put({ ...spanOf(whole, 800, 30_000), channel: 1, meetingMs: 4_000.7 })
  known.put({ ...spanOf(whole, 24_000, 40_000), meetingMs: 3_500.14 })
  for (const copy of known.copies(whole, 2, 10_000, rest, 30_000)) known.put(copy)
  for (const copy of known.copies(rest, 2, 12_000, other, 18_000)) known.put(copy)
  expect([known.copiedFrom(whole, rest), known.copiedFrom(rest, other), known.copiedFrom(whole, other)]).toEqual([10_000, 12_000, 22_000])
  expect([known.copiedFrom(rest, whole), known.copiedFrom(whole, newSessionId())]).toEqual([null, null])
})

test('a session that is repeated but for the silence that it begins with does not repeat its copy', () => {
  const known = new SpanIndex()
  const [whole, rest] = [newSessionId(), newSessionId()]
  known.put(spanOf(whole, 12_000, 30_000))
  for (const copy of known.copies(whole, 1, 10_000, rest, 20_000)) known.put(copy)
  expect([known.copiedFrom(whole, rest), known.copiedFrom(rest, whole)]).toEqual([10_000, null])
})

test.each([
  ['goes on where it ends', { meetingMs: 1_900 }],
  ['has the same time of another track', { trackKey: trackKey(asIdentity('bob'), 'microphone') }],
  ['has it on another channel', { channel: 1 }],
  ['says more than that', {}, { meetingMs: 5_000 }],
])('a session that %s repeats nothing', (_, first: Partial<Span>, second?: Partial<Span>) => {
  const known = new SpanIndex()
  const later = newSessionId()
  known.put({ ...spanOf(sessionId, 0, 16_000), meetingMs: 1_000 })
  known.put({ ...spanOf(later, 0, 3_200), meetingMs: 1_200, ...first })
  if (second) known.put({ ...spanOf(later, 4_800, 8_000), ...second })
  expect(known.copiedFrom(sessionId, later)).toBeNull()
})
