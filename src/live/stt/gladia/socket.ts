import { WebSocket } from 'ws'
import { deferred } from '../../../core/deferred.js'
import type { Clock } from '../../../core/time.js'
import type { DropCause } from './close-codes.js'
import type { Limits } from './limits.js'
import type { Transport, TransportSocket } from './transport.js'

/** What a connection reports; nothing after `dropped`, nothing after `close`. */
export interface SocketEvents {
  opened(): void
  text(message: string): void
  /** a binary message: the protocol has none from the service */
  binary(): void
  dropped(cause: DropCause, detail: string): void
}

/** Gladia takes an empty chunk as a sign of life; base64 because an empty binary message is not known to be. */
const EMPTY_CHUNK = JSON.stringify({ type: 'audio_chunk', data: { chunk: '' } })
const STOP = JSON.stringify({ type: 'stop_recording' })

/**
 * One WebSocket connection. Deflate is off (it costs ten times the rest); pings are answered by `ws`. A message above twice the cap
 * of the parser ends the connection unread: memory is bounded before content is looked at.
 */
export class GladiaSocket {
  readonly #ws: TransportSocket
  readonly #clock: Clock
  readonly #graceMs: number
  readonly #gone = deferred()
  #events: SocketEvents | null
  #failure: DropCause = { kind: 'network' }
  #detail = ''

  constructor(url: string, events: SocketEvents, { clock, limits, transport }: { clock: Clock; limits: Limits; transport: Transport }) {
    this.#clock = clock
    this.#graceMs = limits.closeGraceMs
    this.#events = events
    this.#ws = transport.connect(url, {
      perMessageDeflate: false,
      handshakeTimeout: limits.connectMs,
      maxPayload: limits.maxMessageBytes * 2,
      followRedirects: false,
      // a message of bad UTF-8 is dropped by the parser; validated by `ws` it would end the connection
      skipUTF8Validation: true,
    })
    let wasOpen = false
    this.#ws.on('open', () => {
      wasOpen = true
      this.#events?.opened()
    })
    this.#ws.on('message', (message, isBinary) => {
      if (isBinary) this.#events?.binary()
      else this.#events?.text((message as Buffer).toString('utf8'))
    })
    this.#ws.on('unexpected-response', (request, response) => {
      this.#failure = { kind: 'handshake', status: response.statusCode ?? 0 }
      this.#detail = `HTTP ${response.statusCode}`
      response.resume()
      request.destroy()
      this.#ws.terminate()
    })
    this.#ws.on('error', (error) => {
      if (this.#detail === '') this.#detail = error.message
    })
    this.#ws.on('close', (code, reason) => {
      this.#gone.resolve()
      const cause: DropCause = wasOpen ? { kind: 'closed', code } : this.#failure
      this.#tellDropped(cause, String(reason) || this.#detail)
    })
  }

  /** bytes handed over that the system has not taken yet */
  get queuedBytes(): number {
    return this.#ws.bufferedAmount
  }

  /** @param pcm complete frames; not touched afterwards by anybody */
  sendAudio(pcm: Int16Array): void {
    // hosts are little-endian, and so is the wire
    this.#send(Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength))
  }
  sendEmpty(): void {
    this.#send(EMPTY_CHUNK)
  }
  sendStop(): void {
    this.#send(STOP)
  }

  /** Lets go: no event any more. Resolves when the socket is gone, cut off if an orderly close takes too long. */
  async close(): Promise<void> {
    this.#events = null
    if (this.#ws.readyState === WebSocket.CLOSED) return
    if (this.#ws.readyState === WebSocket.OPEN) this.#ws.close(1000)
    else this.#ws.terminate()
    const cancel = this.#clock.after(this.#graceMs, () => this.#ws.terminate())
    await this.#gone.promise
    cancel()
  }

  /** Cuts the connection without a close frame: 1000 would tell the service that the recording is over. */
  async abandon(): Promise<void> {
    this.#events = null
    if (this.#ws.readyState === WebSocket.CLOSED) return
    this.#ws.terminate()
    await this.#gone.promise
  }

  #send(message: Buffer | string): void {
    if (this.#ws.readyState === WebSocket.OPEN) this.#ws.send(message)
  }

  #tellDropped(cause: DropCause, detail: string): void {
    const events = this.#events
    this.#events = null
    events?.dropped(cause, detail)
  }
}
