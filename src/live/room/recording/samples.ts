import { bytesOf, type WavLayout } from './wav-header.js'

type ReadSample = (bytes: Buffer, at: number) => number

/** A sample at a byte in the scale of s16, with fractions. */
function reader({ kind, bits }: WavLayout): ReadSample {
  if (kind === 'float') {
    const read: ReadSample = bits === 32 ? (bytes, at) => bytes.readFloatLE(at) : (bytes, at) => bytes.readDoubleLE(at)
    return (bytes, at) => {
      const value = read(bytes, at) * 32_768
      return Number.isFinite(value) ? value : 0
    }
  }
  if (bits === 8) return (bytes, at) => ((bytes[at] ?? 128) - 128) * 256
  const scale = 2 ** (bits - 16)
  return (bytes, at) => bytes.readIntLE(at, bits / 8) / scale
}

/**
 * Interleaved samples as they lie in a WAV file, each channel by itself.
 * @param bytes complete frames; the caller's
 * @returns [channel][sample] in the scale of s16, with fractions; yours
 */
export function channelsOf(layout: WavLayout, bytes: Buffer): Float32Array<ArrayBuffer>[] {
  const { channels, bits } = layout
  const frameBytes = bytesOf(layout)
  const frames = Math.floor(bytes.length / frameBytes)
  const read = reader(layout)
  return Array.from({ length: channels }, (_, channel) => {
    const first = channel * (bits / 8)
    return Float32Array.from({ length: frames }, (_frame, frame) => read(bytes, first + frame * frameBytes))
  })
}

/** Rounds to s16; what is louder is clipped. @returns yours */
export const toS16 = (samples: Float32Array): Int16Array =>
  Int16Array.from(samples, (sample) => Math.max(-32_768, Math.min(32_767, Math.round(sample))))
