import type { Clock } from '../core/time.js'

/** One after the other, each for a bounded time. */
export class Turns {
  readonly #clock: Clock
  readonly #longestMs: number
  #last: Promise<void> = Promise.resolve()

  /** @param longestMs whoever holds a turn for longer loses it to the next */
  constructor(clock: Clock, longestMs: number) {
    this.#clock = clock
    this.#longestMs = longestMs
  }

  /** Waits for a turn. @returns what ends it; may be called twice, and is called after the longest time */
  async take(): Promise<() => void> {
    const before = this.#last
    let end!: () => void
    this.#last = new Promise((resolve) => {
      end = resolve
    })
    await before
    const cancel = this.#clock.after(this.#longestMs, end)
    return () => {
      cancel()
      end()
    }
  }
}
