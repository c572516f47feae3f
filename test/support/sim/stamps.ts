/** samples of a block at 16 kHz */
export const BLOCK = 800
export const BLOCK_MS = 50
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

/** Finds stamps in interleaved audio that comes in pieces of any size. */
export class StampReader {
  readonly #channels: number
  readonly #tail: Int16Array
  #tailLength = 0
  /** complete frames read so far */
  frames = 0
  #odd: Buffer | null = null

  constructor(channels: number) {
    this.#channels = channels
    this.#tail = new Int16Array(3 * channels)
  }

  /** @param bytes the next ones of the stream, cut anywhere */
  read(bytes: Buffer): FoundStamp[] {
    const whole = this.#odd ? Buffer.concat([this.#odd, bytes]) : bytes
    const usable = whole.length - (whole.length % (2 * this.#channels))
    this.#odd = usable < whole.length ? Buffer.from(whole.subarray(usable)) : null
    const fresh = new Int16Array(usable / 2)
    for (let at = 0; at < fresh.length; at++) fresh[at] = whole.readInt16LE(2 * at)
    const pcm = new Int16Array(this.#tailLength + fresh.length)
    pcm.set(this.#tail.subarray(0, this.#tailLength))
    pcm.set(fresh, this.#tailLength)
    const channels = this.#channels
    const base = this.frames - this.#tailLength / channels
    const found: FoundStamp[] = []
    const last = pcm.length - 2 * channels
    for (let at = 0; at < last; at++) {
      if (pcm[at] !== MAGIC) continue
      found.push({
        id: pcm[at + channels]! * 1024 + pcm[at + 2 * channels]!,
        channel: at % channels,
        frame: base + Math.floor(at / channels),
      })
    }
    this.frames += usable / (2 * channels)
    // two frames stay: a stamp that began in them is not whole yet
    const keep = Math.min(pcm.length, 2 * channels)
    this.#tail.set(pcm.subarray(pcm.length - keep))
    this.#tailLength = keep
    return found
  }
}
