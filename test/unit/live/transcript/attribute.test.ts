import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { attribute } from '../../../../src/live/transcript/attribute.js'
import { splitText } from '../../../../src/live/transcript/split-text.js'
import { SESSION, indexOf, span, utterance } from './fixtures.js'

const brief = (segments: ReturnType<typeof attribute>) =>
  segments.map(({ identity, text, startMs, endMs }) => [identity, text, startMs, endMs] as const)

test('an utterance on one span is one segment of its person, at meeting time', () => {
  const [segment, ...rest] = attribute(
    utterance([
      ['Hello', 1, 1.5],
      ['there.', 1.5, 2],
    ]),
    indexOf(span('ann', 0, 0, 10, 60_000)),
  )
  expect(rest).toEqual([])
  expect(segment).toMatchObject({ id: 's1.00_00000001.0', identity: 'ann', startMs: 61_000, endMs: 62_000, confidence: 0.8, part: 0 })
  expect(segment!.words).toEqual([
    { text: 'Hello', startMs: 61_000, endMs: 61_500, confidence: 0.9 },
    { text: 'there.', startMs: 61_500, endMs: 62_000, confidence: 0.9 },
  ])
})

test('an utterance that crosses people is split at words, with the punctuation of its text', () => {
  const index = indexOf(span('ann', 0, 0, 2, 0), span('bob', 0, 2.5, 6, 2500))
  const said = utterance(
    [
      ['yes', 1, 1.4],
      ['indeed', 1.4, 1.9],
      ['no', 2.6, 3],
      ['never', 3, 3.5],
    ],
    { text: 'Yes, indeed! No: never.' },
  )
  const words = said.words.map((word, at) => ({ ...word, text: ['Yes', 'indeed', 'No', 'never'][at]! }))
  expect(brief(attribute({ ...said, words }, index))).toEqual([
    ['ann', 'Yes, indeed!', 1000, 1900],
    ['bob', 'No: never.', 2600, 3500],
  ])
})

test('W1 a word on two spans goes to the one it shares most with', () => {
  const index = indexOf(span('ann', 0, 0, 2, 0), span('bob', 0, 2, 6, 2000))
  expect(attribute(utterance([['mostly', 1.9, 2.5]]), index)[0]!.identity).toBe('bob')
  expect(attribute(utterance([['mostly', 1.5, 2.1]]), index)[0]!.identity).toBe('ann')
  expect(attribute(utterance([['half', 1.5, 2.5]]), index)[0]!.identity).toBe('ann')
  // of no length: the frame that it lies on
  expect(attribute(utterance([['now', 2, 2]]), index)[0]!.identity).toBe('bob')
})

test('11 W4 what meets no span is unknown, never guessed, and still placed by the session', () => {
  const index = indexOf(span('ann', 0, 0, 2, 5000), span('bob', 1, 0, 8, 5000))
  expect(brief(attribute(utterance([['ghost', 4, 5]]), index))).toEqual([[null, 'ghost', 9000, 10_000]])
  expect(brief(attribute(utterance([['ghost', 0, 1]], { channel: 7 }), index))).toEqual([[null, 'ghost', 5000, 6000]])
  expect(brief(attribute(utterance([['ghost', 0, 1]], { channel: Number.NaN }), indexOf()))).toEqual([[null, 'ghost', 0, 0]])
})

test('W2 a word beside a span goes with the words that meet it within 300 ms, else it is unknown', () => {
  const index = indexOf(span('ann', 0, 0, 2, 0), span('bob', 1, 0, 9, 0))
  const said = (startSec: number) =>
    brief(
      attribute(
        utterance([
          ['near', 1, 1.9],
          ['by', startSec, startSec + 0.2],
        ]),
        index,
      ),
    )
  expect(said(2.3)).toEqual([['ann', 'near by', 1000, 2000]])
  expect(said(2.301)).toEqual([
    ['ann', 'near', 1000, 1900],
    [null, 'by', 2301, 2501],
  ])
})

test('W5 a pause that was cut makes start and end go by their own spans', () => {
  const index = indexOf(span('ann', 0, 0, 2, 0), span('ann', 0, 2, 5, 12_000))
  expect(
    brief(
      attribute(
        utterance([
          ['before', 1, 1.5],
          ['after', 2.5, 3],
        ]),
        index,
      ),
    ),
  ).toEqual([['ann', 'before after', 1000, 13_000]])
})

test('W5 a word with a cut pause inside is no longer than it was, on the side where most of it lies', () => {
  const index = indexOf(span('ann', 0, 0, 2, 0), span('ann', 0, 2, 5, 12_000))
  expect(brief(attribute(utterance([['across', 1.5, 2.4]]), index))).toEqual([['ann', 'across', 1500, 2000]])
  expect(brief(attribute(utterance([['across', 1.6, 2.5]]), index))).toEqual([['ann', 'across', 12_000, 12_500]])
  // frames that were lost for a moment cut nothing
  const close = indexOf(span('ann', 0, 0, 2, 0), span('ann', 0, 2, 5, 2100))
  expect(brief(attribute(utterance([['across', 1.5, 2.4]]), close))).toEqual([['ann', 'across', 1500, 2500]])
})

test('13 times beyond the audio sent, negative, reversed or not numbers are tolerated', () => {
  const index = indexOf(span('ann', 0, 0, 4, 1000))
  const odd = utterance([
    ['a', -3, 1],
    ['b', Number.NaN, Number.NaN],
    ['c', 3, 2],
    ['d', Number.NaN, 3.5],
    ['e', 50, Number.POSITIVE_INFINITY],
  ])
  const [segment, after] = attribute(odd, index)
  expect(segment).toMatchObject({ identity: 'ann', text: 'a b c d', startMs: 1000, endMs: 4500 })
  expect(segment!.words.map((word) => [word.startMs, word.endMs])).toEqual([
    [1000, 2000],
    [2000, 4000],
    [4000, 4000],
    [4500, 4500],
  ])
  // far from everything that was sent: nobody said it, and it is not put after the end
  expect(after).toMatchObject({ identity: null, text: 'e', startMs: 5000, endMs: 5000 })
  expect(attribute(utterance([['x', Number.NaN, Number.NaN]]), index)[0]).toMatchObject({ identity: null, startMs: 1000 })
})

test('a word that is reported before the one before it is put at its start, and an end before a start at that', () => {
  const index = indexOf(span('ann', 0, 0, 4, 0))
  const [segment] = attribute(
    utterance([
      ['a', 2, 3],
      ['b', 1, 1.5],
    ]),
    index,
  )
  expect(segment!.words.map((word) => [word.startMs, word.endMs])).toEqual([
    [2000, 3000],
    [2000, 2000],
  ])
})

test('an utterance without text gives no segment', () => {
  expect(attribute(utterance([], { text: ' \n' }), indexOf())).toEqual([])
})

test('a text is cut before what opens a quotation, and after what closes one', () => {
  expect(splitText('\u00abYes.\u00bb \u00bfNo? \u201cBut\u201d so', [['Yes.'], ['No?'], ['But', 'so']])).toEqual([
    '\u00abYes.\u00bb',
    '\u00bfNo?',
    '\u201cBut\u201d so',
  ])
})

test('a text whose words are not found in it is put together from the words', () => {
  expect(splitText('20 %', [['twenty'], ['percent']])).toEqual(['twenty', 'percent'])
  expect(splitText('\u4f60\u597d\u3002\u4e16\u754c', [['\u4f60\u597d'], ['\u4e16\u754c']])).toEqual(['\u4f60\u597d\u3002', '\u4e16\u754c'])
  expect(splitText('\u4f60\u597d\u4e16\u754c\u3002', [['\u4f60\u597d'], ['\u4e16\u754c']])).toEqual(['\u4f60\u597d', '\u4e16\u754c\u3002'])
})

test('whatever the service says: no word is lost or doubled, nobody without a span is named, times are whole and in order, ids repeat', () => {
  const seconds = fc.oneof(fc.double({ min: -5, max: 40, noNaN: true }), fc.constant(Number.NaN), fc.constant(Number.NEGATIVE_INFINITY))
  const word = fc.record({ text: fc.string({ unit: 'grapheme', maxLength: 6 }), startSec: seconds, endSec: seconds, confidence: seconds })
  const people = fc.array(fc.tuple(fc.constantFrom('ann', 'bob', 'cyd'), fc.integer({ min: 1, max: 80 }), fc.integer({ min: 0, max: 9 })), {
    maxLength: 8,
  })
  fc.assert(
    fc.property(fc.array(word, { maxLength: 12 }), people, fc.integer({ min: -1, max: 2 }), seconds, (words, runs, channel, startSec) => {
      let at = 0
      const spans = runs.map(([name, tenths, gap]) => {
        const from = at + gap / 10
        at = from + tenths / 10
        return span(name, 0, from, at, from * 1000 + 500)
      })
      const said = { ...utterance([]), words, channel, startSec, endSec: startSec + 1, text: words.map((one) => one.text).join(' ') }
      const segments = attribute(said, indexOf(...spans))
      const kept = words.map((one) => one.text.trim()).filter(Boolean)
      expect(segments.flatMap((segment) => segment.words.map((one) => one.text))).toEqual(kept)
      expect(new Set(segments.map((segment) => segment.id)).size).toBe(segments.length)
      for (const segment of segments) {
        expect(Number.isInteger(segment.startMs) && Number.isInteger(segment.endMs) && segment.startMs >= 0).toBe(true)
        expect(segment.endMs).toBeGreaterThanOrEqual(segment.startMs)
        const starts = segment.words.map((one) => one.startMs)
        expect(starts).toEqual(starts.toSorted((a, b) => a - b))
        for (const one of segment.words) expect(one.endMs).toBeGreaterThanOrEqual(one.startMs)
        expect(segment.confidence >= 0 && segment.confidence <= 1).toBe(true)
        if (channel !== 0) expect(segment.identity).toBeNull()
        else if (segment.identity !== null) expect(spans.map((one) => one.identity)).toContain(segment.identity)
      }
      expect(attribute(said, indexOf(...spans.toReversed()))).toEqual(segments)
    }),
    { numRuns: 300 },
  )
})

test('a span shares no frame with a stretch that ends where it begins, or begins where it ends', () => {
  const index = indexOf(span('ann', 0, 1, 2, 0))
  const found = (fromSec: number, toSec: number) => index.overlapping(SESSION, 0, fromSec * 16_000, toSec * 16_000).length
  expect([found(0, 1), found(2, 3), found(0, 1.1), found(1.9, 3), found(1.5, 1.6), found(0, 3)]).toEqual([0, 0, 1, 1, 1, 1])
})

test('a longer version of a span replaces it, a shorter one does not', () => {
  const index = indexOf(span('ann', 0, 0, 2, 0), span('ann', 0, 0, 5, 0), span('ann', 0, 0, 3, 0))
  expect([...index].map((one) => one.toFrame)).toEqual([5 * 16_000])
  expect(index.endFrame(SESSION)).toBe(5 * 16_000)
})
