import { expect, it } from 'vitest'
import { attribute } from '../../../../../src/live/transcript/attribute.js'
import { StreamMap } from '../../../../../src/live/stt/gladia/stream-map.js'
import { UtteranceBook } from '../../../../../src/live/stt/gladia/utterances.js'
import { indexOf, SESSION, span } from '../../transcript/fixtures.js'

type Time = readonly [startSec: number, endSec: number]

const NO_TIME: Time = [Number.NaN, Number.NaN]
const BEYOND: Time = [1e6, 1e6 + 1]
const BEFORE: Time = [-1e6, -1e6 + 1]
/** ann's turn, long ago; bob speaks when the text comes */
const LEASED = indexOf(span('ann', 0, 0, 20, 0), span('bob', 0, 30, 60, 30_000))
const ALONE = indexOf(span('ann', 0, 0, 20, 0), span('ann', 0, 30, 60, 30_000))

/** Whose is an utterance of two words, told after 60 s of audio? */
function saidBy(index: typeof LEASED, whole: Time, ...words: Time[]): [identity: string | null, text: string, startMs: number][] {
  const map = new StreamMap()
  map.append(0, 0, 60 * 16_000)
  const raw = {
    text: 'good morning',
    start: whole[0],
    end: whole[1],
    channel: 0,
    language: 'en',
    confidence: 1,
    words: words.map(([start, end], at) => ({ word: ['good', 'morning'][at]!, start, end, confidence: 1 })),
  }
  const made = new UtteranceBook(SESSION).take('a', true, raw, { map, sampleRate: 16_000, sentFrames: 60 * 16_000 })!
  return attribute(made, index).map(({ identity, text, startMs }) => [identity, text, startMs])
}

it.each([
  ['none', NO_TIME],
  ['one beyond the audio', BEYOND],
  ['one before it', BEFORE],
])('13 W7 a text whose time is %s belongs to nobody of several on its channel, and to the only one there was', (_, time) => {
  const atMs = time === BEFORE ? 0 : 60_000
  for (const words of [[], [time, time]]) {
    expect(saidBy(LEASED, time, ...words)).toEqual([[null, 'good morning', atMs]])
    expect(saidBy(ALONE, time, ...words)).toMatchObject([['ann', 'good morning', expect.any(Number)]])
  }
})

it.each([
  ['beyond the audio', BEYOND],
  ['before it', BEFORE],
])('13 W3 a word whose time is %s was said with the others of its utterance, and tells nothing of who is heard there', (_, time) => {
  expect(saidBy(LEASED, [18, 19], [18, 18.5], time)).toEqual([['ann', 'good morning', 18_000]])
  expect(saidBy(LEASED, [18, 19], time, time)).toEqual([['ann', 'good morning', 18_000]])
  expect(saidBy(LEASED, time, [18, 18.5], time)).toEqual([['ann', 'good morning', 18_000]])
  // its other end stands for it: no word is as long as to overlap most with whoever speaks longest
  expect(saidBy(LEASED, [18, 19], [18, 18.5], [18.5, time[1]])).toEqual([['ann', 'good morning', 18_000]])
  expect(saidBy(LEASED, [18, 19], [time[0], 18.5], [18.5, 19])).toMatchObject([['ann', 'good morning', expect.any(Number)]])
})

it('13 W2 a time a little outside of the audio is at its edge', () => {
  expect(saidBy(LEASED, [59, 60.2], [59, 59.5], [60.1, 60.2])).toEqual([['bob', 'good morning', 59_000]])
})

it('13 a final whose words have a time that makes no sense does not say how far words were told', () => {
  const map = new StreamMap()
  map.append(0, 0, 60 * 16_000)
  const book = new UtteranceBook(SESSION)
  const words = [{ word: 'hello', start: 1e6, end: 1e6, confidence: 1 }]
  const raw = { text: 'hello', start: 1, end: 2, channel: 0, language: 'en', confidence: 1, words }
  book.take('a', true, raw, { map, sampleRate: 16_000, sentFrames: 60 * 16_000 })
  expect(book.toldSec).toBe(0)
})
