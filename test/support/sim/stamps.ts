/** samples of a block at 16 kHz */
export const BLOCK = 800
export const BLOCK_MS = 50
/** a block of which less comes is not understood: 40 ms */
const SOUND_FRAMES = 640
/** a probe is shorter than this: what stands between two pieces of a block, and what the service has twice of a connection */
export const PROBE_FRAMES = 4_000
const MAGIC = 12_345
const LOUD = Int16Array.from({ length: BLOCK }, (_, at) => (at % 40 < 20 ? 3_000 : -3_000))

/** 50 ms of loud sound that says which block it is. */
export function stampedBlock(id: number): Int16Array {
  const block = LOUD.slice()
  block[0] = MAGIC
  block[1] = id >> 10
  block[2] = id & 1023
  return block
}

/** A stamp found in a stream: which block began at which frame. */
export interface FoundStamp {
  readonly id: number
  readonly channel: number
  readonly frame: number
}

interface Pending {
  readonly frame: number
  /** NaN until it has come */
  high: number
  id: number
  soundFrames: number
}

/**
 * Finds stamps in interleaved audio that comes in pieces of any size. A block is understood when enough sound of it comes before another one
 * begins: the probe of a connection may repeat less of one, and may stand in the midst of one.
 */
export class StampReader {
  readonly #channels: number
  readonly #pending: (Pending | null)[]
  /** complete frames read so far */
  frames = 0
  /** blocks of which too little came before another one began, or silence: their rest may stand behind a probe */
  readonly pieces = new Set<number>()
  /** blocks of which enough came, and where the first one of each stands */
  readonly understood = new Map<number, Omit<FoundStamp, 'id'>>()
  #odd: Buffer | null = null

  constructor(channels: number) {
    this.#channels = channels
    this.#pending = Array.from({ length: channels }, () => null)
  }

  /** @param bytes the next ones of the stream, cut anywhere */
  read(bytes: Buffer): FoundStamp[] {
    const whole = this.#odd ? Buffer.concat([this.#odd, bytes]) : bytes
    const channels = this.#channels
    const frames = Math.floor(whole.length / (2 * channels))
    this.#odd = frames * 2 * channels < whole.length ? Buffer.from(whole.subarray(frames * 2 * channels)) : null
    const found: FoundStamp[] = []
    const samples = samplesOf(whole, frames * channels)
    for (let frame = 0, at = 0; frame < frames; frame++) {
      for (let channel = 0; channel < channels; channel++, at++) {
        const sample = samples[at]!
        const pending = this.#pending[channel]
        if (sample === MAGIC) {
          this.#letGo(channel)
          this.#pending[channel] = { frame: this.frames + frame, high: Number.NaN, id: Number.NaN, soundFrames: 3 }
        } else if (pending && this.#goesOn(pending, channel, sample, this.frames + frame))
          found.push({ id: pending.id, channel, frame: pending.frame })
      }
    }
    this.frames += frames
    return found
  }

  /** How much of a block came: enough for a word, a piece of it, or nothing. */
  heard(id: number): 'whole' | 'piece' | null {
    if (this.understood.has(id)) return 'whole'
    return this.pieces.has(id) || this.#pending.some((pending) => pending?.id === id) ? 'piece' : null
  }

  /** The next sample of a block, at that frame. @returns whether enough of it has come now */
  #goesOn(pending: Pending, channel: number, sample: number, frame: number): boolean {
    if (Number.isNaN(pending.high)) pending.high = sample
    else if (Number.isNaN(pending.id)) pending.id = pending.high * 1024 + sample
    else if (sample === 0) {
      if (frame - pending.frame > PROBE_FRAMES) this.#letGo(channel)
    } else if (++pending.soundFrames >= SOUND_FRAMES) {
      const { id } = pending
      if (!this.understood.has(id)) this.understood.set(id, { channel, frame: pending.frame })
      this.#pending[channel] = null
      return true
    }
    return false
  }

  #letGo(channel: number): void {
    const id = this.#pending[channel]?.id ?? Number.NaN
    if (!Number.isNaN(id)) this.pieces.add(id)
    this.#pending[channel] = null
  }
}

/** The first samples of bytes, without a copy where they lie at an even place. */
const samplesOf = (bytes: Buffer, count: number): Int16Array =>
  bytes.byteOffset % 2 === 0
    ? new Int16Array(bytes.buffer, bytes.byteOffset, count)
    : new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + 2 * count))
