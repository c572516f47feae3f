import { describe, expect, test } from 'vitest'
import { encodeMark } from '../../../../../src/speech-server/engine/marks/codec.js'
import { MarkDecoder } from '../../../../../src/speech-server/engine/marks/decoder.js'
import type { DecodedMark } from '../../../../../src/speech-server/engine/marks/decoder.js'
import { concat, mixed, scaled, seeded, silence, turn, whiteNoise } from '../../../../support/marks-audio.js'

const RATE = 16_000

function decode(samples: Int16Array, blockSamples = 800): DecodedMark[] {
  const decoder = new MarkDecoder()
  const found: DecodedMark[] = []
  for (let at = 0; at < samples.length; at += blockSamples) found.push(...decoder.push(samples.subarray(at, at + blockSamples)))
  return [...found, ...decoder.flush()]
}

const words = (marks: readonly DecodedMark[]): string[] => marks.map(({ who, n }) => `${who}:${n}`)
const expected = (who: number, n: number, count: number): string[] => Array.from({ length: count }, (_, at) => `${who}:${n + at}`)
const ms = (seconds: number): number => seconds * 1000
const lengthMs = (mark: DecodedMark | undefined): number => (mark ? ms(mark.endSec - mark.startSec) : NaN)

describe('mark decoder', () => {
  test('a turn reads whole: every slot once, 152 ms long, from 4 ms after its slot', () => {
    const marks = decode(concat(silence(0.5), turn(9, 1200, 40)))
    expect(words(marks)).toEqual(expected(9, 1200, 40))
    for (const [at, mark] of marks.entries()) {
      expect(Math.abs(ms(mark.startSec) - (504 + 200 * at))).toBeLessThan(3)
      expect(Math.abs(lengthMs(mark) - 152)).toBeLessThan(3)
      expect(mark).toMatchObject({ holeMs: 0, repaired: false })
      expect(mark.marginDb).toBeGreaterThan(20)
    }
  })

  test('five hundred random words round-trip', () => {
    const random = seeded(1)
    const sent = Array.from({ length: 500 }, () => ({ who: Math.floor(random() * 64), n: Math.floor(random() * 15_625) }))
    const marks = decode(concat(...sent.map(({ who, n }) => encodeMark(who, n, RATE))))
    expect(words(marks)).toEqual(sent.map(({ who, n }) => `${who}:${n}`))
  })

  test.each([1, 160, 777, 5000])('blocks of %i samples give the same marks', (blockSamples) => {
    const samples = concat(silence(0.123), turn(1, 5, 4), silence(0.4), turn(1, 9, 2))
    expect(decode(samples, blockSamples)).toEqual(decode(samples, samples.length))
  })

  test('a slot of which 30 ms is visible reads, its cut found to 3 ms', () => {
    const random = seeded(2)
    for (let trial = 0; trial < 60; trial++) {
      const n = Math.floor(random() * 15_625)
      const slot = encodeMark(trial, n, RATE)
      const cutMs = 130
      const late = concat(silence(0.2), new Int16Array(cutMs * 16), slot.subarray(cutMs * 16), silence(0.2))
      const marks = decode(late)
      expect(words(marks)).toEqual([`${trial}:${n}`])
      expect(Math.abs(ms(marks[0]!.startSec) - (200 + cutMs))).toBeLessThan(5)
    }
  })

  test.each([0.02, 0.1, 0.5, 4, 8])('level x %d changes nothing', (gain) => {
    const marks = decode(scaled(concat(silence(0.1), turn(33, 700, 30)), gain))
    expect(words(marks)).toEqual(expected(33, 700, 30))
  })

  test('white noise at 5 dB below the marks loses none', () => {
    const clean = concat(silence(0.1), turn(4, 90, 40), silence(0.1))
    const marks = decode(mixed(clean, whiteNoise(clean.length, 3000 * 10 ** (-5 / 20), 3)))
    expect(words(marks)).toEqual(expected(4, 90, 40))
  })

  test('white noise and tones are no marks', () => {
    expect(decode(whiteNoise(RATE * 10, 3000, 4))).toEqual([])
    const tone = Int16Array.from({ length: RATE * 2 }, (_, at) => Math.round(8000 * Math.sin((2 * Math.PI * 437.5 * at) / RATE)))
    expect(decode(tone)).toEqual([])
  })

  test('silence of 20 ms each 400 ms is a hole or nothing, never an end', () => {
    const samples = turn(8, 300, 30)
    for (let at = 0; at + 320 < samples.length; at += 6400) samples.fill(0, at + 1280, at + 1600)
    const marks = decode(samples)
    expect(words(marks)).toEqual(expected(8, 300, 30))
    for (const mark of marks) expect(Math.abs(lengthMs(mark) - 152)).toBeLessThan(4)
    expect(marks.some((mark) => mark.holeMs > 0)).toBe(true)
  })

  test('a block of 50 ms sent twice shows as a step of 50 ms and a mark of 203 ms', () => {
    const samples = turn(2, 40, 8)
    const cut = 3 * 3200 + 800
    const marks = decode(concat(samples.subarray(0, cut + 800), samples.subarray(cut)))
    expect(words(marks)).toEqual(expected(2, 40, 8))
    expect(Math.abs(lengthMs(marks[3]) - 202)).toBeLessThan(3)
    expect(Math.abs(ms(marks[4]!.startSec - marks[3]!.startSec) - 250)).toBeLessThan(3)
    expect(Math.abs(lengthMs(marks[2]) - 152)).toBeLessThan(3)
  })

  test('a slot sent twice shows as one mark of 352 ms', () => {
    const marks = decode(concat(turn(2, 40, 2), turn(2, 41, 2)))
    expect(words(marks)).toEqual(expected(2, 40, 3))
    expect(Math.abs(lengthMs(marks[1]) - 352)).toBeLessThan(3)
  })

  test('an owner change in mid-symbol gives both words and never a third, the boundary to a few ms', () => {
    const random = seeded(5)
    const errors: number[] = []
    let both = 0
    for (let trial = 0; trial < 200; trial++) {
      const one = { who: Math.floor(random() * 64), n: Math.floor(random() * 15_625) }
      const other = { who: Math.floor(random() * 64), n: one.n }
      if (one.who === other.who) continue
      const cut = Math.round((32 + random() * 90) * 16)
      const marks = decode(
        concat(
          silence(0.2),
          encodeMark(one.who, one.n, RATE).subarray(0, cut),
          encodeMark(other.who, other.n, RATE).subarray(cut),
          silence(0.2),
        ),
      )
      const allowed = [`${one.who}:${one.n}`, `${other.who}:${other.n}`]
      for (const word of words(marks)) expect(allowed).toContain(word)
      if (marks.length !== 2) continue
      both++
      errors.push(Math.abs(ms(marks[0]!.endSec) - 200 - cut / 16), Math.abs(ms(marks[1]!.startSec) - 200 - cut / 16))
    }
    errors.sort((a, b) => a - b)
    expect(both).toBeGreaterThanOrEqual(190)
    expect(errors[Math.floor(errors.length / 2)]).toBeLessThan(2)
    expect(errors[Math.floor(errors.length * 0.95)]).toBeLessThan(5)
  })

  test('what never ends is cut each second, so memory is bounded', () => {
    const period = encodeMark(6, 77, RATE).subarray(256, 512)
    const marks = decode(concat(...Array.from({ length: 200 }, () => period)))
    expect(new Set(words(marks))).toEqual(new Set(['6:77']))
    for (const mark of marks) expect(lengthMs(mark)).toBeLessThan(1150)
    expect(marks.length).toBeGreaterThan(2)
  })

  test('marks are reported while the audio goes on', () => {
    const decoder = new MarkDecoder()
    expect(words(decoder.push(turn(1, 0, 3)))).toEqual(expected(1, 0, 2))
    expect(words(decoder.push(silence(0.3)))).toEqual(['1:2'])
    expect(decoder.flush()).toEqual([])
    expect(() => decoder.push(silence(0.1))).toThrow('push after flush')
  })
})
