/** A run of frames, half-open. */
export interface FrameRun {
  readonly fromFrame: number
  readonly toFrame: number
}

interface Held {
  readonly fromFrame: number
  readonly samples: Int16Array
}

/** takes the place of a forgotten block until the array is cut, so that its audio is freed at once */
const NOTHING: Held = { fromFrame: 0, samples: new Int16Array(0) }

/**
 * Keeps interleaved audio until it is acknowledged, bounded in bytes. When it is full the oldest goes, whole blocks at a time, and
 * the caller is told which frames. Frames are numbered from the session's first.
 */
export class ReplayBuffer {
  readonly #channels: number
  readonly #capBytes: number
  #held: Held[] = []
  #head = 0
  #bytes = 0
  #start = 0
  #end = 0

  /** @param capBytes at least one block stays, however large */
  constructor(channels: number, capBytes: number) {
    this.#channels = channels
    this.#capBytes = capBytes
  }

  /** first frame still here */
  get startFrame(): number {
    return this.#start
  }
  /** frames ever pushed */
  get endFrame(): number {
    return this.#end
  }
  get bytes(): number {
    return this.#bytes
  }

  /**
   * @param block a multiple of `channels` long; kept, not copied
   * @returns the frames that had to go, or null
   */
  push(block: Int16Array): FrameRun | null {
    if (block.length === 0) return null
    this.#held.push({ fromFrame: this.#end, samples: block })
    this.#end += block.length / this.#channels
    this.#bytes += block.byteLength
    const fromFrame = this.#start
    while (this.#bytes > this.#capBytes && this.#held.length - this.#head > 1) this.#shift()
    return this.#start > fromFrame ? { fromFrame, toFrame: this.#start } : null
  }

  /** Forgets every frame below `frame`. */
  release(frame: number): void {
    if (frame <= this.#start) return
    for (let first = this.#held[this.#head]; first; first = this.#held[this.#head]) {
      if (this.#endOf(first) > frame) break
      this.#shift()
    }
    this.#start = Math.min(frame, this.#end)
  }

  /**
   * @param fromFrame at least `startFrame`
   * @returns at most `frames` frames, copied: yours
   */
  read(fromFrame: number, frames: number): Int16Array {
    const from = Math.max(fromFrame, this.#start)
    const count = Math.max(0, Math.min(frames, this.#end - from))
    const out = new Int16Array(count * this.#channels)
    let at = 0
    for (let index = this.#find(from); at < out.length; index++) {
      const held = this.#held[index]
      if (!held) break
      const skip = Math.max(0, (from - held.fromFrame) * this.#channels)
      const part = held.samples.subarray(skip, skip + out.length - at)
      out.set(part, at)
      at += part.length
    }
    return out
  }

  /** Hands everything from `frame` on, without copying it, to a buffer of its own that numbers from 0; here it is forgotten. */
  detach(frame: number): ReplayBuffer {
    const rest = new ReplayBuffer(this.#channels, this.#capBytes)
    for (const held of this.#held.slice(this.#head)) rest.push(held.samples.subarray(Math.max(0, frame - held.fromFrame) * this.#channels))
    this.clear()
    return rest
  }

  /** Forgets everything; the numbering goes on. */
  clear(): void {
    this.#held = []
    this.#head = 0
    this.#bytes = 0
    this.#start = this.#end
  }

  #endOf(held: Held): number {
    return held.fromFrame + held.samples.length / this.#channels
  }

  #shift(): void {
    const first = this.#held[this.#head]
    if (!first) return
    this.#bytes -= first.samples.byteLength
    this.#start = this.#endOf(first)
    this.#held[this.#head] = NOTHING
    this.#head++
    // the array is cut in large steps: shifting one by one costs its whole length each time
    if (this.#head > 1024 && this.#head * 2 > this.#held.length) {
      this.#held = this.#held.slice(this.#head)
      this.#head = 0
    }
  }

  #find(frame: number): number {
    let low = this.#head
    let high = this.#held.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#held[middle]!.fromFrame <= frame) low = middle
      else high = middle - 1
    }
    return low
  }
}
