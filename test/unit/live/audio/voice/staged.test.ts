import { describe, expect, test } from 'vitest'
import type { FvadDetector } from '../../../../../src/core/voice/fvad.js'
import type { SpeechListener } from '../../../../../src/live/audio/voice/rnnoise.js'
import { StagedDetector, VOICE_TUNABLES, type VoiceTunables } from '../../../../../src/live/audio/voice/staged.js'
import { concat, mixed, silence, turn, whiteNoise } from '../../../../support/marks-audio.js'
import { roomTone } from '../../../../support/voice-noises.js'

/** Lets everything through, and counts. */
class OpenGate implements FvadDetector {
  asked = 0
  resets = 0
  closed = 0

  isVoice(frame: Int16Array): boolean {
    expect(frame.length).toBe(160)
    this.asked++
    return true
  }

  reset(): void {
    this.resets++
  }

  close(): void {
    this.closed++
  }
}

/** Is always as sure, and counts. */
class ScriptedListener implements SpeechListener {
  heard = 0
  resets = 0
  closed = 0
  sure = 0

  probability(frame: Int16Array): number {
    expect(frame.length).toBe(160)
    this.heard++
    return this.sure
  }

  reset(): void {
    this.resets++
  }

  close(): void {
    this.closed++
  }
}

function rig(tunables: Partial<VoiceTunables> = {}) {
  const gate = new OpenGate()
  const listener = new ScriptedListener()
  const detector = new StagedDetector(gate, listener, { ...VOICE_TUNABLES, ...tunables })
  const hear = (samples: Int16Array) => {
    for (let at = 0; at + 800 <= samples.length; at += 800) detector.hear(samples.subarray(at, at + 800))
  }
  return { gate, listener, detector, hear }
}

const offset = (samples: Int16Array, by: number) => samples.map((sample) => sample + by)

describe('what reaches the stages', () => {
  test.each([
    ['zeros', silence(5)],
    ['comfort noise', whiteNoise(80_000, 2, 1)],
    ['a peak of 63', Int16Array.from({ length: 80_000 }, (_, at) => (at % 2 === 0 ? 63 : -63))],
    ['an offset of 2000', silence(5).fill(2000)],
    ['an offset of -30000', silence(5).fill(-30_000)],
    ['comfort noise with an offset of 2000', offset(whiteNoise(80_000, 2, 1), 2000)],
  ])('nothing of %s', (_, samples) => {
    const { gate, listener, detector, hear } = rig()
    hear(samples)
    expect([gate.asked, listener.heard, detector.isVoice]).toEqual([0, 0, false])
    expect(detector.peak).toBeLessThan(64)
    expect(detector.rms).toBeLessThan(64)
  })

  test.each([0, 2000])('a steady room, offset %i, is heard for seconds at most, until its floor is known', (by) => {
    const { gate, hear } = rig()
    hear(offset(roomTone(10, 100, 1), by))
    const before = gate.asked
    expect(before).toBeLessThan(5 * 100)
    hear(offset(roomTone(20, 100, 2), by))
    expect(gate.asked - before).toBeLessThan(0.05 * 20 * 100)
  })

  test('speech over the floor of a room is heard at once', () => {
    const { gate, hear } = rig()
    hear(roomTone(15, 100, 1))
    const before = gate.asked
    hear(mixed(turn(1, 1, 4), roomTone(0.8, 100, 3)))
    expect(gate.asked - before).toBeGreaterThan(60)
  })

  test('whoever speaks from the first block on, and after a reset, is not taken for the floor', () => {
    const { gate, detector, hear } = rig()
    const vowel = Int16Array.from({ length: 16_000 }, (_, at) => Math.round(3000 * Math.sin(at / 12)))
    hear(vowel)
    expect(gate.asked).toBe(100)
    detector.reset()
    expect(gate.resets).toBe(1)
    hear(vowel)
    expect(gate.asked).toBe(200)
  })

  test('after a reset the floor of before is forgotten', () => {
    const { gate, detector, hear } = rig()
    hear(roomTone(15, 1000, 1))
    const vowel = Int16Array.from({ length: 8000 }, (_, at) => Math.round(1500 * Math.sin(at / 12)))
    const before = gate.asked
    hear(vowel)
    expect(gate.asked).toBe(before)
    detector.reset()
    hear(vowel)
    expect(gate.asked).toBe(before + 50)
  })

  test('what is weaker than a voice of its own is not confirmed, however sure', () => {
    const { listener, detector, hear } = rig()
    listener.sure = 1
    hear(turn(1, 1, 10).map((sample) => sample / 50))
    expect([listener.heard, detector.isVoice]).toEqual([0, false])
  })

  test('the third stage begins anew for each candidate, and stops as soon as it is sure', () => {
    const { listener, detector, hear } = rig()
    hear(turn(1, 1, 1).subarray(0, 800))
    expect([listener.resets, listener.heard, detector.isUndecided]).toEqual([1, 5, true])
    listener.sure = 1
    hear(turn(1, 1, 1).subarray(800, 1600))
    expect([listener.resets, listener.heard, detector.isVoice, detector.confirmed]).toEqual([1, 7, true, 1])
    hear(turn(1, 1, 10))
    expect(listener.heard).toBe(7)
    hear(silence(1))
    hear(turn(1, 1, 1))
    expect([listener.resets, listener.heard]).toEqual([2, 9])
  })

  test('the first stage needs voiced frames, not one', () => {
    class OneInFive extends OpenGate {
      override isVoice(frame: Int16Array): boolean {
        return super.isVoice(frame) && this.asked % 5 === 0
      }
    }
    const detector = new StagedDetector(new OneInFive(), new ScriptedListener(), VOICE_TUNABLES)
    detector.hear(turn(1, 1, 1).subarray(0, 800))
    expect(detector.isUndecided).toBe(false)
  })

  test('closing closes both stages', () => {
    const { gate, listener, detector, hear } = rig()
    listener.sure = 1
    hear(concat(turn(1, 1, 2)))
    detector.close()
    expect([gate.closed, listener.closed, detector.isVoice]).toEqual([1, 1, false])
  })
})

describe('tones', () => {
  const tone = (hz: number, seconds = 0.05) =>
    Int16Array.from({ length: seconds * 16_000 }, (_, at) => Math.round(6000 * Math.sin((2 * Math.PI * hz * at) / 16_000)))

  test('of a tone above the voices the third stage has to be very sure, of a voice as steady not', () => {
    for (const [hz, sure, isVoice] of [
      [650, 0.97, false],
      [650, 0.985, true],
      [220, 0.6, true],
      [220, 0.4, false],
    ] as const) {
      const { listener, detector, hear } = rig()
      listener.sure = sure
      hear(tone(hz))
      expect([hz, sure, detector.isVoice]).toEqual([hz, sure, isVoice])
    }
  })

  test('a voice that comes after one is confirmed as soon as it would be by itself, and the tone with it', () => {
    const { listener, detector, hear } = rig()
    listener.sure = 0.9
    hear(tone(650, 0.1))
    expect([listener.heard, detector.isVoice, detector.isUndecided]).toEqual([10, false, true])
    hear(turn(1, 1, 1).subarray(0, 800))
    expect([listener.heard, detector.isVoice, detector.confirmed]).toEqual([12, true, 2])
  })

  test('a voice that was confirmed goes on over tones', () => {
    const { listener, detector, hear } = rig()
    listener.sure = 0.9
    hear(turn(1, 1, 2).subarray(0, 1600))
    for (let block = 0; block < 20; block++) {
      hear(tone(650))
      expect(detector.isVoice).toBe(true)
    }
  })

  test('without a third stage tones are voice as before', () => {
    const { detector, hear } = rig({ speechFrames: 0 })
    hear(tone(650))
    expect(detector.isVoice).toBe(true)
  })
})
