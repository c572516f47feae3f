/** When the blocks of one session are due: block k at start + (k + 1) blocks. Counted from the start, so drift cannot add up. */
export class SampleClock {
  readonly blockMs: number
  #startMs: number
  #sent = 0

  /** @param startMs monotonic clock */
  constructor(startMs: number, blockMs: number) {
    this.#startMs = startMs
    this.blockMs = blockMs
  }

  /** blocks sent so far */
  get sent(): number {
    return this.#sent
  }

  /** when the next block is due */
  get dueMs(): number {
    return this.#startMs + (this.#sent + 1) * this.blockMs
  }

  /** blocks that are due and not sent */
  behind(nowMs: number): number {
    // a millionth of a block forgives the rounding of fractional clocks
    return Math.max(0, Math.floor((nowMs - this.#startMs) / this.blockMs + 1e-6) - this.#sent)
  }

  /** One block was sent. */
  advance(): void {
    this.#sent++
  }

  /** Makes what follows due later (skips time) or, when negative, earlier. */
  shift(blocks: number): void {
    this.#startMs += blocks * this.blockMs
  }
}
