import { Int16Ring } from './ring.js'

const VOICED = 1
const AUDIBLE = 2
/** first block after the track's clock was set: the ones behind it are dated from it */
const RUN_START = 4
/** may turn out to be voice */
const UNDECIDED = 8

/** What a block is known to be. */
export type BlockKind = 'voice' | 'undecided' | 'silent'

const KINDS: Readonly<Record<BlockKind, number>> = { voice: VOICED, undecided: UNDECIDED, silent: 0 }

/** What is known of a block when it comes. */
export interface BlockFacts {
  /** meeting time of its first sample, ms */
  readonly meetingMs: number
  readonly rms: number
  readonly kind: BlockKind
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
  #undecided = 0

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

  /** how many of the blocks may turn out to be voice */
  get undecided(): number {
    return this.#undecided
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

  /** what the oldest block is; silent when empty */
  get headKind(): BlockKind {
    const flags = this.#length === 0 ? 0 : (this.#flags[this.#head] as number)
    if ((flags & VOICED) !== 0) return 'voice'
    return (flags & UNDECIDED) === 0 ? 'silent' : 'undecided'
  }

  /**
   * How many blocks are silent, counted from the oldest.
   * @param most where counting ends
   * @param loudestRms what can be heard and is louder is not silent either, whatever the detector says
   */
  silentAhead(most: number, loudestRms = Number.POSITIVE_INFINITY): number {
    let count = 0
    while (count < Math.min(most, this.#length)) {
      const at = (this.#head + count) % this.capacity
      const flags = this.#flags[at] as number
      if ((flags & (VOICED | UNDECIDED)) !== 0) break
      if ((flags & AUDIBLE) !== 0 && (this.#rms[at] as number) > loudestRms) break
      count++
    }
    return count
  }

  /** How many blocks nobody can hear, nor are they voice, counted from the oldest. */
  get inaudibleAhead(): number {
    let count = 0
    while (count < this.#length && ((this.#flags[(this.#head + count) % this.capacity] as number) & (AUDIBLE | VOICED | UNDECIDED)) === 0)
      count++
    return count
  }

  /** Copies one block in. @throws {RangeError} full, or not one block long */
  push(samples: Int16Array, facts: BlockFacts): void {
    if (samples.length !== this.#blockSamples) throw new RangeError(`a frame of ${samples.length} samples, not ${this.#blockSamples}`)
    this.#ring.push(samples)
    const at = (this.#head + this.#length) % this.capacity
    this.#times[at] = facts.meetingMs
    this.#rms[at] = facts.rms
    this.#flags[at] = KINDS[facts.kind] | (facts.audible ? AUDIBLE : 0) | (facts.runStart ? RUN_START : 0)
    this.#length++
    if (facts.kind === 'voice') this.#voiced++
    if (facts.kind === 'undecided') this.#undecided++
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

  /**
   * The newest blocks that were undecided are voice after all, or not.
   * @param most how many of them are voice; the others are silence
   * @returns how many became voice
   */
  decide(most: number): number {
    let found = 0
    for (let index = this.#length - 1; index >= 0 && this.#undecided > 0; index--) {
      const at = (this.#head + index) % this.capacity
      const flags = this.#flags[at] as number
      if ((flags & UNDECIDED) === 0) continue
      this.#undecided--
      const isVoice = found < most
      this.#flags[at] = (flags & ~UNDECIDED) | (isVoice ? VOICED : 0)
      if (!isVoice) continue
      this.#voiced++
      found++
    }
    return found
  }

  #forget(): void {
    const flags = this.#flags[this.#head] as number
    if ((flags & VOICED) !== 0) this.#voiced--
    if ((flags & AUDIBLE) !== 0) this.#audible--
    if ((flags & UNDECIDED) !== 0) this.#undecided--
    this.#head = (this.#head + 1) % this.capacity
    this.#length--
  }
}
