import type { FrameRun } from './held-runs.js'

interface Held {
  readonly fromFrame: number
  readonly samples: Int16Array
}

/** takes the place of a forgotten block until the array is cut, so that its audio is freed at once */
const NOTHING: Held = { fromFrame: 0, samples: new Int16Array(0) }

/** The newest audio of a buffer, interleaved, bounded in bytes: when it is full the oldest goes, whole blocks at a time. */
export class MemoryRing {
  readonly #channels: number
  readonly #capBytes: number
  #held: Held[] = []
  #head = 0
  #bytes = 0
  #start: number
  #end: number

  /**
   * @param capBytes at least one block stays, however large
   * @param firstFrame number of the first frame that will be pushed
   */
  constructor(channels: number, capBytes: number, firstFrame = 0) {
    this.#channels = channels
    this.#capBytes = capBytes
    this.#start = firstFrame
    this.#end = firstFrame
  }

  /** first frame still here */
  get startFrame(): number {
    return this.#start
  }
  /** the frame that the next block begins with */
  get endFrame(): number {
    return this.#end
  }
  get bytes(): number {
    return this.#bytes
  }
  get capBytes(): number {
    return this.#capBytes
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

  /** Forgets the oldest blocks below `frame` until no more than `bytes` are left. */
  shrink(bytes: number, frame: number): void {
    for (let first = this.#held[this.#head]; first && this.#bytes > bytes; first = this.#held[this.#head]) {
      if (this.#endOf(first) > frame) break
      this.#shift()
    }
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
