import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { duration, moment, seconds } from '../../../src/web/text/format.js'
import { People } from '../../../src/web/text/people.js'
import { Search } from '../../../src/web/text/search.js'
import { moved, rowAt, windowAround } from '../../../src/web/text/window.js'

describe('search', () => {
  const found = (query: string, text: string) => new Search(query).in(text).map(([from, to]) => text.slice(from, to))

  test.each([
    ['naive', 'A naïve NAIVE question', ['naïve', 'NAIVE']],
    ['naïve', 'A naive question', ['naive']],
    ['strasse', 'Straße', []],
    ['fi', 'ﬁnd', ['ﬁ']],
    ['f', 'ﬁnd', ['ﬁ']],
    ['İ', 'istanbul İstanbul', ['i', 'İ']],
    ['😀', 'so 😀 it is', ['😀']],
    ['  the ', 'the other', ['the', 'the']],
    ['', 'anything', []],
  ])('%j in %j', (query, text, expected) => {
    expect(found(query, text)).toEqual(expected)
  })

  test('ranges are in order, apart, within the text, and never cut a character', () => {
    const texts = fc.string({ unit: fc.constantFrom('a', 'A', 'á', 'ﬁ', 'İ', '😀', 'e\u0301', ' ') })
    fc.assert(
      fc.property(texts, texts, (query, text) => {
        let last = 0
        for (const [from, to] of new Search(query).in(text)) {
          expect(from).toBeGreaterThanOrEqual(last)
          expect(to).toBeGreaterThan(from)
          expect(to).toBeLessThanOrEqual(text.length)
          expect(() => encodeURIComponent(text.slice(from, to))).not.toThrow()
          last = to
        }
      }),
    )
  })

  test('what a text without accents holds is found at its place', () => {
    const texts = fc.string({ unit: fc.constantFrom('a', 'b', 'C', ' ') })
    fc.assert(
      fc.property(texts, texts, texts, (before, wanted, after) => {
        fc.pre(wanted.trim() !== '')
        const ranges = new Search(wanted).in(before + wanted + after)
        expect(ranges.length).toBeGreaterThan(0)
      }),
    )
  })
})

describe('the part of a long list', () => {
  test('holds the row that it is around, is as long as it may be, and never leaves the list', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 5000 }),
        fc.nat({ max: 5000 }),
        fc.integer({ min: 1, max: 700 }),
        fc.integer({ min: -900, max: 900 }),
        (total, any, size, by) => {
          fc.pre(total > 0)
          const at = any % total
          const window = windowAround(at, total, size)
          expect(window.from <= at && at < window.to).toBe(true)
          expect(window.to - window.from).toBe(Math.min(size, total))
          const next = moved(window, by, total)
          expect(next.to - next.from).toBe(window.to - window.from)
          expect(next.from >= 0 && next.to <= total).toBe(true)
        },
      ),
    )
  })

  test('a moment belongs to the last row that has begun', () => {
    const rows = [{ startMs: 100 }, { startMs: 200 }, { startMs: 200 }, { startMs: 900 }]
    expect([0, 100, 150, 200, 899, 5000].map((ms) => rowAt(rows, ms))).toEqual([0, 0, 0, 2, 2, 3])
    expect(rowAt([], 5)).toBe(-1)
  })
})

describe('times', () => {
  test.each([
    [0, '0:00'],
    [59_999, '0:59'],
    [3_599_000, '59:59'],
    [3_600_000, '1:00:00'],
    [-5, '0:00'],
  ])('the moment %d is %s', (ms, text) => expect(moment(ms)).toBe(text))

  test('lengths', () => {
    expect([duration(400), duration(59_400), duration(59_600), duration(3_599_999), duration(3_900_000)]).toEqual([
      '0 s',
      '59 s',
      '1 min',
      '1 h 00 min',
      '1 h 05 min',
    ])
    expect([seconds(2_440), seconds(59_960), seconds(139_700)]).toEqual(['2.4 s', '1:00.0', '2:19.7'])
  })
})

test('a person keeps a colour; nobody has none', () => {
  const people = new People()
  expect([people.colour('a'), people.colour('b'), people.colour('a'), people.colour(null)]).toEqual(['who-0', 'who-1', 'who-0', 'who-none'])
})
