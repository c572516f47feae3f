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
    for (let at = 0; at < frames * channels; at++) {
      const channel = at % channels
      const sample = whole.readInt16LE(2 * at)
      if (sample === MAGIC) {
        this.#letGo(channel)
        this.#pending[channel] = { frame: this.frames + Math.floor(at / channels), high: Number.NaN, id: Number.NaN, soundFrames: 3 }
        continue
      }
      const pending = this.#pending[channel]
      if (!pending) continue
      if (Number.isNaN(pending.high)) pending.high = sample
      else if (Number.isNaN(pending.id)) pending.id = pending.high * 1024 + sample
      else if (sample === 0) {
        if (this.frames + at / channels - pending.frame > PROBE_FRAMES) this.#letGo(channel)
      } else if (++pending.soundFrames >= SOUND_FRAMES) {
        const { id, frame } = pending
        found.push({ id, channel, frame })
        if (!this.understood.has(id)) this.understood.set(id, { channel, frame })
        this.#pending[channel] = null
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

  #letGo(channel: number): void {
    const id = this.#pending[channel]?.id ?? Number.NaN
    if (!Number.isNaN(id)) this.pieces.add(id)
    this.#pending[channel] = null
  }
}
