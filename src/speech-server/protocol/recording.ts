import type { AudioFormat } from './audio-format.js'
import { byteRate, frameBytes } from './audio-format.js'

const FORMAT_TAGS = { 'wav/pcm': 1, 'wav/alaw': 6, 'wav/ulaw': 7 } as const

/** The 44 bytes before the samples of a WAV file. Source: RFC 2361; Microsoft, "Multimedia Programming Interface", 1991 */
export function wavHeader(format: AudioFormat, dataBytes: number): Buffer {
  const header = Buffer.alloc(44)
  header.write('RIFF', 0, 'latin1')
  header.writeUInt32LE(36 + dataBytes, 4)
  header.write('WAVEfmt ', 8, 'latin1')
  header.writeUInt32LE(16, 16)
  header.writeUInt16LE(FORMAT_TAGS[format.encoding], 20)
  header.writeUInt16LE(format.channels, 22)
  header.writeUInt32LE(format.sampleRate, 24)
  header.writeUInt32LE(byteRate(format), 28)
  header.writeUInt16LE(frameBytes(format), 32)
  header.writeUInt16LE(format.bitDepth, 34)
  header.write('data', 36, 'latin1')
  header.writeUInt32LE(dataBytes, 40)
  return header
}

/** Memory for the recordings of all sessions. */
export interface RecordingBudget {
  /** whether that much more may be held */
  reserve(bytes: number): boolean
  release(bytes: number): void
}

/** The beginning of a session's audio as it was sent, in memory, up to its own bound and the common budget. */
export class Recording {
  readonly #format: AudioFormat
  readonly #maxBytes: number
  readonly #budget: RecordingBudget
  #pieces: Buffer[] | null = []
  #bytes = 0
  #isFull = false

  constructor(format: AudioFormat, maxBytes: number, budget: RecordingBudget) {
    this.#format = format
    this.#maxBytes = maxBytes
    this.#budget = budget
  }

  /** @param piece the recording's from now on */
  append(piece: Buffer): void {
    if (!this.#pieces || this.#isFull) return
    const kept = piece.subarray(0, this.#maxBytes - this.#bytes)
    if (kept.length === 0 || !this.#budget.reserve(kept.length)) {
      this.#isFull = true
      return
    }
    this.#pieces.push(kept)
    this.#bytes += kept.length
  }

  /** Forgets the audio; there is no file any more. */
  drop(): void {
    if (!this.#pieces) return
    this.#pieces = null
    this.#budget.release(this.#bytes)
    this.#bytes = 0
  }

  /** The file, cut at a complete frame, or null when it was dropped. */
  toWav(): Buffer | null {
    if (!this.#pieces) return null
    const bytes = this.#bytes - (this.#bytes % frameBytes(this.#format))
    return Buffer.concat([wavHeader(this.#format, bytes), Buffer.concat(this.#pieces).subarray(0, bytes)])
  }
}
