import { deferred, type Deferred } from '../../core/deferred.js'
import type { JobProcessor } from './backend.js'

/** Counts the jobs that run in this process: a queue that is gone does not say that it has given the workers none. */
export class RunningJobs {
  #count = 0
  #idle: Deferred | null = null

  /** The same processor, whose jobs are counted. All three parameters are declared: BullMQ passes the signal by arity. */
  counted(processor: JobProcessor): JobProcessor {
    return async (job, token, signal) => {
      this.#count++
      try {
        await processor(job, token, signal)
      } finally {
        this.#count--
        if (this.#count === 0) {
          this.#idle?.resolve()
          this.#idle = null
        }
      }
    }
  }

  get isIdle(): boolean {
    return this.#count === 0
  }

  /** @returns when none runs */
  whenIdle(): Promise<void> {
    if (this.#count === 0) return Promise.resolve()
    this.#idle ??= deferred()
    return this.#idle.promise
  }
}
