import { endianness } from 'node:os'
import { LinearResampler } from './resampler.js'

/** The audio of a session as its client declared it. */
export interface AudioFormat {
  readonly encoding: 'wav/pcm' | 'wav/alaw' | 'wav/ulaw'
  readonly bitDepth: 8 | 16 | 24 | 32
  /** samples per second and channel */
  readonly sampleRate: number
  readonly channels: number
}

/** Bytes of one frame: a sample of every channel. */
export const frameBytes = (format: AudioFormat): number => (format.channels * format.bitDepth) / 8

/** Bytes of one second. */
export const byteRate = (format: AudioFormat): number => frameBytes(format) * format.sampleRate

/** ITU-T G.711 mu-law to s16. */
export function ulawToS16(byte: number): number {
  const bits = ~byte & 0xff
  const magnitude = ((((bits & 0x0f) << 3) + 0x84) << ((bits & 0x70) >> 4)) - 0x84
  return bits & 0x80 ? -magnitude : magnitude
}

/** ITU-T G.711 A-law to s16. */
export function alawToS16(byte: number): number {
  const bits = byte ^ 0x55
  const exponent = (bits & 0x70) >> 4
  const mantissa = (bits & 0x0f) << 4
  const magnitude = exponent === 0 ? mantissa + 8 : (mantissa + 0x108) << (exponent - 1)
  return bits & 0x80 ? magnitude : -magnitude
}

const table = (decode: (byte: number) => number): Int16Array => Int16Array.from({ length: 256 }, (_, byte) => decode(byte))
const ULAW = table(ulawToS16)
const ALAW = table(alawToS16)

const BIG_ENDIAN = endianness() === 'BE'

type ReadSample = (bytes: Buffer, at: number) => number

/** s16 of the sample at a byte; deeper samples lose their low bits, 8-bit PCM is unsigned (WAV). */
function sampleReader(format: AudioFormat): ReadSample {
  if (format.encoding === 'wav/ulaw') return (bytes, at) => ULAW[bytes[at] ?? 0] ?? 0
  if (format.encoding === 'wav/alaw') return (bytes, at) => ALAW[bytes[at] ?? 0] ?? 0
  if (format.bitDepth === 8) return (bytes, at) => ((bytes[at] ?? 128) - 128) << 8
  const low = format.bitDepth / 8 - 2
  return (bytes, at) => bytes.readInt16LE(at + low)
}

/**
 * Turns a session's byte stream into interleaved s16 at the engine's rate. Frames are cut from the stream, not from the
 * chunks: after a chunk with an incomplete frame everything stays shifted, as it would on a server that does not check.
 */
export class AudioDecoder {
  readonly #frameBytes: number
  readonly #sampleBytes: number
  readonly #read: ReadSample
  /** no conversion is needed: copied as a whole */
  readonly #isS16: boolean
  readonly #resampler: LinearResampler | null
  #rest: Buffer = Buffer.alloc(0)

  constructor(format: AudioFormat, engineRate: number) {
    this.#frameBytes = frameBytes(format)
    this.#sampleBytes = format.bitDepth / 8
    this.#read = sampleReader(format)
    this.#isS16 = format.encoding === 'wav/pcm' && format.bitDepth === 16
    this.#resampler = format.sampleRate === engineRate ? null : new LinearResampler(format.channels, format.sampleRate, engineRate)
  }

  /** @returns complete frames, the caller's; an incomplete frame waits for the next call */
  decode(bytes: Buffer): Int16Array {
    const all = this.#rest.length > 0 ? Buffer.concat([this.#rest, bytes]) : bytes
    const usable = all.length - (all.length % this.#frameBytes)
    this.#rest = Buffer.from(all.subarray(usable))
    const samples = new Int16Array(usable / this.#sampleBytes)
    if (this.#isS16) {
      const bytesOfSamples = Buffer.from(samples.buffer)
      all.copy(bytesOfSamples, 0, 0, usable)
      if (BIG_ENDIAN) bytesOfSamples.swap16()
    } else {
      for (let index = 0, at = 0; at < usable; index++, at += this.#sampleBytes) samples[index] = this.#read(all, at)
    }
    return this.#resampler ? this.#resampler.process(samples) : samples
  }
}
