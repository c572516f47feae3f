import { toError } from '../../../core/errors.js'
import type { Caption } from '../port.js'

interface Waiting {
  caption: Caption
  readonly done: () => void
}

/**
 * Captions on their way out, one at a time. Bounded: a newer version of a segment replaces the one that waits; when
 * full, the oldest interim goes, else the oldest. Nothing here rejects or waits for room.
 */
export class CaptionQueue {
  readonly #send: (caption: Caption) => Promise<void>
  readonly #onFailure: (error: Error) => void
  readonly #limit: number
  readonly #waiting = new Map<string, Waiting>()
  #pumping = false
  #closed = false

  constructor(limit: number, send: (caption: Caption) => Promise<void>, onFailure: (error: Error) => void) {
    this.#limit = limit
    this.#send = send
    this.#onFailure = onFailure
  }

  /** captions that wait */
  get size(): number {
    return this.#waiting.size
  }

  /** Resolves when the caption was sent, replaced, dropped or failed. */
  push(caption: Caption): Promise<void> {
    if (this.#closed) return Promise.resolve()
    const before = this.#waiting.get(caption.segmentId)
    if (before?.caption.isFinal && !caption.isFinal) return Promise.resolve()
    this.#drop(caption.segmentId)
    if (this.#waiting.size >= this.#limit) this.#drop(this.#victim())
    return new Promise((done) => {
      this.#waiting.set(caption.segmentId, { caption, done })
      void this.#pump()
    })
  }

  /** Drops what waits; what is being sent ends with the connection. */
  close(): void {
    this.#closed = true
    for (const { done } of this.#waiting.values()) done()
    this.#waiting.clear()
  }

  #victim(): string | undefined {
    for (const [segmentId, { caption }] of this.#waiting) if (!caption.isFinal) return segmentId
    return this.#waiting.keys().next().value
  }

  #drop(segmentId: string | undefined): void {
    if (segmentId === undefined) return
    this.#waiting.get(segmentId)?.done()
    this.#waiting.delete(segmentId)
  }

  async #pump(): Promise<void> {
    if (this.#pumping) return
    this.#pumping = true
    for (;;) {
      const [next] = this.#waiting
      if (!next) break
      const [segmentId, { caption, done }] = next
      this.#waiting.delete(segmentId)
      try {
        await this.#send(caption)
      } catch (thrown) {
        this.#onFailure(toError(thrown))
      }
      done()
    }
    this.#pumping = false
  }
}
