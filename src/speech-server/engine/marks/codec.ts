/** The code of the marks: chords that say who spoke (0-63) and in which slot of the script (0-15624, one each 200 ms). */

/** One slot of the script clock: 160 ms of chord and 40 ms of silence. */
export const SLOT_SEC = 0.2
export const CHORD_SEC = 0.16
/** Slot numbers repeat after this many: 52 min and 5 s. */
export const SLOTS = 15_625
export const SPEAKERS = 64

/** Every tone is a whole multiple of this, so a chord repeats every 16 ms. */
export const GRID_HZ = 62.5
/** Digit g sounds two of the five tones 4 + 5g to 8 + 5g. */
export const GROUPS = 8
export const TONES_PER_GROUP = 5
export const FIRST_TONE = 4
export const CODE_TONES = GROUPS * TONES_PER_GROUP

/** Which two tones of its group a digit sounds. */
export const PAIRS = [
  [0, 1],
  [0, 2],
  [0, 3],
  [0, 4],
  [1, 2],
  [1, 3],
  [1, 4],
  [2, 3],
  [2, 4],
  [3, 4],
] as const

const WORDS = SLOTS * SPEAKERS
/** Spreads neighbouring words over the code: 8 to 16 of the 16 tones change from one slot to the next. */
const SPREAD = 540_059
const UNSPREAD = 880_339
/** Finds every single wrong digit, and makes one doubtful digit recoverable. */
const CHECK = 97

const RAMP_SEC = 0.008
const RMS = 3000

/**
 * Tones that carry no code: two low ones for voice detectors, and two above the code, which take the error
 * that Opus makes in the highest band at the first symbol after silence.
 */
const PLAIN_TONES: readonly (readonly [tone: number, amplitude: number])[] = [
  [2, 1],
  [3, 0.5],
  [46, 0.4],
  [50, 0.4],
]

/** Who speaks in which slot. */
export interface Mark {
  /** 0-63 */
  readonly who: number
  /** slot number, 0-15624 */
  readonly n: number
}

/** The eight digits of a mark: six of the spread word, two of its check. @throws {RangeError} who or n out of range */
export function markDigits(who: number, n: number): number[] {
  if (!Number.isInteger(who) || who < 0 || who >= SPEAKERS) throw new RangeError(`who is 0-${SPEAKERS - 1}, not ${who}`)
  if (!Number.isInteger(n) || n < 0) throw new RangeError(`n is a slot number, not ${n}`)
  const spread = (((n % SLOTS) * SPEAKERS + who) * SPREAD) % WORDS
  const text = String(spread).padStart(6, '0') + String(spread % CHECK).padStart(2, '0')
  return Array.from(text, Number)
}

/** The mark of eight digits; null when the check does not hold. */
export function markOfDigits(digits: ArrayLike<number>): Mark | null {
  let spread = 0
  for (let place = 0; place < 6; place++) spread = spread * 10 + (digits[place] ?? 0)
  if (spread % CHECK !== (digits[6] ?? 0) * 10 + (digits[7] ?? 0)) return null
  const word = (spread * UNSPREAD) % WORDS
  return { who: word % SPEAKERS, n: Math.floor(word / SPEAKERS) }
}

/** The sixteen code tones of a mark, ascending, counted from the first code tone: 0-39. */
export function markTones(who: number, n: number): number[] {
  return markDigits(who, n).flatMap((digit, group) => (PAIRS[digit] ?? []).map((tone) => group * TONES_PER_GROUP + tone))
}

/** Text form of a mark, as the engine `marks` writes it. */
export const markWord = (who: number, n: number): string => `w${who}n${n}`

/** Reads the text form; null when it is none. */
export function parseMarkWord(text: string): Mark | null {
  const match = /^w(\d{1,2})n(\d{1,5})$/.exec(text)
  if (!match) return null
  const mark = { who: Number(match[1]), n: Number(match[2]) }
  return mark.who < SPEAKERS && mark.n < SLOTS ? mark : null
}

/** One period of every tone of the grid at one rate, made when first needed: about 300 kB at 48 kHz. */
const periods = new Map<number, Map<number, Float64Array>>()

function tonePeriod(tone: number, sampleRate: number): Float64Array {
  let tones = periods.get(sampleRate)
  if (!tones) periods.set(sampleRate, (tones = new Map()))
  let period = tones.get(tone)
  if (!period) {
    // the phases keep the peak of a chord at four times its RMS
    const phase = (Math.PI * tone * tone) / 44
    const step = (2 * Math.PI * tone * GRID_HZ) / sampleRate
    period = Float64Array.from({ length: sampleRate / GRID_HZ }, (_, at) => Math.sin(step * at + phase))
    tones.set(tone, period)
  }
  return period
}

/**
 * The sound of one slot: 160 ms of chord with ramps of 8 ms, then 40 ms of silence; RMS of the chord 3000, peak about 12000.
 * @param n slot number, taken modulo 15625
 * @returns yours: 9600 samples at 48 kHz, 3200 at 16 kHz
 * @throws {RangeError} who or n out of range
 */
export function encodeMark(who: number, n: number, sampleRate: 48_000 | 16_000): Int16Array<ArrayBuffer> {
  const code = markTones(who, n).map((tone): readonly [number, number] => {
    const group = Math.floor(tone / TONES_PER_GROUP)
    return [tone + FIRST_TONE, ((6 + 5 * group) / 8) ** -0.25]
  })
  const chord = [...code, ...PLAIN_TONES]
  const scale = RMS / Math.sqrt(chord.reduce((power, [, amplitude]) => power + amplitude ** 2 / 2, 0))
  const period = new Float64Array(sampleRate / GRID_HZ)
  for (const [tone, amplitude] of chord) {
    const sine = tonePeriod(tone, sampleRate)
    for (let at = 0; at < period.length; at++) period[at]! += (sine[at] ?? 0) * amplitude * scale
  }
  const samples = new Int16Array(Math.round(SLOT_SEC * sampleRate))
  const sounding = Math.round(CHORD_SEC * sampleRate)
  const ramp = Math.round(RAMP_SEC * sampleRate)
  for (let at = 0; at < sounding; at++) {
    const edge = Math.min(at + 0.5, sounding - at - 0.5)
    const gain = edge < ramp ? 0.5 - 0.5 * Math.cos((Math.PI * edge) / ramp) : 1
    samples[at] = Math.round((period[at % period.length] ?? 0) * gain)
  }
  return samples
}
