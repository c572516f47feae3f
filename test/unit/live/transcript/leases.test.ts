import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Span } from '../../../../src/live/audio/span.js'
import { attribute, type AttributableUtterance } from '../../../../src/live/transcript/attribute.js'
import { SpanIndex } from '../../../../src/live/transcript/span-index.js'
import { indexOf, span, utterance } from './fixtures.js'

type Word = readonly [text: string, startSec: number, endSec: number]

/** Who said what: identity and text of each segment. */
const said = (words: readonly Word[], index: SpanIndex, change: Partial<AttributableUtterance> = {}) =>
  attribute(utterance(words, change), index).map(({ identity, text }) => [identity, text])

// ann speaks, 0.4 s of zeros, bob, 0.4 s of zeros, ann again
const TURNS = indexOf(span('ann', 0, 0, 2, 0), span('bob', 0, 2.4, 5, 2400), span('ann', 0, 5.4, 8, 60_000))

describe('an utterance that straddles the guard', () => {
  test('is split: words before it are of the old owner, words after it of the new one', () => {
    const words: Word[] = [
      ['I', 1, 1.2],
      ['am.', 1.3, 1.9],
      ['Are', 2.5, 2.7],
      ['you?', 2.8, 3],
    ]
    expect(said(words, TURNS)).toEqual([
      ['ann', 'I am.'],
      ['bob', 'Are you?'],
    ])
  })

  test('W2 a word inside the guard goes to the nearer one, and to nobody in the middle', () => {
    const inside = (startSec: number, endSec: number) =>
      said(
        [
          ['left', 1, 1.9],
          ['mid', startSec, endSec],
          ['right', 2.6, 3],
        ],
        TURNS,
      )
    expect(inside(2.05, 2.2)).toEqual([
      ['ann', 'left mid'],
      ['bob', 'right'],
    ])
    expect(inside(2.2, 2.35)).toEqual([
      ['ann', 'left'],
      ['bob', 'mid right'],
    ])
    expect(inside(2.15, 2.25)).toEqual([
      ['ann', 'left'],
      [null, 'mid'],
      ['bob', 'right'],
    ])
  })

  test('W3 a word without times goes with its neighbours when they are one person, and to nobody between two', () => {
    const no = Number.NaN
    expect(
      said(
        [
          ['first', no, no],
          ['I', 1, 1.2],
          ['am', no, no],
          ['here', 1.5, 1.9],
          ['so', no, no],
          ['are', 2.7, 2.9],
          ['you', no, no],
        ],
        TURNS,
        { startSec: 0.9, endSec: 3.2 },
      ),
    ).toEqual([
      ['ann', 'first I am here'],
      [null, 'so'],
      ['bob', 'are you'],
    ])
  })

  test('W2 a word without times counts among those who are met', () => {
    const words: Word[] = [
      ['um', Number.NaN, Number.NaN],
      ['on', 5.28, 5.38],
    ]
    expect(said(words, TURNS, { startSec: 2.6, endSec: 5.38 })).toEqual([['bob', 'um on']])
  })

  test('three owners in one utterance are three parts with ids of their own', () => {
    const segments = attribute(
      utterance([
        ['one', 1.5, 1.9],
        ['two', 3, 3.5],
        ['three', 6, 6.5],
      ]),
      TURNS,
    )
    expect(segments.map(({ id, identity, startMs, endMs }) => [id, identity, startMs, endMs])).toEqual([
      ['s1.00_00000001.0', 'ann', 1500, 1900],
      ['s1.00_00000001.1', 'bob', 3000, 3500],
      ['s1.00_00000001.2', 'ann', 60_600, 61_100],
    ])
  })
})

describe('padding of the engine', () => {
  test('an utterance that begins 0.3 s before its span, or ends 0.3 s after it, is of its speaker, all of it', () => {
    expect(
      said(
        [
          ['Well', 2.1, 2.3],
          ['then', 2.35, 2.6],
          ['go', 4.8, 5.05],
          ['on', 5.1, 5.3],
        ],
        TURNS,
      ),
    ).toEqual([['bob', 'Well then go on']])
  })

  test('it leaks to no neighbour, however near that one is', () => {
    // 20 ms from ann's next span, 280 ms from bob who is the only one met
    expect(
      said(
        [
          ['go', 4.8, 5],
          ['on', 5.28, 5.38],
        ],
        TURNS,
      ),
    ).toEqual([['bob', 'go on']])
    // out of bob's reach: unknown, although ann's span is 10 ms away
    expect(
      said(
        [
          ['go', 4.8, 5],
          ['on', 5.32, 5.39],
        ],
        TURNS,
      ),
    ).toEqual([
      ['bob', 'go'],
      [null, 'on'],
    ])
  })

  test('W2 an utterance that lies in the padding as a whole goes to the nearest within 0.3 s, none in the middle', () => {
    expect(said([['hm', 2.25, 2.38]], TURNS)).toEqual([['bob', 'hm']])
    expect(said([['hm', 2.02, 2.15]], TURNS)).toEqual([['ann', 'hm']])
    expect(said([['hm', 2.1, 2.3]], TURNS)).toEqual([[null, 'hm']])
    expect(said([['hm', 8.3, 8.4]], TURNS)).toEqual([['ann', 'hm']])
    expect(said([['hm', 8.31, 8.4]], TURNS)).toEqual([[null, 'hm']])
  })
})

describe('W3 an utterance without words', () => {
  const whole = (startSec: number, endSec: number) => said([], TURNS, { text: 'words', startSec, endSec })[0]![0]

  test('goes to the only person who can have said it, whatever padding it has', () => {
    expect(whole(1, 1.8)).toBe('ann')
    expect(whole(2.1, 4.9)).toBe('bob')
    expect(whole(2.6, 5.3)).toBe('bob')
    // the silence at the end of ann's lease, and the one before ann's next onset
    expect(whole(1.9, 5.7)).toBe('bob')
    expect(whole(1.9, 2.3)).toBe('ann')
    expect(whole(2.1, 2.3)).toBeNull()
    expect(whole(2.25, 2.38)).toBe('bob')
  })

  test('lies between its ends in the meeting, whatever was cut out of it', () => {
    const index = indexOf(span('ann', 0, 0, 2, 0), span('ann', 0, 2, 5, 12_000))
    expect(attribute(utterance([], { text: 'all of it', startSec: 1, endSec: 3 }), index)[0]).toMatchObject({
      startMs: 1000,
      endMs: 13_000,
    })
  })

  test('the runs of one lease are one stay, two leases of one person are two', () => {
    const runs = indexOf(
      span('ann', 0, 0, 1, 0),
      span('ann', 0, 1, 1.2, 5000),
      span('ann', 0, 1.2, 1.4, 9000),
      span('bob', 0, 1.8, 4, 9500),
    )
    expect(said([], runs, { text: 'words', startSec: 0.9, endSec: 3 })[0]![0]).toBeNull()
    const leases = indexOf(span('ann', 0, 0, 1, 0), span('ann', 0, 1.4, 1.5, 5000), span('bob', 0, 2, 4, 9500))
    expect(said([], leases, { text: 'words', startSec: 0.95, endSec: 3 })[0]![0]).toBe('bob')
    const cut = indexOf(span('bob', 0, 0, 2, 0), span('ann', 0, 2.4, 2.6, 5000), span('ann', 0, 2.6, 4, 9000))
    expect(said([], cut, { text: 'words', startSec: 1, endSec: 2.8 })[0]![0]).toBeNull()
    expect(said([], cut, { text: 'words', startSec: 1, endSec: 2.7 })[0]![0]).toBe('bob')
  })

  test('is nobody’s when two can have said it', () => {
    expect(whole(1.5, 3)).toBeNull()
    expect(whole(1.89, 5)).toBeNull()
    expect(whole(2.6, 5.71)).toBeNull()
    // both no more than silence
    expect(whole(1.9, 2.7)).toBeNull()
    expect(whole(Number.NaN, Number.NaN)).toBeNull()
  })
})

describe('time', () => {
  test('12 text that comes back long after its owner left the channel is still theirs', () => {
    const index = new SpanIndex()
    for (let turn = 0; turn < 3000; turn++) {
      const from = turn * 3.4
      index.put(span(`p${turn % 30}`, 0, from, from + 3, turn * 3000))
    }
    for (const turn of [0, 1, 29, 1500, 2999]) {
      const at = turn * 3.4 + 1
      const [segment] = attribute(utterance([['late', at, at + 0.5]]), index)
      expect(segment).toMatchObject({ identity: `p${turn % 30}`, startMs: turn * 3000 + 1000 })
    }
  })

  test('21 a person who comes back is the same person, with another track and on another channel', () => {
    const index = indexOf(
      span('ann', 0, 0, 2, 0),
      span('bob', 0, 2.4, 4, 2400),
      span('ann', 1, 10, 12, 90_000),
      span('ann', 0, 12.4, 14, 93_000),
    )
    expect(said([['back', 10.5, 11]], index, { channel: 1 })).toEqual([['ann', 'back']])
    expect(said([['again', 12.6, 13]], index)).toEqual([['ann', 'again']])
    expect(said([['first', 1, 1.5]], index)).toEqual([['ann', 'first']])
  })

  test('a word whose middle lies where a pause was cut stays with its person, and in its place', () => {
    // three runs of one lease, the pauses between them cut to 0.3 s each
    const index = indexOf(span('ann', 0, 0, 1.15, 0), span('ann', 0, 1.15, 3.15, 4000), span('ann', 0, 3.15, 5, 20_000))
    const [segment] = attribute(
      utterance([
        ['one', 0.5, 1],
        ['two', 1.1, 1.25],
        ['three', 3.05, 3.3],
      ]),
      index,
    )
    expect(segment!.identity).toBe('ann')
    expect(segment!.words.map(({ startMs, endMs }) => [startMs, endMs])).toEqual([
      [500, 1000],
      [4000, 4100],
      [20_000, 20_150],
    ])
  })

  test('two people of one display name are two identities', () => {
    // names are none of attribution's business: what distinguishes them is who held the channel
    const index = indexOf(span('alex-1', 0, 0, 2, 0), span('alex-2', 0, 2.4, 4, 2400))
    expect(
      said(
        [
          ['mine', 1, 1.5],
          ['mine', 2.6, 3],
        ],
        index,
      ),
    ).toEqual([
      ['alex-1', 'mine'],
      ['alex-2', 'mine'],
    ])
  })
})

const FRAMES = 16
/** A lease: who, how long the channel is silent before, and its runs, each with what was cut out before it; ms. */
const lease = fc.record({
  name: fc.constantFrom('ann', 'bob', 'cyd', 'dan'),
  guardMs: fc.integer({ min: 400, max: 900 }),
  runs: fc.array(fc.record({ lengthMs: fc.integer({ min: 50, max: 1500 }), cutMs: fc.integer({ min: 0, max: 5000 }) }), {
    minLength: 1,
    maxLength: 4,
  }),
})

/** A history of one channel as the mixer writes it: runs of a lease touch, leases are a guard apart. */
const history = fc.array(lease, { minLength: 1, maxLength: 8 }).map((leases) => {
  let atMs = 0
  let meetingMs = 1000
  return leases.map(({ name, guardMs, runs }) => {
    atMs += guardMs
    const spans = runs.map(({ lengthMs, cutMs }) => {
      meetingMs += cutMs
      const one = span(name, 0, atMs / 1000, (atMs + lengthMs) / 1000, meetingMs)
      atMs += lengthMs
      meetingMs += lengthMs
      return one
    })
    return { name, spans, fromMs: spans[0]!.fromFrame / FRAMES, toMs: atMs }
  })
})

const word = fc.record({ startMs: fc.integer({ min: 0, max: 30_000 }), lengthMs: fc.integer({ min: 0, max: 900 }) })

const utteranceOf = (words: readonly { startMs: number; lengthMs: number }[]) =>
  utterance(words.map(({ startMs, lengthMs }, at) => [`w${at}`, startMs / 1000, (startMs + lengthMs) / 1000] as const))

const shareOf = (spans: readonly Span[], fromFrame: number, toFrame: number) =>
  spans.reduce((sum, one) => sum + Math.max(0, Math.min(toFrame, one.toFrame) - Math.max(fromFrame, one.fromFrame)), 0)
const nearness = (spans: readonly Span[], fromFrame: number, toFrame: number) =>
  Math.min(...spans.map((one) => Math.max(0, one.fromFrame - toFrame, fromFrame - one.toFrame)))

describe('whatever leases and utterances there are', () => {
  test('each word is in one segment, of nobody it does not touch within 0.3 s, of its owner when it lies in one span', () => {
    fc.assert(
      fc.property(history, fc.array(word, { minLength: 1, maxLength: 10 }), (leases, words) => {
        const spans = leases.flatMap((one) => one.spans)
        const sorted = words.toSorted((a, b) => a.startMs - b.startMs)
        const segments = attribute(utteranceOf(sorted), indexOf(...spans))
        const returned = segments.flatMap((segment) => segment.words.map((one) => ({ text: one.text, identity: segment.identity })))
        expect(returned.map((one) => one.text)).toEqual(sorted.map((_, at) => `w${at}`))
        expect(segments.map((segment) => segment.text).join(' ')).toBe(returned.map((one) => one.text).join(' '))
        for (const [at, { identity }] of returned.entries()) {
          const { startMs, lengthMs } = sorted[at]!
          const [fromFrame, toFrame] = [startMs * FRAMES, Math.max(startMs + lengthMs, startMs + 1 / FRAMES) * FRAMES]
          const inside = spans.find((one) => one.fromFrame <= fromFrame && toFrame <= one.toFrame)
          if (inside) expect(identity).toBe(inside.identity)
          const shares = new Map(
            spans.map((one) => [
              one.identity,
              shareOf(
                spans.filter((other) => other.identity === one.identity),
                fromFrame,
                toFrame,
              ),
            ]),
          )
          if (identity === null) expect([...shares.values()].every((share) => share === 0)).toBe(true)
          else {
            expect(
              nearness(
                spans.filter((one) => one.identity === identity),
                fromFrame,
                toFrame,
              ),
            ).toBeLessThanOrEqual(300 * FRAMES)
            for (const share of shares.values()) expect(shares.get(identity)).toBeGreaterThanOrEqual(share)
          }
        }
      }),
      { numRuns: 200 },
    )
  })

  test('an utterance that touches its lease and reaches at most 0.3 s beyond it is its owner’s, all of it', () => {
    const padded = fc.tuple(history, fc.nat(7), fc.array(fc.tuple(fc.nat(1000), fc.nat(1000)), { maxLength: 5 }), fc.nat(1000))
    fc.assert(
      fc.property(padded, ([leases, which, others, touching]) => {
        const { name, spans, fromMs, toMs } = leases[which % leases.length]!
        const from = fromMs - 300
        const place = (share: number) => Math.round(from + ((toMs + 300 - from) * share) / 1000)
        const words = others.map(([a, b]) => ({ startMs: place(Math.min(a, b)), lengthMs: place(Math.max(a, b)) - place(Math.min(a, b)) }))
        words.push({ startMs: Math.round(fromMs + ((toMs - fromMs - 1) * touching) / 1000), lengthMs: 0 })
        const said = utteranceOf(words.toSorted((a, b) => a.startMs - b.startMs))
        const segments = attribute(said, indexOf(...leases.flatMap((one) => one.spans)))
        expect(segments.map((segment) => segment.identity)).toEqual([name])
        // a lease of the same person beside it may be the nearer one
        if (leases.filter((one) => one.name === name).length > 1) return
        const ends = [spans[0]!.meetingMs, spans.at(-1)!.meetingMs + (spans.at(-1)!.toFrame - spans.at(-1)!.fromFrame) / FRAMES]
        expect(segments[0]!.startMs).toBeGreaterThanOrEqual(Math.floor(ends[0]!))
        expect(segments[0]!.endMs).toBeLessThanOrEqual(Math.ceil(ends[1]!))
      }),
      { numRuns: 200 },
    )
  })

  test('the order in which spans come, and that they come in pieces that grow, changes nothing', () => {
    const pieces = fc.tuple(history, fc.array(word, { maxLength: 8 }), fc.infiniteStream(fc.nat(1000)))
    fc.assert(
      fc.property(pieces, ([leases, words, random]) => {
        const spans = leases.flatMap((one) => one.spans)
        const shuffled = spans
          .flatMap((one) => {
            const cut = one.fromFrame + Math.max(1, Math.round(((one.toFrame - one.fromFrame) * (random.next().value as number)) / 1000))
            return [one, { ...one, toFrame: Math.min(cut, one.toFrame) }]
          })
          .map((one) => ({ one, at: random.next().value as number }))
          .toSorted((a, b) => a.at - b.at)
          .map(({ one }) => one)
        const said = utteranceOf(words)
        expect(attribute(said, indexOf(...shuffled))).toEqual(attribute(said, indexOf(...spans)))
      }),
      { numRuns: 100 },
    )
  })
})
