import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { Resampler } from '../../../../../src/live/room/recording/resampler.js'

const RATES = [8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000]

const tone = (hz: number, rate: number, samples: number): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length: samples }, (_, at) => 10_000 * Math.sin((2 * Math.PI * hz * at) / rate))

function resampled(samples: Float32Array<ArrayBuffer>, from: number, cuts: readonly number[] = []): number[] {
  const resampler = new Resampler(from, 16_000)
  const edges = [0, ...cuts.map((cut) => cut % (samples.length + 1)).toSorted((a, b) => a - b), samples.length]
  const parts = edges.slice(1).map((edge, at) => resampler.process(samples.slice(edges[at], edge)))
  return [...parts, resampler.finish()].flatMap((part) => [...part])
}

const worst = (one: readonly number[], other: Float32Array, from: number, to: number): number =>
  Math.max(...Array.from({ length: to - from }, (_, at) => Math.abs((one[from + at] ?? Number.NaN) - (other[from + at] ?? Number.NaN))))

test('a tone that both rates can carry comes out in its place, of its level, from every rate', () => {
  for (const rate of RATES) {
    const back = resampled(tone(1_000, rate, rate), rate)
    expect(back).toHaveLength(16_000)
    expect(worst(back, tone(1_000, 16_000, 16_000), 200, 15_800)).toBeLessThan(10)
  }
})

test('a tone that 16 kHz cannot carry is gone, and comes back as no other', () => {
  for (const rate of [22_050, 32_000, 44_100, 48_000, 96_000]) {
    const back = resampled(tone(9_000, rate, rate), rate)
    expect(Math.max(...back.slice(200, 15_800).map(Math.abs))).toBeLessThan(20)
  }
})

test('what comes out does not depend on where the stream was cut', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...RATES),
      fc.integer({ min: 0, max: 5_000 }),
      fc.array(fc.nat(), { maxLength: 6 }),
      fc.integer(),
      (rate, length, cuts, seed) => {
        const samples = Float32Array.from({ length }, (_, at) => Math.imul(at + seed, 0x9e3779b1) >> 16)
        const whole = resampled(samples, rate)
        expect(whole).toHaveLength(Math.ceil((length * 16_000) / rate))
        expect(resampled(samples, rate, cuts)).toEqual(whole)
      },
    ),
    { numRuns: 50 },
  )
})
