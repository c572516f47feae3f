import type { VoiceDetector } from './detector.js'

/** Energy gate: says of one block how loud it is. Reused, so that measuring allocates nothing. */
export class Meter {
  /** root of the mean square, 0 to 32768 */
  rms = 0
  /** largest magnitude, 0 to 32768 */
  peak = 0

  /** Measures a block; the array stays the caller's. An empty one is silent. */
  measure(samples: Int16Array): void {
    let squares = 0
    let peak = 0
    for (let index = 0; index < samples.length; index++) {
      const sample = samples[index] ?? 0
      squares += sample * sample
      if (sample > peak) peak = sample
      else if (-sample > peak) peak = -sample
    }
    this.rms = samples.length === 0 ? 0 : Math.sqrt(squares / samples.length)
    this.peak = peak
  }
}

/** Loud is voice, at once. For tests, and where no better detector can be loaded. */
export class EnergyDetector implements VoiceDetector {
  readonly memoryBlocks = 0
  readonly isUndecided = false
  readonly confirmed = 0
  isVoice = false
  readonly #voiceRms: number
  readonly #meter = new Meter()

  /** @param voiceRms RMS from which a block is voice */
  constructor(voiceRms: number) {
    this.#voiceRms = voiceRms
  }

  get rms(): number {
    return this.#meter.rms
  }

  get peak(): number {
    return this.#meter.peak
  }

  hear(samples: Int16Array): void {
    this.#meter.measure(samples)
    this.isVoice = this.#meter.rms >= this.#voiceRms
  }

  reset(): void {
    this.isVoice = false
  }

  close(): void {
    this.isVoice = false
  }
}
