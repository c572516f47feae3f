import { expect, test } from 'vitest'
import { asIdentity, newSessionId } from '../../../../src/core/ids.js'
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
