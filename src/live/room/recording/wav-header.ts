import { InputError } from '../../../core/errors.js'

/** How the samples of a WAV file lie in it. */
export interface WavLayout {
  readonly kind: 'int' | 'float'
  /** 8 (unsigned), 16, 24, 32 of kind int; 32, 64 of kind float */
  readonly bits: number
  /** samples per second and channel */
  readonly sampleRate: number
  readonly channels: number
  /** byte of the first sample */
  readonly dataAt: number
  /** complete frames (a sample of every channel) */
  readonly frames: number
}

/** Sound of a WAV file that only a decoder can read. */
export interface CompressedWav {
  readonly kind: 'compressed'
  /** of the registry of WAVE formats */
  readonly format: number
}

/** Reads bytes of the file; fewer than asked for at its end. */
export type ReadAt = (at: number, length: number) => Promise<Buffer>

const PCM = 1
const FLOAT = 3
const EXTENSIBLE = 0xfffe
const BITS = { int: [8, 16, 24, 32], float: [32, 64] } as const
/** A recorder that writes as it goes says so, or nothing, in place of a length: 2 GB, 4 GB and what lies right below them. */
const UNKNOWN_LENGTHS: readonly (readonly [number, number])[] = [
  [0, 0],
  [0x7fff_f000, 0x8000_0000],
  [0xffff_f000, 0xffff_ffff],
]
const MAX_RATE = 384_000
const CHUNK_HEAD = 8
/** More chunks before the sound has no file that anybody made in earnest. */
const MAX_CHUNKS = 1_000

/** Whether a file begins as a WAV file does. @param head its first 12 bytes */
export const isWav = (head: Buffer): boolean => {
  const [outer, inner] = [head.toString('latin1', 0, 4), head.toString('latin1', 8, 12)]
  return ['RIFF', 'RF64', 'BW64'].includes(outer) && inner === 'WAVE'
}

/**
 * Finds the sound in a WAV file (RIFF, RF64, BW64). One whose recorder never wrote its length reaches to the end of the file.
 * @param size of the file in bytes
 * @throws {InputError} the rest of a sentence that begins with the name of the file
 * Source: Microsoft, "Multiple Channel Audio Data and WAVE Files"; EBU Tech 3306 (RF64)
 */
export async function readWavHeader(read: ReadAt, size: number): Promise<WavLayout | CompressedWav> {
  let format: Format | CompressedWav | null = null
  let longData: number | null = null
  let at = 12
  for (let chunk = 0; chunk < MAX_CHUNKS && at + CHUNK_HEAD <= size; chunk++) {
    const head = await read(at, CHUNK_HEAD)
    if (head.length < CHUNK_HEAD) break
    const [id, length] = [head.toString('latin1', 0, 4), head.readUInt32LE(4)]
    const body = at + CHUNK_HEAD
    if (id === 'ds64') longData = longDataOf(await read(body, Math.min(length, 16)))
    if (id === 'fmt ') format = formatOf(await read(body, Math.min(length, 40)))
    if (id === 'data') {
      if (format === null) throw new InputError('is a broken WAV file: its sound comes before its format')
      if (format.kind === 'compressed') return format
      return layoutOf(format, body, dataBytes({ length: longData ?? length, there: size - body, format }))
    }
    at = body + length + (length % 2)
  }
  throw new InputError('is a WAV file without sound')
}

type Format = Omit<WavLayout, 'dataAt' | 'frames'>

function formatOf(bytes: Buffer): Format | CompressedWav {
  if (bytes.length < 16) throw new InputError('is a broken WAV file: its format is cut off')
  const tag = bytes.readUInt16LE(0)
  // the format proper begins the GUID of an extensible one
  const format = tag === EXTENSIBLE && bytes.length >= 26 ? bytes.readUInt16LE(24) : tag
  if (format !== PCM && format !== FLOAT) return { kind: 'compressed', format }
  const kind = format === PCM ? 'int' : 'float'
  const [channels, sampleRate, frameBytes] = [bytes.readUInt16LE(2), bytes.readUInt32LE(4), bytes.readUInt16LE(12)]
  if (channels === 0 || sampleRate === 0 || sampleRate > MAX_RATE)
    throw new InputError(`is a broken WAV file: ${channels} channels of ${sampleRate} samples a second`)
  // 20 bits lie in 24: the size of a frame says how many bytes a sample takes
  const bits = frameBytes % channels === 0 ? (frameBytes / channels) * 8 : bytes.readUInt16LE(14)
  if (!(BITS[kind] as readonly number[]).includes(bits)) throw new InputError(`is a WAV file with samples of ${bits} bits (${kind})`)
  return { kind, bits, channels, sampleRate }
}

/** The length of the sound in a file that may be longer than 4 GB; null: it was never written. */
function longDataOf(bytes: Buffer): number | null {
  if (bytes.length < 16) return null
  const length = Number(bytes.readBigUInt64LE(8))
  return length === 0 ? null : length
}

function dataBytes({ length, there, format }: { length: number; there: number; format: Format }): number {
  if (length <= there && length > 0) return length
  if (UNKNOWN_LENGTHS.some(([least, most]) => length >= least && length <= most)) return there
  const seconds = (bytes: number) => (bytes / bytesOf(format) / format.sampleRate).toFixed(1)
  throw new InputError(`is cut off: it should have ${seconds(length)} s of sound and has ${seconds(there)} s`)
}

function layoutOf(format: Format, dataAt: number, bytes: number): WavLayout {
  const frames = Math.floor(bytes / bytesOf(format))
  if (frames === 0) throw new InputError('is a WAV file without sound')
  return { ...format, dataAt, frames }
}

/** Bytes of one frame. */
export const bytesOf = ({ bits, channels }: Pick<WavLayout, 'bits' | 'channels'>): number => (bits / 8) * channels
