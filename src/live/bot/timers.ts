import type { Clock } from '../../core/time.js'

/** Named timers: starting one again replaces it. */
export class Timers<Name extends string> {
  readonly #clock: Clock
  readonly #cancels = new Map<Name, () => void>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  start(name: Name, ms: number, run: () => void): void {
    this.cancel(name)
    this.#cancels.set(name, this.#clock.after(ms, run))
  }

  cancel(name: Name): void {
    this.#cancels.get(name)?.()
    this.#cancels.delete(name)
  }

  cancelAll(): void {
    for (const cancel of this.#cancels.values()) cancel()
    this.#cancels.clear()
  }
}
