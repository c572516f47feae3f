import { beforeAll, describe, expect, test } from 'vitest'
import type { VoiceDetectorFactory } from '../../../../../src/live/audio/voice/detector.js'
import { loadVoice } from '../../../../../src/live/audio/voice/load.js'
import { faster, narrow, thin } from '../../../../support/voice-altered.js'
import { markUtterances, vowelUtterances } from '../../../../support/voice-clips.js'
import { noise } from '../../../../support/voice-noises.js'
import { hitsOf, holds, sceneOf, verdictsOf } from '../../../../support/voice-trial.js'

/** What the bench finds at length, on samples that are small enough for every push: all seeded. */

let make: VoiceDetectorFactory

beforeAll(async () => {
  make = await loadVoice()
})

function heard(samples: Int16Array) {
  const detector = make()
  const verdicts = verdictsOf(detector, samples)
  detector.close()
  return verdicts
}

describe('false onsets', () => {
  test.each(['typing', 'breath', 'hum', 'fan', 'rumble', 'slams', 'rustle'] as const)('%s: at most 4 a minute', (name) => {
    expect(holds(heard(noise(name, 30, 71))).length).toBeLessThanOrEqual(2)
  })

  test('music is held, not taken up again and again: at most 4 a minute', () => {
    expect(holds(heard(noise('music', 30, 71))).length).toBeLessThanOrEqual(2)
  })

  // 6 in this minute and a half; 12 when of tones it takes no more than of voices
  test('beeps: at most 4 a minute over three seeds', () => {
    const onsets = [69, 70, 74].map((seed) => holds(heard(noise('beeps', 30, seed))).length)
    expect(onsets.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(6)
  })

  test('cross-talk at -40 dB is not heard', () => {
    expect(holds(heard(sceneOf(vowelUtterances(6, 5), 20, null, 1).samples))).toEqual([])
  })

  test('typing after speech lets go within a second, hangover included', () => {
    const scene = sceneOf(vowelUtterances(1, 6), 2000, null, 2)
    const end = Math.ceil(scene.utterances[0]!.to / 800)
    const samples = new Int16Array((end + 200) * 800)
    samples.set(scene.samples.subarray(0, end * 800))
    samples.set(noise('typing', 10, 72), end * 800)
    expect(holds(heard(samples))[0]!.to - end).toBeLessThanOrEqual(24)
  })
})

describe('onsets', () => {
  const speech = { marks: markUtterances(12, 81), vowels: vowelUtterances(12, 82) }

  test.each(Object.entries(speech))('%s are heard whole, in silence and in a room 20 dB under them', (_, list) => {
    for (const snrDb of [null, 20]) {
      const scene = sceneOf(list, 2000, snrDb, 83)
      const { missed, lostBlocks } = hitsOf(scene, heard(scene.samples))
      expect({ missed, lostBlocks }).toEqual({ missed: [], lostBlocks: 0 })
    }
  })

  test('higher voices and thinner ones are heard whole, too', () => {
    const list = speech.vowels.slice(0, 5)
    const altered = [faster(list, 1.3), faster(list, 1.6), thin(list), narrow(list, 300, 3400)].flat()
    const scene = sceneOf(altered, 2000, 20, 86)
    expect(hitsOf(scene, heard(scene.samples)).missed).toEqual([])
  })

  test.each(['typing', 'breath', 'rustle', 'beeps'] as const)('right after %s they are, too', (name) => {
    for (const [at, utterance] of [...speech.marks.slice(0, 3), ...speech.vowels.slice(0, 3)].entries()) {
      const from = 5 * 16_000 + at * 130
      const samples = new Int16Array(Math.ceil((from + utterance.samples.length) / 800) * 800)
      samples.set(noise(name, 5, 90 + at).subarray(0, 5 * 16_000))
      samples.set(utterance.samples, from)
      const scene = { samples, utterances: [{ source: name, from, to: from + utterance.samples.length }] }
      expect(hitsOf(scene, heard(samples)).missed).toEqual([])
    }
  })

  test('with an offset of 2000 they are, too, and the silence between them is silence', () => {
    const scene = sceneOf([...speech.marks.slice(0, 4), ...speech.vowels.slice(0, 4)], 2000, null, 84)
    const plain = heard(scene.samples)
    const shifted = heard(scene.samples.map((sample) => sample + 2000))
    expect(hitsOf(scene, shifted).missed).toEqual([])
    expect(holds(shifted).length).toBe(holds(plain).length)
  })

  test('are known within 0.3 s', () => {
    const scene = sceneOf([...speech.marks.slice(0, 6), ...speech.vowels], 2000, 30, 85)
    const { missed, delaysMs } = hitsOf(scene, heard(scene.samples))
    expect(missed).toEqual([])
    expect(Math.max(...delaysMs)).toBeLessThanOrEqual(300)
  })
})
