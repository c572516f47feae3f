/** Who wants to hear one track. */
export interface PlaceHolder {
  /** A place became free: it is the holder's. Must not throw. */
  granted(): void
}

/**
 * So many tracks may be heard at once, whatever room they are in: beyond that everybody would be heard badly. First come, first
 * served; who has waited longest gets the place that becomes free. One object for all rooms of a process.
 */
export class TrackPlaces {
  readonly #max: number
  readonly #onWaiting: (count: number) => void
  readonly #held = new Set<PlaceHolder>()
  readonly #waiting = new Set<PlaceHolder>()

  /**
   * @param max places
   * @param onWaiting told how many wait whenever that changes; must not throw
   */
  constructor(max: number, onWaiting: (count: number) => void = () => undefined) {
    this.#max = max
    this.#onWaiting = onWaiting
  }

  /** places taken */
  get taken(): number {
    return this.#held.size
  }

  /** how many wait for a place */
  get waiting(): number {
    return this.#waiting.size
  }

  /** @returns whether the holder has a place now; otherwise it waits for one, until `release` */
  ask(holder: PlaceHolder): boolean {
    if (this.#held.has(holder)) return true
    if (this.#held.size < this.#max) {
      this.#held.add(holder)
      return true
    }
    if (!this.#waiting.has(holder)) {
      this.#waiting.add(holder)
      this.#onWaiting(this.#waiting.size)
    }
    return false
  }

  /** Gives the place back, to whoever has waited longest; or stops waiting. Without effect for others. */
  release(holder: PlaceHolder): void {
    if (this.#waiting.delete(holder)) this.#onWaiting(this.#waiting.size)
    if (!this.#held.delete(holder)) return
    const [next] = this.#waiting
    if (!next) return
    this.#waiting.delete(next)
    this.#held.add(next)
    this.#onWaiting(this.#waiting.size)
    next.granted()
  }
}
