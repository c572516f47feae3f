import { expect, test } from 'vitest'
import { asIdentity, newSessionId } from '../../../../src/core/ids.js'
import { unreturned } from '../../../../src/live/bot/unreturned.js'
import { segmentOf, sessionWith, spanOf } from '../../../support/records.js'

test('30 H1 the last that a dead bot heard of somebody is a gap also when later bots have texts of them by now', () => {
  const ann = asIdentity('ann')
  const text = (startMs: number, endMs: number) => segmentOf(newSessionId(), 0, { identity: ann, startMs, endMs })
  const gaps = unreturned({
    spans: [],
    sessions: [],
    segments: [text(1_000, 2_000), text(8_000, 9_000)],
    gaps: [],
    adopted: [],
    hasTexts: () => true,
    left: [{ identity: ann, fromMs: 0, untilMs: 5_000 }],
  })
  expect(gaps).toEqual([{ identity: 'ann', fromMs: 2_000, toMs: 5_000, reason: 'taken_over' }])
})

test.each([
  ['is a gap from the block on that the disk did not have', 1_050],
  ['is none when it had all', 1_100],
])('28 what a dead bot had sent last and its disk had not written: what is not sent again %s', (_, writtenMs) => {
  const ann = asIdentity('ann')
  const sessionId = newSessionId()
  const framesOf = (ms: number) => ms * 16
  const gaps = unreturned({
    spans: [{ ...spanOf(sessionId, 0, framesOf(1_100)), identity: ann, meetingMs: 0 }],
    sessions: [{ ...sessionWith(sessionId, framesOf(1_100)), acknowledgedFrames: framesOf(500) }],
    segments: [segmentOf(sessionId, 0, { identity: ann, startMs: 100, endMs: 500 })],
    gaps: [],
    adopted: [{ sessionId, fromFrame: framesOf(500), toFrame: framesOf(writtenMs) }],
    hasTexts: () => true,
    left: [],
  })
  expect(gaps).toEqual(writtenMs === 1_100 ? [] : [{ identity: 'ann', fromMs: 1_050, toMs: 1_100, reason: 'taken_over' }])
})
