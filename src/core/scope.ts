import { StateError, toError } from './errors.js'

/**
 * Owns background work and things to close. `close()` aborts the signal, closes in reverse order, waits for
 * all work, and reports every failure in one AggregateError; it may be called twice.
 */
export class Scope {
  readonly #controller = new AbortController()
  readonly #running = new Set<Promise<void>>()
  readonly #closers: { name: string; close: () => void | Promise<void> }[] = []
  readonly #failures: Error[] = []
  readonly #onFailure: ((name: string, error: Error) => void) | undefined
  #closing: Promise<void> | undefined

  /** @param onFailure told once of each piece of background work that failed (not of cancellations) */
  constructor(onFailure?: (name: string, error: Error) => void) {
    this.#onFailure = onFailure
  }

  /** Aborts when the scope closes. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** How many pieces of background work have not ended. */
  get pending(): number {
    return this.#running.size
  }

  /** Starts background work that `close()` waits for. A failure is reported, never floats. */
  run(name: string, work: (signal: AbortSignal) => Promise<void>): void {
    if (this.#closing) throw new StateError(`scope is closed: ${name}`)
    const promise = Promise.resolve()
      .then(() => work(this.signal))
      .catch((thrown: unknown) => {
        if (this.signal.aborted && thrown === this.signal.reason) return
        const error = toError(thrown)
        if (this.#onFailure) this.#onFailure(name, error)
        else this.#failures.push(error)
      })
      .finally(() => this.#running.delete(promise))
    this.#running.add(promise)
  }

  /** Adds something to close; the last added is closed first. */
  defer(name: string, close: () => void | Promise<void>): void {
    if (this.#closing) throw new StateError(`scope is closed: ${name}`)
    this.#closers.push({ name, close })
  }

  /** Closes everything to the end, whatever fails on the way. */
  close(reason: unknown = new Error('scope closed')): Promise<void> {
    this.#closing ??= this.#close(reason)
    return this.#closing
  }

  async #close(reason: unknown): Promise<void> {
    this.#controller.abort(reason)
    for (const { close } of this.#closers.toReversed()) {
      try {
        await close()
      } catch (thrown) {
        this.#failures.push(toError(thrown))
      }
    }
    while (this.#running.size > 0) await Promise.allSettled(this.#running)
    if (this.#failures.length > 0) throw new AggregateError(this.#failures, 'failures while closing')
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
