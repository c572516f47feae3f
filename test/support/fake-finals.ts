import type { Claim, FinalsBatch, FinalsLog, FinalsLogs } from '../../src/records/port.js'

/** Logs of finals in memory; an append can be made to wait or to fail. */
export class FakeFinals implements FinalsLogs {
  readonly appended: FinalsBatch[] = []
  readonly closed: boolean[] = []
  left: FinalsBatch[] = []
  forgotten = 0
  storedCalls = 0
  /** what every append waits for */
  gate: Promise<void> = Promise.resolve()
  refusal: Error | null = null

  open(_claim: Claim): Promise<FinalsLog> {
    return Promise.resolve({
      left: this.left,
      forgetLeft: () => {
        this.forgotten++
        return Promise.resolve()
      },
      append: async (batch) => {
        await this.gate
        if (this.refusal) throw this.refusal
        this.appended.push(batch)
      },
      stored: () => {
        this.storedCalls++
      },
      close: (keep) => {
        this.closed.push(keep)
        return Promise.resolve()
      },
    })
  }
}
