import { monitorEventLoopDelay, type IntervalHistogram } from 'node:perf_hooks'

/** The worst delay of this process's event loop while it is watched. */
export class LoopDelay {
  readonly #histogram: IntervalHistogram = monitorEventLoopDelay({ resolution: 10 })

  constructor() {
    this.#histogram.enable()
  }

  /** @returns ms */
  stop(): number {
    this.#histogram.disable()
    return Math.max(0, this.#histogram.max / 1e6 - 10)
  }
}
