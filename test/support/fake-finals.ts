import type { Claim, FinalsBatch, FinalsLog, FinalsLogs } from '../../src/records/port.js'

/** Logs of finals in memory; an append can be made to wait or to fail, and so can opening. One operation at a time, as in the real one. */
export class FakeFinals implements FinalsLogs {
  readonly appended: FinalsBatch[] = []
  readonly closed: boolean[] = []
  /** what can be read back: emptied when the store has everything */
  readonly kept: FinalsBatch[] = []
  left: FinalsBatch[] = []
  forgotten = 0
  storedCalls = 0
  opened = 0
  /** what every append waits for */
  gate: Promise<void> = Promise.resolve()
  refusal: Error | null = null
  openRefusal: Error | null = null
  /** the batch at this place and all behind it cannot be read back */
  damagedFrom = Number.POSITIVE_INFINITY
  #last: Promise<void> = Promise.resolve()

  open(_claim: Claim): Promise<FinalsLog> {
    this.opened++
    if (this.openRefusal) return Promise.reject(this.openRefusal)
    const { kept } = this
    let isToBeEmptied = false
    return Promise.resolve({
      left: this.left,
      replay: {
        get end() {
          return isToBeEmptied ? 0 : kept.length
        },
        read: (from, segments) => {
          const batches: FinalsBatch[] = []
          let next = from
          for (let found = 0; next < kept.length && found < segments; next++) {
            if (next >= this.damagedFrom) return Promise.resolve({ batches, next: batches.length > 0 ? next : kept.length })
            const batch = kept[next]
            if (batch) batches.push(batch)
            found += Math.max(1, batch?.segments.length ?? 0)
          }
          return Promise.resolve({ batches, next })
        },
      },
      forgetLeft: () => {
        this.forgotten++
        return Promise.resolve()
      },
      append: (batch) => {
        const done = this.#last.then(async () => {
          await this.gate
          if (this.refusal) throw this.refusal
          this.appended.push(batch)
          kept.push(batch)
        })
        this.#last = done.catch(() => undefined)
        return done
      },
      stored: () => {
        this.storedCalls++
        isToBeEmptied = true
        this.#last = this.#last.then(() => {
          isToBeEmptied = false
          kept.splice(0)
        })
      },
      close: (keep) => {
        this.closed.push(keep)
        return Promise.resolve()
      },
    })
  }
}
