import { expect, it } from 'vitest'
import { asIdentity } from '../../../src/core/ids.js'
import { coverageOf } from '../../../src/records/sql/coverage-document.js'
import { coverageRow } from '../../support/coverage-row.js'

it('a document comes back as written, and one from before doubts were is filled up so that its sums hold', () => {
  const row = coverageRow({ speechMs: 100, lostMs: 5 })
  expect(coverageOf({ rows: [row], doubts: ['lost'] }, false)).toEqual({ rows: [row], complete: false, doubts: ['lost'] })
  const first = {
    identity: asIdentity('ann'),
    name: 'Ann',
    speechMs: 100,
    sentMs: 90,
    acknowledgedMs: 90,
    returnedMs: 80,
    lostMs: 30,
    gaps: [],
  }
  const { rows, complete, doubts } = coverageOf([first], true)
  expect([complete, doubts]).toEqual([true, []])
  expect(rows[0]).toMatchObject({ ...first, sentSpeechMs: 70, unaccountedMs: 0, waits: { count: 0 }, noisy: false })
})
