/**
 * A queue of 16-bit samples in one array that doubles up to a bound and is let go of when it runs empty.
 * Samples move in block copies. Full is the caller's affair: `push` refuses.
 */
export class Int16Ring {
  readonly capacity: number
  readonly #initial: number
  #samples: Int16Array
  #head = 0
  #length = 0

  /**
   * @param capacity samples held at most
   * @param initial samples allocated at first
   * @throws {RangeError} not 0 < initial <= capacity
   */
  constructor(capacity: number, initial = capacity) {
    if (!(initial > 0 && initial <= capacity)) throw new RangeError(`ring of ${initial} to ${capacity} samples`)
    this.capacity = capacity
    this.#initial = initial
    this.#samples = new Int16Array(initial)
  }

  /** samples waiting */
  get length(): number {
    return this.#length
  }

  /** samples allocated now */
  get allocated(): number {
    return this.#samples.length
  }

  /** Copies the samples in; the array stays the caller's. @throws {RangeError} there is no room */
  push(samples: Int16Array): void {
    const count = samples.length
    if (this.#length + count > this.capacity) throw new RangeError('ring is full')
    if (this.#length + count > this.#samples.length) this.#grow(this.#length + count)
    const size = this.#samples.length
    const tail = (this.#head + this.#length) % size
    const first = Math.min(count, size - tail)
    if (first === count) this.#samples.set(samples, tail)
    else {
      this.#samples.set(samples.subarray(0, first), tail)
      this.#samples.set(samples.subarray(first), 0)
    }
    this.#length += count
  }

  /** Fills `out`, the caller's, with the oldest samples and removes them. @throws {RangeError} fewer are waiting */
  read(out: Int16Array): void {
    this.#copy(out)
    this.skip(out.length)
  }

  /** Removes the oldest samples. @throws {RangeError} fewer are waiting */
  skip(count: number): void {
    if (count > this.#length) throw new RangeError('ring holds fewer samples')
    this.#head = (this.#head + count) % this.#samples.length
    this.#length -= count
    if (this.#length > 0) return
    this.#head = 0
    if (this.#samples.length > this.#initial) this.#samples = new Int16Array(this.#initial)
  }

  #copy(out: Int16Array): void {
    if (out.length > this.#length) throw new RangeError('ring holds fewer samples')
    const first = Math.min(out.length, this.#samples.length - this.#head)
    out.set(this.#samples.subarray(this.#head, this.#head + first))
    if (first < out.length) out.set(this.#samples.subarray(0, out.length - first), first)
  }

  #grow(needed: number): void {
    let size = this.#samples.length
    while (size < needed) size *= 2
    const samples = new Int16Array(Math.min(size, this.capacity))
    this.#copy(samples.subarray(0, this.#length))
    this.#samples = samples
    this.#head = 0
  }
}
