import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { asSessionId } from '../../../../src/core/ids.js'
import { Transcript, compareSegments } from '../../../../src/live/transcript/transcript.js'
import { segment } from './fixtures.js'

test('10 finals are in order of start, end, id, whatever order they come in, and once each', () => {
  const one = fc.record({ startMs: fc.nat(20), endMs: fc.nat(20), utteranceId: fc.constantFrom('a', 'b', 'c', 'd'), part: fc.nat(2) })
  fc.assert(
    fc.property(fc.array(fc.array(one, { maxLength: 5 }), { maxLength: 10 }), (batches) => {
      const transcript = new Transcript()
      const added = batches.flatMap((batch) => transcript.addFinal(batch.map((change) => segment(change))))
      expect(transcript.finals).toEqual(added.toSorted(compareSegments))
      expect(new Set(added.map((each) => each.id)).size).toBe(added.length)
      expect(new Set(batches.flat().map((each) => `${each.utteranceId}${each.part}`)).size).toBe(added.length)
    }),
  )
})

test('what starts at one time is in order of the end, then of the id', () => {
  const transcript = new Transcript()
  const long = segment({ utteranceId: 'a', startMs: 5, endMs: 9 })
  const second = segment({ utteranceId: 'c', startMs: 5, endMs: 7 })
  const first = segment({ utteranceId: 'b', startMs: 5, endMs: 7 })
  transcript.addFinal([long, second, first])
  expect(transcript.finals).toEqual([first, second, long])
})

test('utterances of one id in two sessions are two', () => {
  const transcript = new Transcript()
  const other = { sessionId: asSessionId('s2') }
  transcript.setInterim([segment({ text: 'interim', ...other })])
  expect(transcript.addFinal([segment({ text: 'first' })])).toHaveLength(1)
  expect(transcript.interims.map(({ text }) => text)).toEqual(['interim'])
  expect(transcript.addFinal([segment({ text: 'second', ...other })])).toHaveLength(1)
  expect(transcript.finals.map(({ text }) => text)).toEqual(['first', 'second'])
})

test('10 a final is never replaced, neither by another final nor by an interim', () => {
  const transcript = new Transcript()
  const first = segment({ text: 'first' })
  expect(transcript.addFinal([first])).toEqual([first])
  expect(transcript.addFinal([segment({ text: 'second' })])).toEqual([])
  expect(transcript.setInterim([segment({ text: 'late' })])).toBe(false)
  expect(transcript.finals).toEqual([first])
  expect(transcript.interims).toEqual([])
})

test('an interim version replaces the one before and goes when the final comes', () => {
  const transcript = new Transcript()
  expect(transcript.setInterim([segment({ text: 'he' })])).toBe(true)
  expect(transcript.setInterim([segment({ text: 'hello' }), segment({ text: 'you', part: 1, startMs: 3000 })])).toBe(true)
  transcript.setInterim([segment({ text: 'earlier', utteranceId: 'u0', startMs: 0 })])
  expect(transcript.interims.map((each) => each.text)).toEqual(['earlier', 'hello', 'you'])
  transcript.addFinal([segment({ text: 'Hello you.' })])
  expect(transcript.interims.map((each) => each.text)).toEqual(['earlier'])
  expect(transcript.setInterim([])).toBe(false)
})
