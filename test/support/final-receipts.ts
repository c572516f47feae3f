import { WebSocket } from 'ws'

/** When the text of each final utterance came out of a socket of this process, by the service's id of the utterance. */
export class FinalReceipts {
  readonly receivedMs = new Map<string, number>()
  readonly #emit = WebSocket.prototype.emit

  /** Watches every socket of the process until `stop`: a measurement only, nothing is changed on its way. */
  constructor(nowMs: () => number) {
    const { receivedMs } = this
    const emit = this.#emit
    WebSocket.prototype.emit = function (this: WebSocket, event: string | symbol, ...args: unknown[]): boolean {
      const [data, isBinary] = args
      if (event === 'message' && isBinary === false && Buffer.isBuffer(data) && data.includes('"is_final":true')) {
        const { id } = (JSON.parse(data.toString()) as { data: { id: string } }).data
        receivedMs.set(id, nowMs())
      }
      return emit.call(this, event, ...args)
    }
  }

  stop(): void {
    WebSocket.prototype.emit = this.#emit
  }
}
