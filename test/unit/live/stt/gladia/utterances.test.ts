import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { newSessionId } from '../../../../../src/core/ids.js'
import type { RawResult, RawUtterance } from '../../../../../src/live/stt/gladia/messages.js'
import { StreamMap } from '../../../../../src/live/stt/gladia/stream-map.js'
import { UtteranceBook, type StreamView } from '../../../../../src/live/stt/gladia/utterances.js'

const RATE = 1000
const raw = (change: Partial<RawUtterance> = {}): RawUtterance => ({
  text: ' hello ',
  start: 1,
  end: 2,
  channel: 0,
  language: 'en',
  confidence: 0.5,
  words: [],
  ...change,
})
const viewOf = (frames = 60_000): StreamView => {
  const map = new StreamMap()
  map.append(0, 0, frames)
  return { map, sampleRate: RATE, sentFrames: frames }
}
const result = (...utterances: (Partial<RawUtterance> & { id?: string })[]): RawResult => ({
  status: 'done',
  audioDurationSec: null,
  malformed: 0,
  utterances: utterances.map(({ id, ...change }) => ({ id: id ?? null, utterance: raw(change) })),
})
const book = () => new UtteranceBook(newSessionId())

describe('utterances', () => {
  it('a final is told once, trimmed, and no interim after it', () => {
    const it_ = book()
    expect(it_.take('a', false, raw(), viewOf())).toMatchObject({ isFinal: false, text: 'hello' })
    expect(it_.take('a', true, raw(), viewOf())).toMatchObject({ isFinal: true, text: 'hello' })
    expect(it_.take('a', true, raw({ text: 'other' }), viewOf())).toBeNull()
    expect(it_.take('a', false, raw(), viewOf())).toBeNull()
  })

  it('an empty final is not told, and closes its id', () => {
    const it_ = book()
    expect(it_.take('a', true, raw({ text: '  ' }), viewOf())).toBeNull()
    expect(it_.take('a', true, raw(), viewOf())).toBeNull()
  })

  it('10 any order and repetition tells each final once', () => {
    const message = fc.record({ id: fc.constantFrom('a', 'b', 'c'), isFinal: fc.boolean() })
    fc.assert(
      fc.property(fc.array(message), (messages) => {
        const it_ = book()
        const finals = messages.flatMap(({ id, isFinal }) => it_.take(id, isFinal, raw(), viewOf()) ?? []).filter(({ isFinal }) => isFinal)
        expect(finals.map(({ utteranceId }) => utteranceId).toSorted()).toEqual(
          [...new Set(messages.filter((one) => one.isFinal).map(({ id }) => id))].toSorted(),
        )
      }),
    )
  })

  it('says up to where words were told, by finals and by times that make sense', () => {
    const it_ = book()
    const word = { word: 'hello', start: 1, end: 1.8, confidence: 1 }
    it_.take('a', false, raw({ words: [{ ...word, end: 1.9 }] }), viewOf())
    expect(it_.toldSec).toBe(0)
    it_.take('a', true, raw({ words: [word, { ...word, start: Number.NaN, end: Number.NaN }] }), viewOf())
    it_.take('b', true, raw({ text: 'earlier', start: 0, end: 0.5, words: [{ ...word, start: 0, end: 0.5 }] }), viewOf())
    it_.take('c', true, raw({ text: 'no words', start: 3, end: 4 }), viewOf())
    it_.take('d', true, raw({ text: 'nonsense', start: 5, end: 900, words: [{ ...word, start: 5, end: 900 }] }), viewOf())
    expect(it_.toldSec).toBe(1.8)
  })

  it('13 times are clamped into what was sent, end never before start, and counted', () => {
    const time = fc.oneof(fc.double(), fc.constantFrom(Number.NaN, Infinity, -Infinity, -1, 0, 1e300))
    fc.assert(
      fc.property(time, time, fc.array(fc.tuple(time, time), { maxLength: 3 }), (start, end, words) => {
        const made = book().take(
          'a',
          true,
          raw({ start, end, words: words.map(([from, to]) => ({ word: 'x', start: from, end: to, confidence: 9 })) }),
          viewOf(),
        )!
        // a second beside the audio is a time, more is none
        const timed = made.words.filter((_, at) => words[at]!.some((sec) => sec >= -1 && sec <= 61))
        expect(made.words.filter((word) => Number.isNaN(word.startSec) && Number.isNaN(word.endSec)).length).toBe(
          words.length - timed.length,
        )
        for (const { startSec, endSec } of [made, ...timed]) {
          expect(startSec).toBeGreaterThanOrEqual(0)
          expect(endSec).toBeGreaterThanOrEqual(startSec)
          expect(endSec).toBeLessThanOrEqual(60)
        }
        for (const word of made.words) expect(word.confidence).toBe(1)
      }),
    )
    const counted = book()
    counted.take('a', true, raw({ start: Number.NaN }), viewOf())
    counted.take('b', true, raw(), viewOf())
    expect(counted.clamped).toBe(1)
  })

  it('times are in our frames where the stream has doubled or missing runs', () => {
    const map = new StreamMap()
    map.append(0, 0, 1000)
    map.append(1000, 990, 10)
    map.append(1010, 5000, 1000)
    const made = book().take('a', true, raw({ start: 0.5, end: 1.01 }), { map, sampleRate: RATE, sentFrames: 6000 })
    expect(made).toMatchObject({ startSec: 0.5, endSec: 1 })
    expect(book().take('b', true, raw({ start: 1.01, end: 1.5 }), { map, sampleRate: RATE, sentFrames: 6000 })).toMatchObject({
      startSec: 5,
      endSec: 5.49,
    })
  })

  it('4 a word that was heard in audio that the service had twice is told once', () => {
    const map = new StreamMap()
    map.append(0, 0, 3000)
    // the service had kept half a second that was sent again
    map.append(3000, 2500, 4000)
    const words = (...at: (readonly [string, number])[]) =>
      at.map(([word, start]) => ({ word: `${word} `, start, end: start + 0.2, confidence: 1 }))
    const view = { map, sampleRate: RATE, sentFrames: 6500 }
    const once = words(['one', 2.2], ['two', 2.55], ['three', 2.75], ['two', 3.05], ['three', 3.25], ['four', 3.6])
    const told = book().take('a', true, raw({ text: 'One two, three two three four.', start: 2.2, end: 3.8, words: once }), view)
    expect(told?.text).toBe('one two three four')
    expect(told?.words.map(({ text, startSec }) => [text, Math.round(startSec * 1000)])).toEqual([
      ['one', 2200],
      ['two', 2550],
      ['three', 2750],
      ['four', 3100],
    ])
    expect(book().take('b', true, raw({ text: 'two', start: 3.05, end: 3.25, words: words(['two', 3.05]) }), view)).toBeNull()
    // cut short the first time
    const cut = words(['longer', 3.45])
    expect(book().take('d', true, raw({ text: 'longer', start: 3.45, end: 3.65, words: cut }), view)?.text).toBe('longer')
    // without times nothing is known of it
    const untimed = [{ word: 'two', start: Number.NaN, end: Number.NaN, confidence: 1 }]
    expect(book().take('c', true, raw({ text: 'two', start: 3.05, end: 3.25, words: untimed }), view)?.text).toBe('two')
  })

  it('a word is held to the run of the stream that it shares most with, also where it ends in the next one', () => {
    const map = new StreamMap()
    // up to 4 s, then the first 40 ms from 2.7 s on again, then on from 4 s; later audio was dropped
    map.append(0, 0, 4000)
    map.append(4000, 2700, 40)
    map.append(4040, 4000, 1000)
    map.append(5040, 9000, 1000)
    const wordAt = (start: number, end: number) => {
      const words = [{ word: 'x', start, end, confidence: 1 }]
      const [word] = book().take('a', true, raw({ start, end, words }), { map, sampleRate: RATE, sentFrames: 10_000 })!.words
      return [word!.startSec, word!.endSec]
    }
    // the repeated piece, as if it were 50 ms long: nothing of it is from 2.74 to 4.01 s; it was heard before
    expect([map.wordFrames(4000, 4050), map.isRepeated(4000, 4050), map.isRepeated(2700, 2740)]).toEqual([[2700, 2740], true, false])
    // begins a rounding before its run
    expect(wordAt(4.04 - 1e-9, 4.09)).toEqual([4, 4.05])
    // over audio that was dropped
    expect(wordAt(4.9, 5.1)).toEqual([4.86, 5])
    expect(wordAt(5, 5.3)).toEqual([9, 9.26])
    // the repeated piece in its midst, longer than what is before and after it: it is told, and lies where it was new
    expect(map.isRepeated(3980, 4065)).toBe(false)
    expect(wordAt(3.98, 4.065)).toEqual([4, 4.025])
    expect(wordAt(3.97, 4.065)).toEqual([3.97, 4])
    // most of it is of the repeated piece, which ends in a word
    expect(map.isRepeated(4010, 4065)).toBe(true)
    // three quarters of a word had been heard before, and not the word
    const again = new StreamMap()
    again.append(0, 0, 3000)
    again.append(3000, 2500, 4000)
    expect([again.isRepeated(3350, 3550), again.isRepeated(3300, 3500)]).toEqual([false, true])
    // a point in the repeated piece
    expect([map.isRepeated(4020, 4020), map.wordFrames(4020, 4020)]).toEqual([true, [2720, 2720]])
    // a point, and what is before and after everything known
    expect(wordAt(4.04, 4.04)).toEqual([4, 4])
    expect(wordAt(-1, 0.5)).toEqual([0, 0.5])
    expect(wordAt(5.9, 6.2)).toEqual([9.86, 10])
  })
})

describe('the kept result', () => {
  it('adds what the socket did not deliver, by start, and doubles nothing', () => {
    const it_ = book()
    it_.take('a', true, raw({ text: ' Hello  there' }), viewOf())
    const missing = it_.reconcile(
      result({ text: 'hello there', start: 1.04 }, { text: 'late', start: 5, end: 6 }, { text: 'early', start: 3, end: 4 }),
      viewOf(),
    )
    expect(missing.map(({ text }) => text)).toEqual(['early', 'late'])
    expect(it_.reconcile(result({ text: 'late', start: 5, end: 6 }), viewOf())).toEqual([])
  })

  it('the same words on another channel, or half a second later, are another utterance', () => {
    const it_ = book()
    it_.take('a', true, raw({ text: 'yes' }), viewOf())
    expect(it_.reconcile(result({ text: 'yes' }, { text: 'yes', channel: 1 }, { text: 'yes', start: 1.5 }), viewOf())).toHaveLength(2)
  })

  it('one final told accounts for one of the result', () => {
    const it_ = book()
    it_.take('a', true, raw({ text: 'yes' }), viewOf())
    expect(it_.reconcile(result({ text: 'yes' }, { text: 'yes', start: 1.01 }), viewOf())).toHaveLength(1)
  })

  it('goes by ids where the result has them', () => {
    const it_ = book()
    it_.take('a', true, raw({ text: 'old' }), viewOf())
    expect(
      it_
        .reconcile(result({ id: 'a', text: 'new' }, { id: 'b', text: 'old', start: 9, end: 10 }), viewOf())
        .map(({ utteranceId }) => utteranceId),
    ).toEqual(['b'])
  })

  it('finishes an interim under its id', () => {
    const it_ = book()
    it_.take('u7', false, raw({ start: 3, channel: 1 }), viewOf())
    expect(it_.reconcile(result({ text: 'whole', start: 3.1, end: 4, channel: 1 }), viewOf())[0]).toMatchObject({
      utteranceId: 'u7',
      isFinal: true,
    })
  })
})
