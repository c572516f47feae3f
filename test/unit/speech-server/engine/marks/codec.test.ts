import { describe, expect, test } from 'vitest'
import {
  encodeMark,
  markDigits,
  markOfDigits,
  markTones,
  markWord,
  parseMarkWord,
} from '../../../../../src/speech-server/engine/marks/codec.js'
import { rms } from '../../../../support/marks-audio.js'

describe('mark codec', () => {
  test('every one of a million words comes back from its digits', () => {
    let wrong = 0
    for (let n = 0; n < 15_625; n++) {
      for (let who = 0; who < 64; who++) {
        const mark = markOfDigits(markDigits(who, n))
        if (mark?.who !== who || mark.n !== n) wrong++
      }
    }
    expect(wrong).toBe(0)
  })

  test('a single wrong digit never passes the check', () => {
    for (let n = 0; n < 15_625; n += 97) {
      const digits = markDigits(n % 64, n)
      for (let place = 0; place < 8; place++) {
        for (let add = 1; add < 10; add++) {
          expect(markOfDigits(digits.map((digit, at) => (at === place ? (digit + add) % 10 : digit)))).toBeNull()
        }
      }
    }
  })

  test('eight to sixteen of the sixteen tones change from one slot to the next', () => {
    let fewest = 16
    for (let n = 0; n < 15_624; n += 5) {
      const before = new Set(markTones(7, n))
      fewest = Math.min(fewest, markTones(7, n + 1).filter((tone) => !before.has(tone)).length)
    }
    expect(fewest).toBeGreaterThanOrEqual(5)
  })

  test.each([48_000, 16_000] as const)('a slot at %i Hz is 160 ms of chord at RMS 3000 and 40 ms of silence', (rate) => {
    for (const [who, n] of [
      [0, 0],
      [63, 15_624],
      [12, 3456],
    ] as const) {
      const slot = encodeMark(who, n, rate)
      expect(slot.length).toBe(rate * 0.2)
      expect(rms(slot.subarray(rate * 0.01, rate * 0.15))).toBeCloseTo(3000, -2)
      expect(slot.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0)).toBeLessThan(13_500)
      expect(slot.subarray(rate * 0.16).every((sample) => sample === 0)).toBe(true)
    }
  })

  test('slot numbers wrap after 15625', () => {
    expect(encodeMark(3, 15_625 + 4, 16_000)).toEqual(encodeMark(3, 4, 16_000))
  })

  test('a speaker beyond 63 and a broken slot number are refused', () => {
    expect(() => encodeMark(64, 0, 48_000)).toThrow(RangeError)
    expect(() => encodeMark(-1, 0, 48_000)).toThrow(RangeError)
    expect(() => encodeMark(0, 1.5, 48_000)).toThrow(RangeError)
    expect(() => encodeMark(0, -1, 48_000)).toThrow(RangeError)
  })

  test('the text form comes back, and other text is no mark', () => {
    expect(markWord(5, 1234)).toBe('w5n1234')
    expect(parseMarkWord('w5n1234')).toEqual({ who: 5, n: 1234 })
    for (const text of ['w64n1', 'w1n15625', 'w1n', 'hello', 'w1n1 ', '']) expect(parseMarkWord(text)).toBeNull()
  })
})
