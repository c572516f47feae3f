/**
 * Lets so many through at a time, in the order in which they came. Joins that share a processor with many others last longer than a
 * server waits: fifty at once, two cores, and seven of them were given up; a few at a time, and each is short.
 */
export class JoinGate {
  readonly #places: number
  readonly #waiting: (() => void)[] = []
  #inside = 0

  /** @param places at least 1 */
  constructor(places: number) {
    this.#places = places
  }

  /** Runs the work when there is a place. @throws signal.reason when that aborts before; what the work throws */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#enter(signal)
    try {
      return await work()
    } finally {
      this.#inside--
      this.#waiting.shift()?.()
    }
  }

  async #enter(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#inside < this.#places) {
      this.#inside++
      return
    }
    await new Promise<void>((resolve, reject) => {
      const enter = () => {
        signal.removeEventListener('abort', leave)
        this.#inside++
        resolve()
      }
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(enter), 1)
        reject(signal.reason as Error)
      }
      signal.addEventListener('abort', leave, { once: true })
      this.#waiting.push(enter)
    })
  }
}
