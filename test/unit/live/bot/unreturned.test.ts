import { expect, test } from 'vitest'
import { asIdentity, newSessionId } from '../../../../src/core/ids.js'
import { unreturned } from '../../../../src/live/bot/unreturned.js'
import { segmentOf } from '../../../support/records.js'

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
