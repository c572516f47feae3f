/** samples averaged into one: 16 kHz to 4 kHz */
const STEP = 4
/** at 4 kHz: 400 Hz to 62.5 Hz */
const SHORTEST = 10
const LONGEST = 64
/** how many samples are compared with those one lag later: 34 ms */
const COMPARED = 136
/** samples of a block: 50 ms */
const BLOCK = 800
/** a lag counts only when the sound was unlike itself at a shorter one: what is merely dull is alike at all short lags */
const UNLIKE = 0.5
const FIRST_LAG = 4

/**
 * How much a block repeats itself at the pitch of a voice. Vowels do, 0.6 to 1; breath, keys, knocks, wind and fans hardly ever reach 0.5.
 * About 0.4 ms per second of audio.
 */
export class PitchMeter {
  readonly #dull = new Float32Array(BLOCK / STEP)

  /**
   * @param samples 50 ms of 16 kHz mono; the caller's
   * @returns the highest normalised autocorrelation at lags of 2.5 to 16 ms, 0 to 1
   */
  periodicity(samples: Int16Array): number {
    const dull = this.#dull
    let low = samples[0] ?? 0
    let last = low
    for (let at = 0, from = 0; at < dull.length; at++, from += STEP) {
      const mean = (samples[from]! + samples[from + 1]! + samples[from + 2]! + samples[from + 3]!) / STEP
      const smooth = (mean + last) / 2
      last = mean
      low += (smooth - low) * 0.18
      dull[at] = smooth - low
    }
    let power = 0
    for (let at = 0; at < COMPARED; at++) power += dull[at]! * dull[at]!
    let later = power
    let best = 0
    let isUnlike = false
    for (let lag = 1; lag <= LONGEST; lag++) {
      later += dull[lag + COMPARED - 1]! ** 2 - dull[lag - 1]! ** 2
      if (lag < FIRST_LAG) continue
      let product = 0
      for (let at = 0; at < COMPARED; at++) product += dull[at]! * dull[at + lag]!
      const alike = product / Math.sqrt(power * Math.max(0, later) + 1)
      if (alike < UNLIKE) isUnlike = true
      else if (isUnlike && lag >= SHORTEST && alike > best) best = alike
    }
    return best
  }
}
