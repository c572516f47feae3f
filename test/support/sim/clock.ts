import { sleepBy, type Clock } from '../../../src/core/time.js'

interface Timer {
  at: number
  readonly everyMs: number | null
  readonly run: () => void
  readonly owner: SimProcess | null
  isCancelled: boolean
}

/**
 * Simulated time. It moves in quanta: all that falls due within one runs in order of time, then promises settle. A quantum is what an
 * event loop under load does; with small ones a meeting takes longer to simulate.
 */
export class SimTime {
  readonly #quantumMs: number
  readonly #startMs: number
  #nowMs: number
  /** a heap by time, then by order of being set */
  readonly #heap: { readonly at: number; readonly order: number; readonly timer: Timer }[] = []
  #order = 0

  /** @param startMs wall clock at the beginning */
  constructor(quantumMs: number, startMs: number) {
    this.#quantumMs = quantumMs
    this.#startMs = startMs
    this.#nowMs = startMs
  }

  get nowMs(): number {
    return this.#nowMs
  }
  /** since the beginning */
  get elapsedMs(): number {
    return this.#nowMs - this.#startMs
  }

  after(ms: number, run: () => void, owner: SimProcess | null = null): () => void {
    return this.#set({ at: this.#nowMs + Math.max(0, ms), everyMs: null, run, owner, isCancelled: false })
  }

  every(ms: number, run: () => void, owner: SimProcess | null = null): () => void {
    return this.#set({ at: this.#nowMs + ms, everyMs: ms, run, owner, isCancelled: false })
  }

  /** Moves on until it is true or so much time has passed. @returns whether it is */
  async runUntil(isOver: () => boolean, maxMs: number): Promise<boolean> {
    const endMs = this.#nowMs + maxMs
    while (!isOver()) {
      if (this.#nowMs >= endMs) return false
      this.#runTo(this.#nowMs + this.#quantumMs)
      await settle()
    }
    return true
  }

  #runTo(toMs: number): void {
    for (let first = this.#heap[0]; first && first.at <= toMs; first = this.#heap[0]) {
      this.#pop()
      const { timer } = first
      if (timer.isCancelled || timer.owner?.state === 'dead') continue
      this.#nowMs = Math.max(this.#nowMs, first.at)
      if (timer.owner?.state === 'stopped') {
        timer.owner.kept.push(timer)
        continue
      }
      this.#fire(timer)
    }
    this.#nowMs = toMs
  }

  /** What a stopped process slept through happens now. */
  wake(process: SimProcess): void {
    for (const timer of process.kept.splice(0)) if (!timer.isCancelled) this.#fire(timer)
  }

  #fire(timer: Timer): void {
    if (timer.everyMs !== null) {
      // missed calls are dropped, as the real clock does
      timer.at = Math.max(timer.at + timer.everyMs, this.#nowMs)
      this.#push(timer)
    } else timer.isCancelled = true
    timer.owner?.timers.delete(timer)
    if (timer.everyMs !== null) timer.owner?.timers.add(timer)
    timer.run()
  }

  #set(timer: Timer): () => void {
    timer.owner?.timers.add(timer)
    this.#push(timer)
    return () => {
      timer.isCancelled = true
      timer.owner?.timers.delete(timer)
    }
  }

  #push(timer: Timer): void {
    const heap = this.#heap
    const item = { at: timer.at, order: this.#order++, timer }
    let at = heap.push(item) - 1
    while (at > 0) {
      const up = (at - 1) >> 1
      if (!isBefore(item, heap[up]!)) break
      heap[at] = heap[up]!
      at = up
    }
    heap[at] = item
  }

  #pop(): void {
    const heap = this.#heap
    const item = heap.pop()
    if (!item || heap.length === 0) return
    let at = 0
    for (;;) {
      let down = 2 * at + 1
      if (down >= heap.length) break
      if (down + 1 < heap.length && isBefore(heap[down + 1]!, heap[down]!)) down++
      if (!isBefore(heap[down]!, item)) break
      heap[at] = heap[down]!
      at = down
    }
    heap[at] = item
  }
}

function isBefore(a: { at: number; order: number }, b: { at: number; order: number }): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}

/** Immediates first, among them those of a mixer's tick; promises settle before and after. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve))

/** A process of the simulated world: it runs, is stopped (SIGSTOP) or dead (SIGKILL). Its clock is the host's. */
export class SimProcess implements Clock {
  state: 'running' | 'stopped' | 'dead' = 'running'
  readonly timers = new Set<Timer>()
  readonly kept: Timer[] = []
  /** what did not reach it while it was stopped */
  readonly #inbox: (() => void)[] = []
  readonly #time: SimTime
  /** wall clock minus the world's, for clock jumps */
  skewMs = 0

  constructor(time: SimTime) {
    this.#time = time
  }

  nowMs(): number {
    return this.#time.nowMs + this.skewMs
  }
  monotonicMs(): number {
    return this.#time.nowMs
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepBy(this, ms, signal)
  }

  after(ms: number, run: () => void): () => void {
    return this.#time.after(ms, run, this)
  }
  every(ms: number, run: () => void): () => void {
    return this.#time.every(ms, run, this)
  }

  /** Something from outside happens to the process: now, when it runs again, or never. */
  receive(what: () => void): void {
    if (this.state === 'running') what()
    else if (this.state === 'stopped') this.#inbox.push(what)
  }

  /** An answer from outside. */
  answer<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      promise.then(
        (value) => this.receive(() => resolve(value)),
        (thrown: unknown) => this.receive(() => reject(thrown)),
      )
    })
  }

  stop(): void {
    if (this.state === 'running') this.state = 'stopped'
  }

  continue(): void {
    if (this.state !== 'stopped') return
    this.state = 'running'
    this.#time.wake(this)
    for (const what of this.#inbox.splice(0)) what()
  }

  kill(): void {
    this.state = 'dead'
    this.timers.clear()
    this.kept.length = 0
    this.#inbox.length = 0
  }
}
