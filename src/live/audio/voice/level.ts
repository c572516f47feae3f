/** frames of a block whose power is looked at on its own: 10 ms */
const FRAME = 160
/** how much the floor rises per block while nothing is as low as it: 3 dB a second */
const RISE = 1.035
/** of a frame: RMS 10; also where it begins, so that who speaks from the first block on is not taken for the floor */
const LOWEST_FLOOR = 100 * FRAME

/**
 * How loud a block is, and whether it is no more than the noise that was there before. All of it around the mean, with what lies under
 * some 100 Hz weakened: a microphone with an offset, or one that rumbles, is as silent as one without.
 */
export class LevelMeter {
  /** root of the mean square around the mean, 0 to 32768 */
  rms = 0
  /** largest distance from the mean, 0 to 32768 */
  peak = 0
  /** power of the loudest 10 ms, over that of the floor */
  overFloor = 0
  #floor = LOWEST_FLOOR
  #low = 0
  #isFresh = true

  /** Measures a block; the array stays the caller's. */
  measure(samples: Int16Array): void {
    const odd = samples.length % 2
    const first = samples[0] ?? 0
    let sum = odd * first
    let squares = sum * first
    let otherSquares = 0
    let highest = first
    let lowest = first
    // two at a time, and the sum kept a whole number: half the time of the plain loop, and most blocks of a meeting are silent
    for (let at = odd; at < samples.length; at += 2) {
      const one = samples[at]!
      const other = samples[at + 1]!
      sum = (sum + one + other) | 0
      squares += one * one
      otherSquares += other * other
      highest = Math.max(highest, one, other)
      lowest = Math.min(lowest, one, other)
    }
    const count = Math.max(1, samples.length)
    const mean = sum / count
    this.rms = Math.sqrt(Math.max(0, (squares + otherSquares) / count - mean * mean))
    this.peak = samples.length === 0 ? 0 : Math.max(highest - mean, mean - lowest)
  }

  /** Follows the floor with the block that was measured; only for blocks that are not silent. */
  follow(samples: Int16Array): void {
    let least = Number.POSITIVE_INFINITY
    let most = 0
    let low = this.#isFresh ? (samples[0] ?? 0) : this.#low
    this.#isFresh = false
    for (let from = 0; from + FRAME <= samples.length; from += FRAME) {
      let power = 1
      for (let at = from; at < from + FRAME; at++) {
        const sample = samples[at]!
        low += (sample - low) * 0.05
        power += (sample - low) * (sample - low)
      }
      if (power < least) least = power
      if (power > most) most = power
    }
    this.#low = low
    this.#floor = Math.max(LOWEST_FLOOR, Math.min(least, this.#floor * RISE))
    this.overFloor = most / this.#floor
  }

  /** Forgets the floor. */
  reset(): void {
    this.#floor = LOWEST_FLOOR
    this.#isFresh = true
  }
}
