import { sleepBy, type Clock } from '../../src/core/time.js'

interface Timer {
  at: number
  readonly everyMs: number | undefined
  readonly run: () => void
}

/** A clock that moves only when told to. */
export class ManualClock implements Clock {
  #now: number
  #wallMs = 0
  readonly #timers = new Set<Timer>()

  constructor(nowMs = 0) {
    this.#now = nowMs
  }

  /** timers that have not fired: a test that ends with any has left something open */
  get pending(): number {
    return this.#timers.size
  }

  nowMs(): number {
    return this.#now + this.#wallMs
  }

  /** The wall clock is set forward, or back, by so much; the monotonic one knows nothing of it. */
  jumpWall(ms: number): void {
    this.#wallMs += ms
  }

  /** The process stands still for so long: what falls due meanwhile is called once, late, when time goes on. */
  stall(ms: number): void {
    this.#now += ms
    for (const timer of this.#timers) timer.at = Math.max(timer.at, this.#now)
  }

  monotonicMs(): number {
    return this.#now
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepBy(this, ms, signal)
  }

  after(ms: number, run: () => void): () => void {
    return this.#add({ at: this.#now + ms, everyMs: undefined, run })
  }

  every(ms: number, run: () => void): () => void {
    return this.#add({ at: this.#now + ms, everyMs: ms, run })
  }

  /** Moves on, firing what falls due in order, and lets promises settle after each. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    for (;;) {
      const next = [...this.#timers].filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0]
      if (!next) break
      this.#now = next.at
      if (next.everyMs === undefined) this.#timers.delete(next)
      else next.at += next.everyMs
      next.run()
      await this.settle()
    }
    this.#now = end
    await this.settle()
  }

  /** Lets every promise that can settle do so. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
  }

  #add(timer: Timer): () => void {
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }
}
