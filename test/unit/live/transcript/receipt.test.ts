import { describe, expect, it } from 'vitest'
import { asIdentity } from '../../../../src/core/ids.js'
import { receiptView } from '../../../../src/live/transcript/render/receipt.js'
import type { CoverageRow } from '../../../../src/live/transcript/segment.js'
import { coverageRow, NOTHING_BILLED } from '../../../support/coverage-row.js'
import { documentOf } from './fixtures.js'

const person = (name: string, change: Partial<CoverageRow> = {}): CoverageRow =>
  coverageRow({ identity: asIdentity(name), name, ...change })
const view = (...coverage: CoverageRow[]) => receiptView(documentOf([], { coverage }))

describe('the receipt to be read', () => {
  it('shows what was heard, sent, acknowledged, returned and lost, who spoke most first, and all of it', () => {
    const { columns, lines, total, notes } = view(person('Ann', { speechMs: 1000 }), person('Bob', { speechMs: 62_000, lostMs: 400 }))
    expect(columns).toEqual(['heard', 'sent', 'acknowledged', 'returned', 'lost'])
    expect(lines.map(({ name, cells, hasLoss }) => [name, ...cells, hasLoss])).toEqual([
      ['Bob', '1:02.0', '1:01.6', '1:01.6', '1:01.6', '0:00.4', true],
      ['Ann', '0:01.0', '0:01.0', '0:01.0', '0:01.0', '-', false],
    ])
    expect(total).toMatchObject({ name: 'all', cells: ['1:03.0', '1:02.6', '1:02.6', '1:02.6', '0:00.4'] })
    expect(notes).toEqual([])
  })

  it('has columns for waiting, faults of its own and waits only when there are any', () => {
    const odd = view(
      person('Ann', { speechMs: 1000, waitingMs: 1, unaccountedMs: 60 }),
      person('Bob', { speechMs: 1000, unaccountedMs: -60, waits: { count: 3, totalMs: 900, maxMs: 410 } }),
    )
    expect(odd.columns.slice(5)).toEqual(['waiting', 'unaccounted', 'longest wait'])
    // a millisecond is not nothing, and opposite faults do not cancel out
    expect(odd.lines.map(({ cells }) => cells.slice(5))).toEqual([
      ['0:00.1', '0:00.1', '-'],
      ['-', '-0:00.1', '0:00.5'],
    ])
    expect(odd.notes).toEqual(['Speech waited 0:00.9 for a channel in all, 0:00.5 at most'])
  })

  it('marks the noisy, and names those who said nothing and those whom nobody could listen to', () => {
    const gaps = [{ identity: asIdentity('Late'), fromMs: 0, toMs: 9000, reason: 'over_capacity' }] as const
    const { lines, notes } = view(
      person('Radio', { speechMs: 9000, noisy: true }),
      person('Mute'),
      person('Car', { noisy: true }),
      person('Late', { gaps, unheardMs: 9000 }),
      ...Array.from({ length: 10 }, (_, at) => person(`Guest ${at}`)),
    )
    expect(lines.map(({ name, noisy }) => [name, noisy])).toEqual([['Radio ~', true]])
    expect(notes).toEqual([
      '~ loud for a minute without a pause; if it was a voice, served after others',
      'Not listened to, for there were more people than roomscribe may hear: Late',
      'Said nothing: Mute, Car ~, Guest 0, Guest 1, Guest 2, Guest 3, Guest 4, Guest 5 and 4 more',
    ])
    expect(view(person('Anna', { speechMs: 1 }), person('Car', { noisy: true })).notes).toEqual([notes[0], 'Said nothing: Car ~'])
  })

  it('says the price in channel-seconds, beside speech and a channel each', () => {
    const billing = {
      ...NOTHING_BILLED,
      channelSec: 7200.4,
      speechSec: 3100,
      channelEachSec: 54_000,
      perSpeechSec: 2.323,
      ofChannelEach: 0.133,
    }
    expect(receiptView(documentOf([], { billing })).price).toBe(
      '7,200 channel-seconds billed for 3,100 s of speech (2.3 x); a channel for each person would have been 54,000, so this is 13 % of it',
    )
    expect(view().price).toBeNull()
  })

  it('says that nothing was sent, not less, of who was lost altogether', () => {
    const { lines, total } = view(
      person('Ann', { speechMs: 12_340, lostMs: 12_340 }),
      person('Bob', { speechMs: 40, lostMs: 20, waitingMs: 20 }),
    )
    expect(lines.map(({ cells }) => cells)).toEqual([
      ['0:12.4', '0:00.0', '0:00.0', '0:00.0', '0:12.4', '-'],
      ['0:00.2', '0:00.0', '0:00.0', '0:00.0', '0:00.1', '0:00.1'],
    ])
    expect(total?.cells).toEqual(['0:12.5', '0:00.0', '0:00.0', '0:00.0', '0:12.4', '0:00.1'])
  })

  it('adds up for whoever reads it, however little was lost', () => {
    const { lines } = view(
      person('Ann', { speechMs: 1_800_000, lostMs: 18_050 }),
      person('Bob', { speechMs: 3_661_040, lostMs: 1, acknowledgedSpeechMs: 3_661_038 }),
    )
    expect(lines.map(({ cells }) => [cells[0], cells[1], cells[2], cells[4]])).toEqual([
      ['1:01:01.0', '1:01:00.9', '1:01:00.9', '0:00.1'],
      ['30:00.0', '29:41.9', '29:41.9', '0:18.1'],
    ])
  })
})
