import { Int16Ring } from './ring.js'

const VOICED = 1
const AUDIBLE = 2
/** first block after the track's clock was set: the ones behind it are dated from it */
const RUN_START = 4

/** What is known of a block when it comes. */
export interface BlockFacts {
  /** meeting time of its first sample, ms */
  readonly meetingMs: number
  readonly rms: number
  readonly voiced: boolean
  readonly audible: boolean
  readonly runStart: boolean
}

/** The blocks of one track that wait to be sent, oldest first, bounded, each with its date and loudness. */
export class BlockQueue {
  readonly capacity: number
  readonly #ring: Int16Ring
  readonly #blockSamples: number
  readonly #times: Float64Array
  readonly #rms: Uint16Array
  readonly #flags: Uint8Array
  #head = 0
  #length = 0
  #voiced = 0
  #audible = 0

  /** @param capacity blocks held at most */
  constructor(capacity: number, blockSamples: number) {
    this.capacity = capacity
    this.#blockSamples = blockSamples
    this.#ring = new Int16Ring(capacity * blockSamples, Math.min(capacity, 16) * blockSamples)
    this.#times = new Float64Array(capacity)
    this.#rms = new Uint16Array(capacity)
    this.#flags = new Uint8Array(capacity)
  }

  get length(): number {
    return this.#length
  }

  /** how many of the blocks are voice */
  get voiced(): number {
    return this.#voiced
  }

  /** how many of the blocks are audio at all */
  get audible(): number {
    return this.#audible
  }

  /** meeting time of the oldest block; NaN when empty */
  get headMs(): number {
    return this.#length === 0 ? Number.NaN : (this.#times[this.#head] as number)
  }

  /** loudness of the oldest block; 0 when empty */
  get headRms(): number {
    return this.#length === 0 ? 0 : (this.#rms[this.#head] as number)
  }

  /** whether the oldest block is voice */
  get headVoiced(): boolean {
    return this.#length > 0 && ((this.#flags[this.#head] as number) & VOICED) !== 0
  }

  /** Copies one block in. @throws {RangeError} full, or not one block long */
  push(samples: Int16Array, facts: BlockFacts): void {
    if (samples.length !== this.#blockSamples) throw new RangeError(`a frame of ${samples.length} samples, not ${this.#blockSamples}`)
    this.#ring.push(samples)
    const at = (this.#head + this.#length) % this.capacity
    this.#times[at] = facts.meetingMs
    this.#rms[at] = facts.rms
    this.#flags[at] = (facts.voiced ? VOICED : 0) | (facts.audible ? AUDIBLE : 0) | (facts.runStart ? RUN_START : 0)
    this.#length++
    if (facts.voiced) this.#voiced++
    if (facts.audible) this.#audible++
  }

  /** Fills `out`, the caller's, with the oldest block and removes it. @throws {RangeError} empty */
  read(out: Int16Array): void {
    this.#ring.read(out)
    this.#forget()
  }

  /** Removes the oldest block. @throws {RangeError} empty */
  drop(): void {
    this.#ring.skip(this.#blockSamples)
    this.#forget()
  }

  /** Moves the dates of the blocks that came since the track's clock was last set. */
  redate(byMs: number): void {
    for (let index = this.#length - 1; index >= 0; index--) {
      const at = (this.#head + index) % this.capacity
      this.#times[at] = (this.#times[at] as number) + byMs
      if (((this.#flags[at] as number) & RUN_START) !== 0) return
    }
  }

  #forget(): void {
    const flags = this.#flags[this.#head] as number
    if ((flags & VOICED) !== 0) this.#voiced--
    if ((flags & AUDIBLE) !== 0) this.#audible--
    this.#head = (this.#head + 1) % this.capacity
    this.#length--
  }
}
