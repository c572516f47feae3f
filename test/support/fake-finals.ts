import type { Claim, FinalsBatch, FinalsLog, FinalsLogs } from '../../src/records/port.js'

/** Logs of finals in memory; an append can be made to wait or to fail, and so can opening. */
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

  open(_claim: Claim): Promise<FinalsLog> {
    this.opened++
    if (this.openRefusal) return Promise.reject(this.openRefusal)
    const { kept } = this
    return Promise.resolve({
      left: this.left,
      replay: {
        get end() {
          return kept.length
        },
        read: (from, segments) => {
          const batches: FinalsBatch[] = []
          let next = from
          for (let found = 0; next < kept.length && found < segments; next++) {
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
      append: async (batch) => {
        await this.gate
        if (this.refusal) throw this.refusal
        this.appended.push(batch)
        kept.push(batch)
      },
      stored: () => {
        this.storedCalls++
        kept.splice(0)
      },
      close: (keep) => {
        this.closed.push(keep)
        return Promise.resolve()
      },
    })
  }
}
