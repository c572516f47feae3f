import { CODE_TONES, FIRST_TONE, GROUPS, markOfDigits, PAIRS, TONES_PER_GROUP } from './codec.js'
import type { Mark } from './codec.js'

/** One window: 32 ms at 16 kHz. Its Hann shape has its zeros exactly on the neighbouring tones. */
export const WINDOW_SAMPLES = 512
/** Samples in which every tone of the grid completes whole turns. */
const PERIOD_SAMPLES = 256
const HALF = PERIOD_SAMPLES / 2

const VALID_RATIO = 2
const CLEAR_RATIO = 4
/** A doubtful digit's tones lie within 10 dB of the strongest of its group. */
const REPAIR_FLOOR = 0.1
const MAX_RATIO = 1e6

const HANN = Float64Array.from({ length: WINDOW_SAMPLES }, (_, at) => (0.5 - 0.5 * Math.cos((2 * Math.PI * at) / WINDOW_SAMPLES)) / HALF)
const TURN = (2 * Math.PI) / PERIOD_SAMPLES
const COS = table(Math.cos)
const SIN = table(Math.sin)

function table(wave: (angle: number) => number): Float64Array {
  const values = new Float64Array(CODE_TONES * HALF)
  for (let tone = 0; tone < CODE_TONES; tone++) {
    for (let at = 0; at < HALF; at++) values[tone * HALF + at] = wave(TURN * (tone + FIRST_TONE) * at)
  }
  return values
}

/** What one window says. */
export interface Reading {
  readonly mark: Mark
  /** second over third tone of the least clear group, dB; below 3 when repaired */
  readonly marginDb: number
  /** one digit was found by the check alone */
  readonly repaired: boolean
}

/** Reads single windows; its scratch space is reused, so one reader serves one thread. */
export class WindowReader {
  readonly #even = new Float64Array(HALF)
  readonly #odd = new Float64Array(HALF)
  readonly #digits = new Uint8Array(GROUPS)

  /**
   * Amplitudes of the forty code tones: windowed, folded to one period, then a table of sines. Twice 40 x 127
   * multiplications, since a period is split into its even and its odd part first.
   * @param samples the window begins at `from`
   * @param out forty values, overwritten
   */
  amplitudes(samples: Int16Array, from: number, out: Float32Array): void {
    const even = this.#even
    const odd = this.#odd
    for (let at = 1; at < HALF; at++) {
      const first = folded(samples, from, at)
      const mirrored = folded(samples, from, PERIOD_SAMPLES - at)
      even[at] = first + mirrored
      odd[at] = first - mirrored
    }
    const zero = folded(samples, from, 0)
    const middle = folded(samples, from, HALF)
    // two tones a turn: each loaded sample serves both
    for (let tone = 0; tone < CODE_TONES; tone += 2) {
      const row = tone * HALF
      let re = zero + middle
      let im = 0
      let nextRe = zero - middle
      let nextIm = 0
      for (let at = 1; at < HALF; at++) {
        const sum = even[at]!
        const difference = odd[at]!
        re += sum * COS[row + at]!
        im += difference * SIN[row + at]!
        nextRe += sum * COS[row + HALF + at]!
        nextIm += difference * SIN[row + HALF + at]!
      }
      out[tone] = Math.sqrt(re * re + im * im)
      out[tone + 1] = Math.sqrt(nextRe * nextRe + nextIm * nextIm)
    }
  }

  /** The mark that forty amplitudes spell, or null: compares only inside each group of five, so the level does not matter. */
  read(amplitudes: Float32Array): Reading | null {
    let least = Infinity
    let second = Infinity
    let doubtful = -1
    for (let group = 0; group < GROUPS; group++) {
      const ratio = this.#readGroup(amplitudes, group)
      if (ratio === 0) return null
      if (ratio < least) {
        second = least
        least = ratio
        doubtful = group
      } else if (ratio < second) second = ratio
    }
    const marginDb = 10 * Math.log10(least)
    if (least >= VALID_RATIO) {
      const mark = markOfDigits(this.#digits)
      return mark && { mark, marginDb, repaired: false }
    }
    if (second < CLEAR_RATIO) return null
    const mark = this.#repair(amplitudes, doubtful)
    return mark && { mark, marginDb, repaired: true }
  }

  /** Notes the digit of a group; returns the power of its second over its third tone, 0 when there is nothing. */
  #readGroup(amplitudes: Float32Array, group: number): number {
    let one = -1
    let two = -1
    let top = 0
    let next = 0
    let third = 0
    for (let tone = 0; tone < TONES_PER_GROUP; tone++) {
      const amplitude = amplitudes[group * TONES_PER_GROUP + tone]!
      if (amplitude > top) {
        third = next
        next = top
        two = one
        top = amplitude
        one = tone
      } else if (amplitude > next) {
        third = next
        next = amplitude
        two = tone
      } else if (amplitude > third) third = amplitude
    }
    if (two < 0) return 0
    this.#digits[group] = pairDigit(Math.min(one, two), Math.max(one, two))
    return Math.min((next * next) / (third * third), MAX_RATIO)
  }

  #repair(amplitudes: Float32Array, group: number): Mark | null {
    const tones = amplitudes.subarray(group * TONES_PER_GROUP, (group + 1) * TONES_PER_GROUP)
    const floor = Math.max(...tones) * Math.sqrt(REPAIR_FLOOR)
    for (let digit = 0; digit < PAIRS.length; digit++) {
      const pair = PAIRS[digit]!
      if (tones[pair[0]]! < floor || tones[pair[1]]! < floor) continue
      this.#digits[group] = digit
      // at most one digit fits: two that differ in one place differ modulo 97
      const mark = markOfDigits(this.#digits)
      if (mark) return mark
    }
    return null
  }
}

function folded(samples: Int16Array, from: number, at: number): number {
  return samples[from + at]! * HANN[at]! + samples[from + at + PERIOD_SAMPLES]! * HANN[at + PERIOD_SAMPLES]!
}

/** 01 02 03 04 12 13 14 23 24 34 are 0 to 9. */
const pairDigit = (low: number, high: number): number => (low * (7 - low)) / 2 + high - 1
