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

describe('colours', () => {
  const list = (...identities: readonly string[]) => identities.map((identity) => ({ identity }))
  const colours = (people: People, ...identities: readonly string[]) => identities.map((identity) => people.colour(identity))
  const all = ['ann', 'bob', 'cyd']

  test('a person has one colour, live and afterwards, whoever speaks first and whenever they came; nobody has none', () => {
    const live = new People()
    // words may come before the list has their speaker
    live.colour('cyd')
    live.know(list('ann'))
    live.colour('bob')
    live.know(list('ann', 'bob'))
    const early = colours(live, 'ann', 'bob')
    live.know(list(...all))
    const finished = new People()
    finished.know(list(...all))
    expect(colours(finished, ...all)).toEqual(['who-0', 'who-1', 'who-2'])
    expect(colours(live, ...all)).toEqual(colours(finished, ...all))
    expect(early).toEqual(colours(finished, 'ann', 'bob'))
    expect(live.colour(null)).toBe('who-none')
  })

  test('whoever is in no list has a colour by their identity alone, and there are eight', () => {
    const many = Array.from({ length: 200 }, (_, n) => `person ${n}`)
    const asked = new People()
    for (const identity of many.toReversed()) asked.colour(identity)
    expect(colours(asked, ...many)).toEqual(colours(new People(), ...many))
    expect([...new Set(colours(asked, ...many))].toSorted()).toEqual(Array.from({ length: 8 }, (_, n) => `who-${n}`))
    asked.know(list(...many))
    expect(new Set(colours(asked, ...many)).size).toBe(8)
  })
})
