import type { FvadDetector } from '../../../core/voice/fvad.js'
import { Cascade } from './cascade.js'
import type { VoiceDetector } from './detector.js'
import { RNNOISE_FRAME, type SpeechListener } from './rnnoise.js'

/** half the distance between highest and lowest sample from which a block is looked at */
const FLOOR = 64
/** voiced frames that make a block active */
const ACTIVE_FRAMES = 2
const SPEECH = 0.5
const SPEECH_FRAMES = 2
const MEMORY_BLOCKS = 10

/** WebRTC's detector for every block that is not silent, RNNoise until a candidate is confirmed. */
export class StagedDetector implements VoiceDetector {
  readonly memoryBlocks = MEMORY_BLOCKS
  rms = 0
  peak = 0
  readonly #cascade = new Cascade(MEMORY_BLOCKS)
  readonly #fvad: FvadDetector
  readonly #listener: SpeechListener
  #speechFrames = 0

  /** Owns both. */
  constructor(fvad: FvadDetector, listener: SpeechListener) {
    this.#fvad = fvad
    this.#listener = listener
  }

  get isVoice(): boolean {
    return this.#cascade.isVoice
  }

  get isUndecided(): boolean {
    return this.#cascade.isUndecided
  }

  get confirmed(): number {
    return this.#cascade.confirmed
  }

  hear(samples: Int16Array): void {
    this.#measure(samples)
    const isActive = this.peak >= FLOOR && this.#voicedFrames(samples) >= ACTIVE_FRAMES
    this.#cascade.step(isActive, () => this.#isSpeech(samples))
    if (!isActive) this.#speechFrames = 0
  }

  reset(): void {
    this.#cascade.reset()
    this.#fvad.reset()
    this.#speechFrames = 0
  }

  close(): void {
    this.#cascade.reset()
    this.#fvad.close()
    this.#listener.close()
  }

  /** Around the mean: a microphone with an offset is as silent as one without. */
  #measure(samples: Int16Array): void {
    let sum = 0
    let squares = 0
    let lowest = 32_767
    let highest = -32_768
    for (let index = 0; index < samples.length; index++) {
      const sample = samples[index]!
      sum += sample
      squares += sample * sample
      if (sample > highest) highest = sample
      if (sample < lowest) lowest = sample
    }
    const count = Math.max(1, samples.length)
    const mean = sum / count
    this.rms = Math.sqrt(Math.max(0, squares / count - mean * mean))
    this.peak = samples.length === 0 ? 0 : Math.max(highest - mean, mean - lowest)
  }

  #voicedFrames(samples: Int16Array): number {
    let voiced = 0
    for (let at = 0; at + RNNOISE_FRAME <= samples.length; at += RNNOISE_FRAME) {
      if (this.#fvad.isVoice(samples.subarray(at, at + RNNOISE_FRAME))) voiced++
    }
    return voiced
  }

  #isSpeech(samples: Int16Array): boolean {
    if (this.#cascade.kind === 'quiet') this.#listener.reset()
    for (let at = 0; at + RNNOISE_FRAME <= samples.length; at += RNNOISE_FRAME) {
      if (this.#listener.probability(samples.subarray(at, at + RNNOISE_FRAME)) >= SPEECH) this.#speechFrames++
    }
    return this.#speechFrames >= SPEECH_FRAMES
  }
}
