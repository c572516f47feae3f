import { describe, expect, it } from 'vitest'
import { asIdentity } from '../../../../src/core/ids.js'
import type { Gap, GapReason } from '../../../../src/live/audio/span.js'
import { added, withEverybody, withGaps } from '../../../../src/live/transcript/whole.js'
import { coverageRow } from '../../../support/coverage-row.js'

const ANN = asIdentity('ann')
const BOB = asIdentity('bob')
const gap = (identity: typeof ANN, fromMs: number, toMs: number, reason: GapReason = 'taken_over'): Gap => ({
  identity,
  fromMs,
  toMs,
  reason,
})
const names = new Map([
  [ANN, 'Ann'],
  [BOB, 'Bob'],
])
const whole = { rows: [coverageRow()], complete: true, doubts: [] }

it('rows of several bots add up by person, under the last name, and are conserved', () => {
  const first = coverageRow({
    speechMs: 1_000,
    lostMs: 100,
    lostBy: { ring_full: 60, taken_over: 40 },
    waits: { count: 1, totalMs: 300, maxMs: 300 },
    noisy: true,
    unheardMs: 500,
    gaps: [gap(ANN, 0, 500)],
  })
  const second = coverageRow({
    name: 'Ann Chen',
    speechMs: 500,
    lostMs: 50,
    lostBy: { ring_full: 50 },
    waits: { count: 2, totalMs: 200, maxMs: 150 },
    unheardMs: 600,
    gaps: [gap(ANN, 400, 900), gap(ANN, 2_000, 2_100)],
  })
  const bob = coverageRow({ identity: BOB, name: 'Bob', speechMs: 7 })
  const [ann, ...rest] = added([[first], [bob], [second]])
  expect(rest).toEqual([bob])
  expect(ann).toMatchObject({
    name: 'Ann Chen',
    speechMs: 1_500,
    sentSpeechMs: 1_350,
    lostMs: 150,
    lostBy: { ring_full: 110, taken_over: 40 },
    waits: { count: 3, totalMs: 500, maxMs: 300 },
    noisy: true,
    // what two bots missed at once was missed once
    unheardMs: 1_000,
    gaps: [gap(ANN, 0, 900), gap(ANN, 2_000, 2_100)],
  })
})

describe('withGaps', () => {
  it('adds what is stored to the row of its person, in order of time, each once, and what touches as one', () => {
    const before = { rows: [coverageRow({ gaps: [gap(ANN, 5_000, 6_000)], unheardMs: 1_000 })], complete: false, doubts: ['gaps' as const] }
    const gaps = [gap(ANN, 6_000, 6_500), gap(ANN, 5_000, 6_000), gap(ANN, 1_000, 2_000), gap(ANN, 1_500, 1_700, 'ring_full')]
    const { rows, doubts } = withGaps(before, { gaps, names })
    expect(rows[0]?.gaps).toEqual([gap(ANN, 1_000, 2_000), gap(ANN, 1_500, 1_700, 'ring_full'), gap(ANN, 5_000, 6_500)])
    expect([rows[0]?.unheardMs, doubts]).toEqual([2_500, ['gaps']])
  })

  it('leaves a row alone that has its gaps, or one that covers them', () => {
    const told = [gap(ANN, 1_000, 2_000, 'buffer_full'), gap(ANN, 2_000, 2_500, 'buffer_full')]
    const row = coverageRow({ gaps: told })
    const before = { rows: [row], complete: false, doubts: ['gaps' as const] }
    expect(withGaps(before, { gaps: [told[0]!, gap(ANN, 2_100, 2_200, 'buffer_full')], names }).rows[0]).toBe(row)
  })

  it('gives whoever is known by a gap alone a row, and a transcript with a gap is not complete', () => {
    const { rows, complete, doubts } = withGaps(whole, { gaps: [gap(BOB, 1_000, 2_000)], names })
    expect(rows.map(({ identity, name, speechMs, unheardMs }) => [identity, name, speechMs, unheardMs])).toEqual([
      ['ann', 'Ann Lee', 0, 0],
      ['bob', 'Bob', 0, 1_000],
    ])
    expect([complete, doubts]).toEqual([false, ['gaps']])
  })

  it('makes nothing complete that was not', () => {
    expect(withGaps(whole, { gaps: [], names })).toEqual(whole)
    expect(withGaps({ ...whole, complete: false }, { gaps: [], names }).complete).toBe(false)
  })
})

it('everybody who was there has a row, those who said nothing an empty one', () => {
  expect(withEverybody(whole.rows, names)).toMatchObject([
    { identity: 'ann', name: 'Ann Lee' },
    { identity: 'bob', name: 'Bob', speechMs: 0, gaps: [] },
  ])
})
