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
  if (bits === 16) return (bytes, at) => bytes.readInt16LE(at)
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
    const samples = new Float32Array(frames)
    for (let frame = 0, at = channel * (bits / 8); frame < frames; frame++, at += frameBytes) samples[frame] = read(bytes, at)
    return samples
  })
}

/** Rounds to s16; what is louder is clipped. @param out the caller's, at least as long; overwritten from its beginning */
export function toS16(samples: Float32Array, out: Int16Array): void {
  for (let at = 0; at < samples.length; at++) out[at] = Math.max(-32_768, Math.min(32_767, Math.round(samples[at]!)))
}
