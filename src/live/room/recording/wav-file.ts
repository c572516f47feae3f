import { open, stat, type FileHandle } from 'node:fs/promises'
import { InputError } from '../../../core/errors.js'
import { SAMPLE_RATE } from '../port.js'
import { Resampler } from './resampler.js'
import { channelsOf, toS16 } from './samples.js'
import { bytesOf, isWav, readWavHeader, type CompressedWav, type WavLayout } from './wav-header.js'

/** A frame of a room. */
export const FRAME_MS = 50
const FRAME_SAMPLES = (SAMPLE_RATE * FRAME_MS) / 1000
/** of the file, read at once */
const READ_SEC = 1

/** A recording that is read from its beginning to its end. */
export interface Recording {
  readonly channels: number
  readonly lengthMs: number
  /**
   * The next 50 ms, the last ones filled up with silence; null at the end.
   * @returns [channel][sample], s16 at 16 kHz; yours
   * @throws what the disk throws; InputError the file has become shorter
   */
  next(): Promise<readonly Int16Array[] | null>
  /** May be called twice. */
  close(): Promise<void>
}

/** What a file turns out to be. */
export type OpenedFile =
  | { readonly kind: 'wav'; readonly recording: Recording }
  /** its first bytes; a decoder may know it */
  | { readonly kind: 'other'; readonly head: Buffer; readonly compressed: CompressedWav | null }

/** Opens a file. @throws {InputError} a WAV file without sound that can be read; what the disk throws */
export async function openFile(path: string): Promise<OpenedFile> {
  const stats = await stat(path)
  if (stats.isDirectory()) throw new InputError('is a folder')
  // nobody may ever write into a pipe, and it cannot be read twice
  if (!stats.isFile()) throw new InputError('is no ordinary file')
  if (stats.size === 0) throw new InputError('is empty')
  const file = await open(path, 'r')
  try {
    const head = await readAt(file, 0, 12)
    const layout = isWav(head) ? await readWavHeader((at, length) => readAt(file, at, length), stats.size) : null
    if (layout !== null && layout.kind !== 'compressed') return { kind: 'wav', recording: new WavFile(file, layout) }
    await file.close()
    return { kind: 'other', head, compressed: layout }
  } catch (thrown) {
    await file.close()
    throw thrown
  }
}

async function readAt(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length)
  let done = 0
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, length - done, at + done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return bytes.subarray(0, done)
}

/** Reads a WAV file second by second: a long one never lies in memory as a whole. */
class WavFile implements Recording {
  readonly channels: number
  readonly lengthMs: number
  readonly #file: FileHandle
  readonly #layout: WavLayout
  readonly #resamplers: readonly Resampler[]
  /** of the file */
  #framesRead = 0
  /** [channel], not yet given away */
  #ready: Float32Array<ArrayBuffer>[]
  #isFinished = false
  #isClosed = false

  constructor(file: FileHandle, layout: WavLayout) {
    const { channels, frames, sampleRate } = layout
    this.#file = file
    this.#layout = layout
    this.channels = channels
    this.lengthMs = (frames * 1000) / sampleRate
    this.#resamplers = Array.from({ length: channels }, () => new Resampler(sampleRate, SAMPLE_RATE))
    this.#ready = Array.from({ length: channels }, () => new Float32Array(0))
  }

  async next(): Promise<readonly Int16Array[] | null> {
    while (!this.#isFinished && (this.#ready[0]?.length ?? 0) < FRAME_SAMPLES) await this.#read()
    if ((this.#ready[0]?.length ?? 0) === 0) return null
    const frames = this.#ready.map((samples) => {
      const frame = new Int16Array(FRAME_SAMPLES)
      toS16(samples.subarray(0, FRAME_SAMPLES), frame)
      return frame
    })
    this.#ready = this.#ready.map((samples) => samples.subarray(FRAME_SAMPLES))
    return frames
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#file.close()
  }

  async #read(): Promise<void> {
    const { sampleRate, frames, dataAt } = this.#layout
    const frameBytes = bytesOf(this.#layout)
    const wanted = Math.min(READ_SEC * sampleRate, frames - this.#framesRead)
    if (wanted === 0) {
      this.#isFinished = true
      this.#add(this.#resamplers.map((resampler) => resampler.finish()))
      return
    }
    const bytes = await readAt(this.#file, dataAt + this.#framesRead * frameBytes, wanted * frameBytes)
    if (bytes.length < wanted * frameBytes) throw new InputError('has become shorter while it was read')
    this.#framesRead += wanted
    this.#add(channelsOf(this.#layout, bytes).map((samples, channel) => this.#resamplers[channel]?.process(samples) ?? samples))
  }

  #add(more: readonly Float32Array<ArrayBuffer>[]): void {
    this.#ready = this.#ready.map((samples, channel) => {
      const added = more[channel] ?? new Float32Array(0)
      const whole = new Float32Array(samples.length + added.length)
      whole.set(samples)
      whole.set(added, samples.length)
      return whole
    })
  }
}
