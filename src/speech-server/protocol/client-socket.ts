import { WebSocket } from 'ws'
import { MAX_OUTBOUND_BYTES } from './limits.js'
import type { Frame } from './noise.js'
import type { ClientSocket } from './outbox.js'

/** A `ws` socket as a session sees it. A client that leaves too much unread is cut off. */
export class WsClientSocket implements ClientSocket {
  readonly #socket: WebSocket
  #frozen = false

  constructor(socket: WebSocket) {
    this.#socket = socket
  }

  /** what still comes out of the receive buffer is to be ignored */
  get isFrozen(): boolean {
    return this.#frozen
  }

  send(frame: Frame): void {
    if (this.#frozen || this.#socket.readyState !== WebSocket.OPEN) return
    if (this.#socket.bufferedAmount > MAX_OUTBOUND_BYTES) this.#socket.terminate()
    else this.#socket.send(frame.kind === 'text' ? frame.text : frame.bytes)
  }

  ping(): void {
    if (!this.#frozen && this.#socket.readyState === WebSocket.OPEN) this.#socket.ping()
  }

  close(code: number, reason: string): void {
    if (this.#frozen) this.#socket.terminate()
    else this.#socket.close(code, reason)
  }

  terminate(): void {
    this.#socket.terminate()
  }

  freeze(): void {
    this.#frozen = true
    this.#socket.pause()
  }
}
