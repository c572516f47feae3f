import { describe, expect, it } from 'vitest'
import { createPaint } from '../../../src/cli/terminal/paint.js'
import { receiptLines, widthOf, type Receipt } from '../../../src/cli/terminal/receipt.js'

const line = (name: string, cells: readonly string[], change: object = {}) => ({
  identity: name,
  name,
  cells,
  hasLoss: false,
  noisy: false,
  ...change,
})
const receipt: Receipt = {
  complete: false,
  verdict: 'Not complete: 18.0 s of speech were lost.',
  columns: ['heard', 'lost'],
  lines: [
    line('Radio ~', ['5:00.0', '0:18.0'], { hasLoss: true, noisy: true }),
    line('山田太郎', ['0:41.2', '-']),
    line(`Eve\u001b[2J${'x'.repeat(40)}`, ['0:01.0', '-']),
  ],
  total: { ...line('all', ['5:42.2', '0:18.0']), identity: null },
  notes: ['~ never paused; served after others'],
  price: '812 channel-seconds billed for 342 s of speech (2.4 x)',
}

describe('the receipt in a terminal', () => {
  it('is a table that stands straight, with notes, verdict and price', () => {
    expect(receiptLines(receipt, createPaint(false)).join('\n')).toMatchInlineSnapshot(`
      "  person                     heard    lost
        Radio ~                   5:00.0  0:18.0
        山田太郎                  0:41.2       -
        Eve [2Jxxxxxxxxxxxxxxxx…  0:01.0       -
        ----------------------------------------
        all                       5:42.2  0:18.0
        ~ never paused; served after others

        Not complete: 18.0 s of speech were lost.
        812 channel-seconds billed for 342 s of speech (2.4 x)"
    `)
  })

  it('takes columns that somebody adds', () => {
    const errors = {
      title: 'word errors',
      cell: (identity: string | null) => (identity === null ? '2.0 %' : identity === '山田太郎' ? '1.5 %' : '-'),
    }
    const lines = receiptLines(receipt, createPaint(false), [errors])
    expect(lines[0]).toMatch(/word errors$/)
    expect(lines.find((text) => text.includes('山田太郎'))).toMatch(/1\.5 %$/)
    expect(lines.find((text) => text.includes('  all'))).toMatch(/2\.0 %$/)
  })

  it('colours what is bad, and says one line when nobody spoke', () => {
    const coloured = receiptLines(receipt, createPaint(true))
    expect(coloured.find((text) => text.includes('Radio'))).toContain('\u001b[31m')
    expect(
      receiptLines(
        { ...receipt, complete: true, verdict: 'Complete.', lines: [], total: null, notes: [], price: null },
        createPaint(false),
      ),
    ).toEqual(['  Complete.'])
  })

  it('counts the columns that a terminal gives to a text', () => {
    expect(['abc', '山田', '👩‍👧', 'é', ''].map(widthOf)).toEqual([3, 4, 2, 1, 0])
  })
})
