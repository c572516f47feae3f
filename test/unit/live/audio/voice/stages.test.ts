import { describe, expect, test } from 'vitest'
import { loadFvad, type FvadMode } from '../../../../../src/core/voice/fvad.js'
import { LevelMeter } from '../../../../../src/live/audio/voice/level.js'
import { loadVoice } from '../../../../../src/live/audio/voice/load.js'
import { PitchMeter } from '../../../../../src/live/audio/voice/pitch.js'
import { loadRnnoise } from '../../../../../src/live/audio/voice/rnnoise.js'
import { Upsampler } from '../../../../../src/live/audio/voice/upsample.js'
import { seeded, silence, turn, whiteNoise } from '../../../../support/marks-audio.js'
import { vowelUtterances } from '../../../../support/voice-clips.js'
import { noise, roomTone } from '../../../../support/voice-noises.js'

const MODES: readonly FvadMode[] = [0, 1, 2, 3]
const sine = (hz: number, level = 8000, length = 800) =>
  Int16Array.from({ length }, (_, at) => Math.round(level * Math.sin((2 * Math.PI * hz * at) / 16_000)))
const blocks = <T>(samples: Int16Array, of: (block: Int16Array) => T) =>
  Array.from({ length: Math.floor(samples.length / 800) }, (_, at) => of(samples.subarray(at * 800, (at + 1) * 800)))

describe('level', () => {
  test.each([800, 801, 1])('rms and peak of %i samples are around the mean', (length) => {
    const meter = new LevelMeter()
    const random = seeded(1)
    const samples = Array.from({ length }, () => Math.round(500 * (random() - 0.5)) - 4000)
    meter.measure(Int16Array.from(samples))
    const mean = samples.reduce((sum, sample) => sum + sample, 0) / length
    expect(meter.rms).toBeCloseTo(Math.sqrt(samples.reduce((sum, sample) => sum + (sample - mean) ** 2, 0) / length), 3)
    expect(meter.peak).toBeCloseTo(Math.max(...samples.map((sample) => Math.abs(sample - mean))), 6)
  })

  test('an empty block is silent', () => {
    const meter = new LevelMeter()
    meter.measure(new Int16Array(0))
    expect([meter.rms, meter.peak]).toEqual([0, 0])
  })

  test('the floor falls at once and rises by 3 dB a second', () => {
    const meter = new LevelMeter()
    const over = (samples: Int16Array) =>
      blocks(samples, (block) => {
        meter.follow(block)
        return meter.overFloor
      }).at(-1)!
    expect(over(roomTone(30, 1000, 1))).toBeLessThan(3)
    over(roomTone(0.2, 100, 2))
    const after = over(roomTone(1, 1000, 3))
    // 20 dB, less 3 dB a second; the loudest frame lies some dB over the mean
    expect(after).toBeGreaterThan(10 ** 1.5)
    expect(after).toBeLessThan(10 ** 2.6)
    expect(over(roomTone(9, 1000, 4))).toBeLessThan(3)
  })

  test('speech does not become its own floor', () => {
    const meter = new LevelMeter()
    const over = blocks(turn(2, 7, 100), (block) => {
      meter.follow(block)
      return meter.overFloor
    })
    expect(Math.min(...over)).toBeGreaterThan(3)
  })
})

describe('pitch', () => {
  test.each([70, 100, 150, 220, 300, 390])('a voice at %i Hz is voiced', (hz) => {
    // a train of pulses, made dull: the period alone counts
    let phase = 0
    let low = 0
    const samples = Int16Array.from({ length: 800 }, () => {
      phase += hz / 16_000
      if (phase >= 1) phase -= 1
      low += ((phase < hz / 16_000 ? 30_000 : 0) - low) * 0.2
      return low
    })
    expect(new PitchMeter().periodicity(samples)).toBeGreaterThan(0.7)
  })

  test('marks and vowels are voiced most of the time, at any offset', () => {
    const meter = new PitchMeter()
    for (const samples of [turn(9, 4, 20), ...vowelUtterances(4, 3).map((vowels) => vowels.samples)]) {
      const voiced = blocks(samples, (block) => meter.periodicity(block)).filter((value) => value >= 0.65)
      expect(voiced.length).toBeGreaterThan((samples.length / 800) * 0.5)
      const shifted = blocks(samples, (block) => meter.periodicity(block.map((sample) => sample / 2 + 3000))).filter(
        (value) => value >= 0.65,
      )
      expect(Math.abs(shifted.length - voiced.length)).toBeLessThanOrEqual(2)
    }
  })

  test.each(['breath', 'rumble', 'slams', 'rustle'] as const)('%s is never voiced', (name) => {
    const meter = new PitchMeter()
    expect(blocks(noise(name, 20, 4), (block) => meter.periodicity(block)).filter((value) => value >= 0.65)).toEqual([])
  })

  test('silence, an offset and white noise are not voiced', () => {
    const meter = new PitchMeter()
    expect(meter.periodicity(silence(0.05))).toBe(0)
    expect(meter.periodicity(silence(0.05).fill(2000))).toBe(0)
    expect(meter.periodicity(whiteNoise(800, 5000, 1))).toBeLessThan(0.65)
  })
})

describe('upsampler', () => {
  test('a tone comes out as the same tone, 4 samples late', () => {
    const upsampler = new Upsampler()
    const out = new Float32Array(2400)
    upsampler.process(sine(1000), out)
    for (let at = 100; at < 2300; at++)
      expect(Math.abs(out[at]! - 8000 * Math.sin((2 * Math.PI * 1000 * (at - 12)) / 48_000))).toBeLessThan(160)
  })

  test('pieces give what the whole gives', () => {
    const samples = whiteNoise(800, 3000, 1)
    const whole = new Float32Array(2400)
    new Upsampler().process(samples, whole)
    const upsampler = new Upsampler()
    const piece = new Float32Array(480)
    const pieces = Array.from({ length: 5 }, (_, at) => {
      upsampler.process(samples.subarray(at * 160, (at + 1) * 160), piece)
      return [...piece]
    }).flat()
    expect(pieces).toEqual([...whole])
  })

  test('after a reset it is as new', () => {
    const upsampler = new Upsampler()
    const [first, second] = [new Float32Array(480), new Float32Array(480)]
    upsampler.process(sine(500).subarray(0, 160), first)
    upsampler.reset()
    upsampler.process(sine(500).subarray(0, 160), second)
    expect(second).toEqual(first)
  })
})

describe('WASM', () => {
  test('each is loaded once in a process', async () => {
    expect(loadFvad()).toBe(loadFvad())
    expect(loadRnnoise()).toBe(loadRnnoise())
    await Promise.all([loadFvad(), loadRnnoise(), loadVoice()])
  })

  test.each(MODES)('fvad, mode %i, tells marks from silence at 10, 20 and 30 ms', async (mode) => {
    const make = await loadFvad()
    for (const frame of [160, 320, 480]) {
      const detector = make(mode)
      const share = (samples: Int16Array) => {
        const verdicts = Array.from({ length: Math.floor(samples.length / frame) }, (_, at) =>
          detector.isVoice(samples.subarray(at * frame, (at + 1) * frame)),
        )
        return verdicts.filter(Boolean).length / verdicts.length
      }
      expect(share(turn(1, 1, 10))).toBeGreaterThan(0.9)
      share(silence(0.5))
      expect(share(silence(1))).toBe(0)
      detector.close()
    }
  })

  test('fvad refuses frames of other lengths', async () => {
    const detector = (await loadFvad())(1)
    for (const length of [0, 100, 800]) expect(() => detector.isVoice(new Int16Array(length))).toThrow(RangeError)
    detector.close()
  })

  test('fvad keeps its mode over a reset', async () => {
    const make = await loadFvad()
    const samples = turn(5, 5, 5).map((sample) => sample / 40)
    const verdicts = (detector: ReturnType<typeof make>) =>
      Array.from({ length: 100 }, (_, at) => detector.isVoice(samples.subarray(at * 160, (at + 1) * 160)))
    const [strict, open, used] = [make(3), make(0), make(3)]
    verdicts(used)
    used.reset()
    const expected = verdicts(strict)
    expect(verdicts(used)).toEqual(expected)
    expect(verdicts(open)).not.toEqual(expected)
    for (const detector of [strict, open, used]) detector.close()
  })

  test('rnnoise is sure of vowels, and that breath is none', async () => {
    const make = await loadRnnoise()
    const listener = make()
    const mean = (samples: Int16Array) => {
      const frames = Array.from({ length: Math.floor(samples.length / 160) }, (_, at) =>
        listener.probability(samples.subarray(at * 160, (at + 1) * 160)),
      )
      return frames.reduce((sum, value) => sum + value, 0) / frames.length
    }
    expect(mean(vowelUtterances(1, 4)[0]!.samples)).toBeGreaterThan(0.7)
    listener.reset()
    expect(mean(noise('breath', 3, 5))).toBeLessThan(0.1)
    listener.close()
  })

  test('closing gives the memory back', async () => {
    const [fvad, rnnoise] = await Promise.all([loadFvad(), loadRnnoise()])
    // unfreed, these are 180 and 150 MB of memory that was written to
    const before = process.memoryUsage().rss
    for (let count = 0; count < 10_000; count++) rnnoise().close()
    for (let count = 0; count < 200_000; count++) fvad(1).close()
    expect((process.memoryUsage().rss - before) / 1e6).toBeLessThan(90)
  })
})
