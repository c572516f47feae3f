import { describe, expect, test } from 'vitest'
import { ToneMeter } from '../../../../../src/live/audio/voice/tone.js'
import { silence, turn, whiteNoise } from '../../../../support/marks-audio.js'
import { faster } from '../../../../support/voice-altered.js'
import { vowelUtterances } from '../../../../support/voice-clips.js'
import { noise } from '../../../../support/voice-noises.js'

/** Four harmonics, each half as strong; `gain` over the 50 ms. */
const note = (hz: number, gain: (share: number) => number = () => 1, samples = 800) =>
  Int16Array.from({ length: samples }, (_, at) => {
    const sum = [1, 2, 3, 4].reduce((total, which) => total + Math.sin((2 * Math.PI * hz * which * at) / 16_000) / 2 ** which, 0)
    return Math.round(8000 * gain(at / samples) * sum)
  })
const exactness = (samples: Int16Array) => new ToneMeter().exactness(samples)
const blocks = <T>(samples: Int16Array, of: (block: Int16Array) => T): T[] =>
  Array.from({ length: Math.floor(samples.length / 800) }, (_, at) => of(samples.subarray(at * 800, (at + 1) * 800)))

describe('a tone', () => {
  test.each([430, 500, 650, 800, 1000, 1300, 1600, 2000, 2200])('of %i Hz repeats itself exactly, at any offset', (hz) => {
    expect(exactness(note(hz))).toBeGreaterThan(0.985)
    expect(exactness(note(hz).map((sample) => sample / 3 + 5000))).toBeGreaterThan(0.985)
  })

  test('does so while it comes up, while it fades, and when it begins or ends within the block', () => {
    for (const hz of [450, 700, 1100, 1700]) {
      expect(exactness(note(hz, (share) => Math.min(1, share * 2.5)))).toBeGreaterThan(0.985)
      expect(exactness(note(hz, (share) => 1 - 0.7 * share))).toBeGreaterThan(0.985)
      expect(exactness(note(hz, (share) => Math.max(0, Math.min(1, share * 2.5 - 1))))).toBeGreaterThan(0.985)
      expect(exactness(note(hz, (share) => Math.max(0, Math.min(1, 2 - share * 2.5))))).toBeGreaterThan(0.985)
    }
  })

  test('does not when it glides by a fifth within the block', () => {
    let phase = 0
    const cry = Int16Array.from({ length: 800 }, (_, at) => {
      phase += (2 * Math.PI * 700 * (1 + at / 4000)) / 16_000
      return Math.round(8000 * Math.sin(phase))
    })
    expect(exactness(cry)).toBeLessThan(0.98)
  })

  test('the block before is forgotten', () => {
    const meter = new ToneMeter()
    meter.exactness(note(800))
    expect(meter.exactness(silence(0.05))).toBe(0)
  })

  test('beeps are found in most blocks that are loud', () => {
    const found = blocks(noise('beeps', 20, 5), (block) => (Math.max(...block) > 500 ? exactness(block) : null)).filter(
      (value) => value !== null,
    )
    expect(found.filter((value) => value >= 0.985).length).toBeGreaterThan(found.length * 0.8)
  })
})

describe('no tone', () => {
  test.each([70, 100, 150, 220, 300, 400])('a voice of %i Hz is none, however steady', (hz) => {
    expect(exactness(note(hz))).toBeLessThan(0.9)
    expect(exactness(Int16Array.from({ length: 800 }, (_, at) => Math.round(8000 * Math.sin((2 * Math.PI * hz * at) / 16_000))))).toBe(0)
  })

  test('silence, an offset and noise are none', () => {
    expect(exactness(silence(0.05))).toBe(0)
    expect(exactness(silence(0.05).fill(-9000))).toBe(0)
    expect(exactness(whiteNoise(800, 5000, 1))).toBeLessThan(0.9)
  })

  test('marks and vowels are none, nor are vowels of higher voices', () => {
    const vowels = vowelUtterances(8, 3)
    const speech = [turn(9, 4, 20), ...[...vowels, ...faster(vowels, 1.3), ...faster(vowels, 1.6)].map(({ samples }) => samples)]
    for (const samples of speech) expect(Math.max(...blocks(samples, exactness))).toBeLessThan(0.985)
  })
})
