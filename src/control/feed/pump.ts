import type { Clock } from '../../core/time.js'
import type { LiveSink } from './channel.js'

/** The event loop belongs to others again after so long: a write to a socket costs 0.1 ms, and there may be thousands of readers. */
const SLICE_MS = 4

/**
 * Writes to the sockets of all readers of a process, a slice at a time: an event for a thousand readers must not keep the mixer's tick
 * waiting. What comes for a reader meanwhile goes out with one write. Order and nothing else is kept for each reader; who is slow is
 * measured by its backlog, what waits here included.
 */
export class Pump {
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #dirty = new Set<PumpedSink>()
  #isScheduled = false

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock
  }

  /** A sink that writes when its turn comes. */
  sink(inner: LiveSink): LiveSink {
    return new PumpedSink(inner, (sink) => this.#add(sink))
  }

  #add(sink: PumpedSink): void {
    this.#dirty.add(sink)
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => this.#slice())
  }

  #slice(): void {
    const endMs = this.#clock.monotonicMs() + SLICE_MS
    for (const sink of this.#dirty) {
      this.#dirty.delete(sink)
      sink.flush()
      if (this.#clock.monotonicMs() >= endMs) break
    }
    this.#isScheduled = this.#dirty.size > 0
    if (this.#isScheduled) setImmediate(() => this.#slice())
  }
}

/** What a reader is told, until its turn comes. */
class PumpedSink implements LiveSink {
  readonly #inner: LiveSink
  readonly #wantTurn: (sink: PumpedSink) => void
  #waiting: Buffer[] = []
  #waitingBytes = 0
  #isClosing = false
  #flushed: (() => void)[] = []

  constructor(inner: LiveSink, wantTurn: (sink: PumpedSink) => void) {
    this.#inner = inner
    this.#wantTurn = wantTurn
  }

  get backlog(): number {
    return this.#inner.backlog + this.#waitingBytes
  }

  write(chunk: Buffer): void {
    if (this.#isClosing) return
    this.#waiting.push(chunk)
    this.#waitingBytes += chunk.length
    this.#wantTurn(this)
  }

  async drained(): Promise<void> {
    if (this.#waiting.length > 0) await new Promise<void>((resolve) => this.#flushed.push(resolve))
    await this.#inner.drained()
  }

  close(): void {
    this.#isClosing = true
    this.#wantTurn(this)
  }

  /** for the pump only */
  flush(): void {
    const [first, ...more] = this.#waiting
    if (first) this.#inner.write(more.length === 0 ? first : Buffer.concat(this.#waiting))
    this.#waiting = []
    this.#waitingBytes = 0
    if (this.#isClosing) this.#inner.close()
    for (const resolve of this.#flushed.splice(0)) resolve()
  }
}
