import { encodeMark } from '../../src/speech-server/engine/marks/codec.js'

/** A small seeded generator: numbers in [0, 1). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** Root of the mean square. */
export function rms(samples: Int16Array): number {
  let sum = 0
  for (const sample of samples) sum += sample * sample
  return Math.sqrt(sum / Math.max(1, samples.length))
}

/** One after the other. */
export function concat(...parts: readonly Int16Array[]): Int16Array<ArrayBuffer> {
  const whole = new Int16Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** Seconds of zeros at 16 kHz. */
export const silence = (seconds: number): Int16Array<ArrayBuffer> => new Int16Array(Math.round(seconds * 16_000))

/** `count` slots of one speaker from slot `n` on, 16 kHz. */
export const turn = (who: number, n: number, count: number): Int16Array<ArrayBuffer> =>
  concat(...Array.from({ length: count }, (_, at) => encodeMark(who, n + at, 16_000)))

/** Louder or quieter, clipped. */
export const scaled = (samples: Int16Array, gain: number): Int16Array<ArrayBuffer> =>
  Int16Array.from(samples, (sample) => Math.max(-32_768, Math.min(32_767, Math.round(sample * gain))))

/** Seeded white noise of one RMS. */
export function whiteNoise(length: number, level: number, seed: number): Int16Array<ArrayBuffer> {
  const random = seeded(seed)
  return Int16Array.from({ length }, () => Math.round((random() - 0.5) * Math.sqrt(12) * level))
}

/** Sum of two signals, clipped, of the length of the first. */
export const mixed = (one: Int16Array, other: Int16Array): Int16Array<ArrayBuffer> =>
  Int16Array.from(one, (sample, at) => Math.max(-32_768, Math.min(32_767, sample + (other[at] ?? 0))))
