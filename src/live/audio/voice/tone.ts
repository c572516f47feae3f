/** samples of a block: 50 ms */
const BLOCK = 800
/** samples summed into one, so that what lies above 2 kHz is weakened */
const STEP = 4
/** at 16 kHz; peaks lie between the two, from 2700 Hz down to 430 Hz */
const FIRST_LAG = 5
const LAST_LAG = 38
/** how many samples are compared with those one lag later: 47 ms */
const COMPARED = BLOCK - STEP - LAST_LAG

/**
 * How exactly a block repeats itself faster than a voice does: 0.99 to 1 in nearly every block of a beep, even while it comes up or fades.
 * Voices waver, and have a pitch below: 0 to 0.7, and in one of a hundred blocks over 0.9; of higher voices up to 0.96, through a telephone up to 0.98.
 * Some 0.03 ms a block; for blocks that RNNoise listens to.
 */
export class ToneMeter {
  readonly #dull = new Float32Array(BLOCK - STEP + 1)

  /**
   * @param samples 50 ms of 16 kHz mono; the caller's
   * @returns the highest peak of the normalised autocorrelation at lags of 0.37 to 2.3 ms, between two lags where it lies there; 0 without a peak
   */
  exactness(samples: Int16Array): number {
    const dull = this.#dull
    let sum = samples[0]! + samples[1]! + samples[2]!
    let low = (sum * STEP) / (STEP - 1)
    for (let at = 0; at < dull.length; at++) {
      sum += samples[at + STEP - 1]!
      low += (sum - low) * 0.05
      dull[at] = sum - low
      sum -= samples[at]!
    }
    let power = 0
    for (let at = 0; at < COMPARED; at++) power += dull[at]! * dull[at]!
    let later = power
    let best = 0
    // alike at one lag before, and at two: what is merely dull is less so at each lag
    let before = 1
    let earlier = 1
    for (let lag = 1; lag <= LAST_LAG; lag++) {
      later += dull[lag + COMPARED - 1]! ** 2 - dull[lag - 1]! ** 2
      if (lag < FIRST_LAG) continue
      let product = 0
      for (let at = 0; at < COMPARED; at++) product += dull[at]! * dull[at + lag]!
      const alike = product / Math.sqrt(power * Math.max(0, later) + 1)
      if (before > earlier && before >= alike) best = Math.max(best, summit(earlier, before, alike))
      earlier = before
      before = alike
    }
    return Math.min(1, best)
  }
}

/** The top of the parabola through three values, of which the middle one is the highest. */
const summit = (left: number, middle: number, right: number) => middle + (right - left) ** 2 / (8 * (2 * middle - left - right))
