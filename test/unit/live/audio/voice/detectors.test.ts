import * as fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import type { VoiceDetector, VoiceDetectorFactory } from '../../../../../src/live/audio/voice/detector.js'
import { EnergyDetector } from '../../../../../src/live/audio/voice/energy.js'
import { loadVoice } from '../../../../../src/live/audio/voice/load.js'
import { concat, scaled, silence, turn, whiteNoise } from '../../../../support/marks-audio.js'
import { vowelUtterances } from '../../../../support/voice-clips.js'
import { noise } from '../../../../support/voice-noises.js'

const BLOCK = 800

interface Verdict {
  readonly isVoice: boolean
  readonly isUndecided: boolean
  readonly confirmed: number
}

/** One verdict a block. */
function verdicts(detector: VoiceDetector, samples: Int16Array): Verdict[] {
  return Array.from({ length: Math.floor(samples.length / BLOCK) }, (_, block) => {
    detector.hear(samples.subarray(block * BLOCK, (block + 1) * BLOCK))
    return { isVoice: detector.isVoice, isUndecided: detector.isUndecided, confirmed: detector.confirmed }
  })
}

const speech = concat(silence(0.53), turn(3, 100, 6), silence(1.5), vowelUtterances(1, 2)[0]!.samples, silence(1))

const DETECTORS = ['energy', 'staged'] as const
let factories: Record<(typeof DETECTORS)[number], VoiceDetectorFactory>

beforeAll(async () => {
  factories = { energy: () => new EnergyDetector(200), staged: await loadVoice() }
})

describe.each(DETECTORS)('voice detector: %s', (name) => {
  const withOne = <T>(use: (detector: VoiceDetector) => T): T => {
    const detector = factories[name]()
    try {
      return use(detector)
    } finally {
      detector.close()
    }
  }

  test('a new one has heard no voice', () => {
    withOne((detector) => {
      expect([detector.isVoice, detector.isUndecided, detector.confirmed]).toEqual([false, false, 0])
    })
  })

  test('zeros and comfort noise are not voice and not undecided', () => {
    const quiet = concat(silence(1), whiteNoise(16_000, 2, 1))
    for (const { isVoice, isUndecided } of withOne((detector) => verdicts(detector, quiet))) expect(isVoice || isUndecided).toBe(false)
  })

  test('speech is voice, and the silence after it is not', () => {
    const heard = withOne((detector) => verdicts(detector, speech))
    expect(heard.slice(10, 30).filter(({ isVoice }) => isVoice).length).toBeGreaterThan(12)
    expect(heard.at(-1)?.isVoice).toBe(false)
  })

  test('rms and peak are those of the last block', () => {
    withOne((detector) => {
      detector.hear(Int16Array.from({ length: BLOCK }, (_, at) => (at % 2 === 0 ? 1000 : -1000)))
      expect(detector.rms).toBeCloseTo(1000, 5)
      expect(detector.peak).toBeCloseTo(1000, 5)
      detector.hear(silence(0.05))
      expect([detector.rms, detector.peak]).toEqual([0, 0])
    })
  })

  test('the extremes are measured as they are', () => {
    withOne((detector) => {
      detector.hear(Int16Array.from({ length: BLOCK }, (_, at) => (at % 2 === 0 ? 32_767 : -32_768)))
      expect(detector.peak).toBeGreaterThanOrEqual(32_767)
      expect(detector.peak).toBeLessThanOrEqual(32_768)
    })
  })

  test('the samples are left as they were', () => {
    const samples = speech.slice()
    withOne((detector) => verdicts(detector, samples))
    expect(Buffer.from(samples.buffer).equals(Buffer.from(speech.buffer))).toBe(true)
  })

  test('clipped speech is voice as long as speech is', () => {
    const clipped = scaled(speech, 12)
    const count = (samples: Int16Array) => withOne((detector) => verdicts(detector, samples)).filter(({ isVoice }) => isVoice).length
    expect(count(clipped)).toBeGreaterThanOrEqual(count(speech) * 0.9)
  })

  test('after a reset nothing is voice, and what comes is heard as by a new one', () => {
    const fresh = withOne((detector) => verdicts(detector, speech))
    const used = withOne((detector) => {
      verdicts(detector, concat(noise('typing', 3, 4), speech.subarray(0, 16_000)))
      detector.reset()
      expect([detector.isVoice, detector.isUndecided, detector.confirmed]).toEqual([false, false, 0])
      return verdicts(detector, speech)
    })
    expect(used).toEqual(fresh)
  })

  test('what one hears is nothing to another', () => {
    const alone = withOne((detector) => verdicts(detector, speech))
    const other = noise('music', 1, 3)
    const beside = withOne((second) =>
      withOne((detector) =>
        Array.from({ length: alone.length }, (_, block) => {
          verdicts(second, other.subarray((block % 20) * BLOCK, (block % 20) * BLOCK + BLOCK))
          return verdicts(detector, speech.subarray(block * BLOCK, (block + 1) * BLOCK))[0]
        }),
      ),
    )
    expect(beside).toEqual(alone)
  })

  test('it may be closed twice', () => {
    const detector = factories[name]()
    verdicts(detector, speech.subarray(0, 8000))
    detector.close()
    expect(() => detector.close()).not.toThrow()
  })

  test('never voice and undecided, never more confirmed than was undecided right before', () => {
    const pieces = fc.constantFrom(
      silence(0.2),
      silence(0.05),
      turn(1, 5, 3),
      vowelUtterances(1, 9)[0]!.samples.subarray(0, 6400),
      noise('typing', 1, 5),
      noise('rumble', 0.5, 6),
      noise('squeaks', 1, 7),
      whiteNoise(4000, 3000, 8),
    )
    fc.assert(
      fc.property(fc.array(pieces, { minLength: 1, maxLength: 6 }), fc.integer({ min: 0, max: 60 }), (list, resetAt) => {
        withOne((detector) => {
          let run = 0
          const samples = concat(...list)
          for (let block = 0; (block + 1) * BLOCK <= samples.length; block++) {
            if (block === resetAt) {
              detector.reset()
              run = 0
            }
            const [verdict] = verdicts(detector, samples.subarray(block * BLOCK, (block + 1) * BLOCK))
            expect(verdict!.isVoice && verdict!.isUndecided).toBe(false)
            expect(verdict!.confirmed).toBeLessThanOrEqual(verdict!.isVoice ? run : 0)
            run = verdict!.isUndecided ? run + 1 : 0
            expect(run).toBeLessThanOrEqual(detector.memoryBlocks)
          }
        })
      }),
      { numRuns: 20, seed: 20 },
    )
  })
})

test('the memory of the staged detector is at most what the plane keeps', () => {
  const detector = factories.staged()
  expect(detector.memoryBlocks).toBeLessThanOrEqual(12)
  detector.close()
})
