/** samples of the input that each output sample is made of */
const TAPS = 8
const FACTOR = 3

/** Hann-windowed sinc, cut into one filter for each of the three output positions; every one sums to 1. */
const PHASES: readonly Float32Array[] = Array.from({ length: FACTOR }, (_, phase) => {
  const taps = Float32Array.from({ length: TAPS }, (_tap, tap) => {
    const distance = tap - TAPS / 2 + phase / FACTOR
    const sinc = distance === 0 ? 1 : Math.sin(Math.PI * distance) / (Math.PI * distance)
    return sinc * (0.5 + 0.5 * Math.cos((Math.PI * distance) / (TAPS / 2 + 1)))
  })
  const sum = taps.reduce((total, tap) => total + tap, 0)
  return taps.map((tap) => tap / sum)
})

/** 16 kHz to 48 kHz, 4 samples (0.25 ms) late. */
export class Upsampler {
  readonly #recent = new Float32Array(TAPS)

  /**
   * Goes on where the last call ended.
   * @param samples 16 kHz mono; the caller's
   * @param out the caller's, three times as long; same scale, overwritten
   */
  process(samples: Int16Array, out: Float32Array): void {
    const recent = this.#recent
    for (let at = 0; at < samples.length; at++) {
      recent.copyWithin(1, 0)
      recent[0] = samples[at]!
      for (let phase = 0; phase < FACTOR; phase++) {
        const taps = PHASES[phase]!
        let sum = 0
        for (let tap = 0; tap < TAPS; tap++) sum += recent[tap]! * taps[tap]!
        out[at * FACTOR + phase] = sum
      }
    }
  }

  /** What came before was silence. */
  reset(): void {
    this.#recent.fill(0)
  }
}
