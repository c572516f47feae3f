import { ProtocolError } from '../../core/errors.js'

/** Rate of rendered speech. */
export const CLIP_RATE = 16_000

/**
 * The samples of a 16 kHz mono s16 WAV file.
 * @returns yours
 * @throws ProtocolError it is something else
 */
export function readWav(file: Uint8Array): Int16Array<ArrayBuffer> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const tag = (at: number) => String.fromCharCode(...file.subarray(at, at + 4))
  if (file.byteLength < 12 || tag(0) !== 'RIFF' || tag(8) !== 'WAVE') throw new ProtocolError('not a WAV file')
  let isExpected = false
  for (let at = 12; at + 8 <= file.byteLength;) {
    const length = view.getUint32(at + 4, true)
    const body = at + 8
    if (tag(at) === 'fmt ') {
      isExpected = view.getUint16(body, true) === 1 && view.getUint16(body + 2, true) === 1 && view.getUint16(body + 14, true) === 16
      if (!isExpected || view.getUint32(body + 4, true) !== CLIP_RATE) throw new ProtocolError('not 16 kHz mono s16 audio')
    }
    if (tag(at) === 'data' && isExpected) {
      const bytes = Math.min(length, file.byteLength - body)
      return Int16Array.from({ length: bytes >> 1 }, (_, sample) => view.getInt16(body + sample * 2, true))
    }
    at = body + length + (length & 1)
  }
  throw new ProtocolError('a WAV file without audio')
}

const WINDOW_SAMPLES = 160
const SILENCE_PEAK = 300
const MARGIN_SAMPLES = 320

/**
 * Cuts silence off both ends, leaving 20 ms, so that a clip's start and end are those of its speech.
 * @returns a copy; empty when there is nothing but silence
 */
export function trimSilence(samples: Int16Array): Int16Array<ArrayBuffer> {
  const isLoud = (window: number) =>
    samples.subarray(window * WINDOW_SAMPLES, (window + 1) * WINDOW_SAMPLES).some((sample) => Math.abs(sample) > SILENCE_PEAK)
  const windows = Math.ceil(samples.length / WINDOW_SAMPLES)
  let first = 0
  while (first < windows && !isLoud(first)) first++
  if (first === windows) return new Int16Array(0)
  let last = windows - 1
  while (!isLoud(last)) last--
  return samples.slice(Math.max(0, first * WINDOW_SAMPLES - MARGIN_SAMPLES), (last + 1) * WINDOW_SAMPLES + MARGIN_SAMPLES)
}

/** Length of a clip in ms. */
export const clipMs = (samples: Int16Array): number => (samples.length / CLIP_RATE) * 1000
