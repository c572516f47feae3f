import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { StreamParser, type StreamMessage } from '../../../src/web/api/sse.js'

const text = fc.string({ unit: fc.constantFrom('a', 'ä', ' ', ':', '{', '"', '😀'), maxLength: 20 })
const message = fc.record({
  event: fc.constantFrom('state', 'segment', 'partial'),
  data: fc.array(text, { minLength: 1, maxLength: 3 }),
  id: fc.option(fc.nat().map(String)),
})
const lineEnd = fc.constantFrom('\n', '\r\n', '\r')

const written = ({ event, data, id }: { event: string; data: string[]; id: string | null }, end: string): string =>
  [...(id === null ? [] : [`id: ${id}`]), `event: ${event}`, ...data.map((line) => `data: ${line}`), '', ''].join(end)

describe('an event stream', () => {
  test('gives the same messages in whatever pieces it comes', () => {
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 6 }),
        lineEnd,
        fc.array(fc.nat({ max: 400 }), { maxLength: 12 }),
        (messages, end, cuts) => {
          const stream = `: a comment${end}${end}${messages.map((one) => written(one, end)).join('')}`
          const places = [...new Set([0, ...cuts.map((cut) => cut % (stream.length + 1)), stream.length])].toSorted((a, b) => a - b)
          const parser = new StreamParser()
          const got: StreamMessage[] = []
          for (const [at, from] of places.entries()) got.push(...parser.push(stream.slice(from, places[at + 1] ?? stream.length)))
          // what ends in a lone CR waits for the next piece
          got.push(...parser.push('\n'))
          let id = ''
          const expected = messages.map((one) => {
            id = one.id ?? id
            return { event: one.event, data: one.data.join('\n'), id }
          })
          expect(got).toEqual(expected)
        },
      ),
    )
  })

  test('an id outlives messages without one, and begins where the stream is resumed', () => {
    const parser = new StreamParser('7.0')
    expect(parser.push('data: a\n\nid: 8.0\ndata: b\n\ndata: c\n\n').map(({ id }) => id)).toEqual(['7.0', '8.0', '8.0'])
  })

  test('a message without end is refused, not kept', () => {
    const parser = new StreamParser()
    expect(() => {
      for (let piece = 0; piece < 2000; piece++) parser.push(`data: ${'x'.repeat(1000)}\n`)
    }).toThrow('too long')
  })
})
