import { sleepBy, type Clock } from '../../../core/time.js'

interface Timer {
  atMs: number
  readonly everyMs: number | null
  readonly run: () => void
}

/** how often a released clock looks at the other one */
const LOOK_MS = 10

/**
 * The clock of a meeting that is a recording: it stands still until `advance` moves it on, by as much as has been played, however long
 * that took. So the meeting begins with the first sample, at any speed, and nothing of it is late on a busy machine or a slow disk.
 * Once released it goes with the other clock. The wall clock is that one's at all times.
 */
export class RecordingClock implements Clock {
  readonly #real: Clock
  readonly #timers = new Set<Timer>()
  #nowMs: number
  #stop: (() => void) | null = null

  constructor(real: Clock) {
    this.#real = real
    this.#nowMs = real.monotonicMs()
  }

  nowMs(): number {
    return this.#real.nowMs()
  }

  monotonicMs(): number {
    return this.#nowMs
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepBy(this, ms, signal)
  }

  after(ms: number, run: () => void): () => void {
    return this.#add({ atMs: this.#nowMs + ms, everyMs: null, run })
  }

  every(ms: number, run: () => void): () => void {
    return this.#add({ atMs: this.#nowMs + ms, everyMs: ms, run })
  }

  /** Moves on, and calls what falls due on the way, each at its time. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms
    for (let timer = this.#next(endMs); timer; timer = this.#next(endMs)) {
      this.#nowMs = Math.max(this.#nowMs, timer.atMs)
      if (timer.everyMs === null) this.#timers.delete(timer)
      else timer.atMs += timer.everyMs
      timer.run()
    }
    this.#nowMs = endMs
  }

  /** It goes by itself from now on, until `close`; twice is fine. */
  release(): void {
    let lastMs = this.#real.monotonicMs()
    this.#stop ??= this.#real.every(LOOK_MS, () => {
      const nowMs = this.#real.monotonicMs()
      const ms = nowMs - lastMs
      lastMs = nowMs
      this.advance(ms)
    })
  }

  /** It stands still for good. */
  close(): void {
    this.#stop?.()
    this.#timers.clear()
  }

  #add(timer: Timer): () => void {
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  #next(endMs: number): Timer | null {
    let first: Timer | null = null
    for (const timer of this.#timers) if (timer.atMs <= endMs && (first === null || timer.atMs < first.atMs)) first = timer
    return first
  }
}
