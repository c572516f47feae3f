import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LinearResampler } from '../../../../src/speech-server/protocol/resampler.js'

describe('LinearResampler', () => {
  it('interpolates between the frames of each channel', () => {
    const up = new LinearResampler(2, 8000, 16_000)
    expect([...up.process(Int16Array.of(0, 100, 10, 200, 20, 300))]).toEqual([0, 100, 5, 150, 10, 200, 15, 250, 20, 300])
  })

  it('continues over the edge of a block', () => {
    const up = new LinearResampler(1, 8000, 16_000)
    expect([[...up.process(Int16Array.of(0))], [...up.process(Int16Array.of(10))]]).toEqual([[0], [5, 10]])
  })

  it.each([8000, 32_000, 44_100, 48_000])('a ramp at %i Hz stays a ramp, and a second stays a second', (rate) => {
    const ramp = Int16Array.from({ length: rate }, (_, at) => Math.round((at / rate) * 30_000))
    const out = new LinearResampler(1, rate, 16_000).process(ramp)
    expect(Math.abs(out.length - 16_000)).toBeLessThanOrEqual(1)
    const furthest = out.reduce((most, sample, at) => Math.max(most, Math.abs(sample - (at / 16_000) * 30_000)), 0)
    expect(furthest).toBeLessThanOrEqual(2)
  })

  it('the output does not depend on how the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(8000, 32_000, 44_100, 48_000),
        fc.int16Array({ minLength: 0, maxLength: 80 }),
        fc.array(fc.nat(40)),
        (rate, samples, cuts) => {
          const frames = Math.floor(samples.length / 2)
          const input = samples.slice(0, frames * 2)
          const whole = new LinearResampler(2, rate, 16_000).process(input)
          const pieces = new LinearResampler(2, rate, 16_000)
          const edges = [0, ...cuts.filter((cut) => cut <= frames).toSorted((a, b) => a - b), frames]
          const out = edges.slice(1).flatMap((edge, at) => [...pieces.process(input.slice((edges[at] ?? 0) * 2, edge * 2))])
          expect(out).toEqual([...whole])
        },
      ),
    )
  })
})
