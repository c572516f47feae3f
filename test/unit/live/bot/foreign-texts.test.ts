import { expect, test } from 'vitest'
import { newSessionId } from '../../../../src/core/ids.js'
import { sentAgainBefore } from '../../../../src/live/bot/foreign-texts.js'
import { sessionWith, spanOf } from '../../../support/records.js'

const [first, second] = [newSessionId(), newSessionId()]
/** 10 s of somebody, of which all but the first 2 s were sent again. */
const spans = [
  { ...spanOf(first, 0, 160_000), meetingMs: 1_000 },
  { ...spanOf(second, 8_000, 136_000), meetingMs: 3_000 },
]
const again = (acknowledged: number, reached: number) =>
  sentAgainBefore([{ ...sessionWith(first, 160_000), acknowledgedFrames: acknowledged }, sessionWith(second, reached)], spans)

test('28 I2 what was sent again is told there, also where it is known since that the first session had it', () => {
  const all = [{ sessionId: first, fromFrame: 32_000, toFrame: 160_000 }]
  expect([again(32_000, 136_000), again(96_000, 136_000), again(160_000, 136_000)]).toEqual([all, all, all])
})

test('28 as far as the later session has come', () => {
  expect(again(32_000, 72_000)).toEqual([{ sessionId: first, fromFrame: 32_000, toFrame: 96_000 }])
  expect(again(32_000, 8_000)).toEqual([])
})
