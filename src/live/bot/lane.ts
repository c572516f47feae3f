import { backoffMs } from '../../core/backoff.js'
import { claimLossOf, type ClaimLoss } from '../../core/errors.js'
import type { Clock } from '../../core/time.js'
import { LastingFault } from '../../observe/lasting-fault.js'
import type { Logger } from '../../observe/logger.js'

/** what was away is used within 2 s of its return */
const RETRY = { firstMs: 100, maxMs: 2_000 }

/** What a lane is made of. */
export interface LaneOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly random: () => number
  /** aborted: nothing is begun or repeated any more */
  readonly signal: AbortSignal
  /** whether there is something to write */
  readonly hasWork: () => boolean
  /** one round; what it could not write is work again */
  readonly write: () => Promise<void>
  readonly onClaimLost: (loss: ClaimLoss) => void
}

/** Writes one round at a time, as long as there is work, repeating a round that failed with a growing wait. */
export class Lane {
  readonly #options: LaneOptions
  #writing: Promise<void> | null = null
  #cancel: (() => void) | null = null
  /** when the round that is put off begins, monotonic clock */
  #dueMs = 0
  readonly #fault: LastingFault
  #isClosed = false

  constructor(options: LaneOptions) {
    this.#options = options
    this.#fault = new LastingFault(options, {
      failed: 'store write failed, will be repeated',
      lasts: 'the store has not taken a write for a minute: it is repeated',
      over: 'store write succeeded again',
    })
  }

  /** Begins within `ms`, or sooner when that was asked for; at once for 0. What comes while a round is on its way is written right after it. */
  soon(ms: number): void {
    if (ms === 0) return this.#begin()
    const { clock } = this.#options
    const dueMs = clock.monotonicMs() + ms
    if (this.#writing || this.#isClosed || (this.#cancel && this.#dueMs <= dueMs)) return
    this.#cancelRound()
    this.#dueMs = dueMs
    this.#cancel = clock.after(ms, () => {
      this.#cancel = null
      this.#begin()
    })
  }

  /** Begins at once and resolves when there is no work left, or none may be done. */
  async flush(): Promise<void> {
    this.#begin()
    while (this.#writing) await this.#writing
  }

  /** Cancels a round that was to begin; none is put off any more. */
  close(): void {
    this.#isClosed = true
    this.#cancelRound()
  }

  #cancelRound(): void {
    this.#cancel?.()
    this.#cancel = null
  }

  #begin(): void {
    if (this.#writing || this.#options.signal.aborted || !this.#options.hasWork()) return
    this.#cancelRound()
    this.#writing = this.#drain().finally(() => {
      this.#writing = null
      // what came between the last look and here must not be left waiting
      this.#begin()
    })
  }

  async #drain(): Promise<void> {
    const { clock, random, signal, hasWork, write, onClaimLost } = this.#options
    for (let attempt = 0; hasWork() && !signal.aborted;) {
      try {
        await write()
        attempt = 0
        this.#fault.worked()
      } catch (thrown) {
        const loss = claimLossOf(thrown)
        if (loss !== null) {
          onClaimLost(loss)
          return
        }
        this.#fault.failed(thrown)
        try {
          await clock.sleep(backoffMs(RETRY, attempt, random), signal)
        } catch {
          return // closed: what waits is counted by whoever closes
        }
        attempt++
      }
    }
  }
}
