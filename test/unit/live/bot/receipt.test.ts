import { expect, it } from 'vitest'
import { asSessionId } from '../../../../src/core/ids.js'
import { receiptFacts, receiptOf } from '../../../../src/live/bot/receipt.js'
import { coverageRow } from '../../../support/coverage-row.js'

const whole = { rows: [coverageRow({ speechMs: 100 })], complete: true, doubts: [] }
const end = { isTakenOver: false, isFailed: false, areTextsLost: false }

it('a meeting that was taken over, failed, or could not store its text is not complete, whatever its coverage says', () => {
  expect(receiptOf(whole, end)).toEqual(whole)
  expect(receiptOf(whole, { ...end, isTakenOver: true })).toMatchObject({ complete: false, doubts: ['taken_over'] })
  expect(receiptOf(whole, { ...end, isFailed: true })).toMatchObject({ complete: false, doubts: ['failed'] })
  expect(receiptOf({ ...whole, complete: false, doubts: ['lost'] }, { ...end, areTextsLost: true }).doubts).toEqual(['lost', 'not_stored'])
})

it('counts the longest wait of those who asked for a channel, and the noisy', () => {
  const rows = [
    coverageRow({ waits: { count: 2, totalMs: 500, maxMs: 400 }, noisy: true }),
    coverageRow({ waits: { count: 1, totalMs: 0, maxMs: 0 } }),
    coverageRow(),
  ]
  const session = { sessionId: asSessionId('s'), vendorId: 'v', channels: 4, sampleRate: 16_000, sentFrames: 16_000 }
  const facts = receiptFacts({ rows, complete: true, doubts: [] }, [session])
  expect(facts).toMatchObject({ people: 3, longestWaitsMs: [400, 0], noisyPeople: 1, billing: { channelSec: 4 } })
})
