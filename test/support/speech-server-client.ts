import { WebSocket } from 'ws'

/** A message of the server, loosely. */
export interface WireMessage {
  readonly type: string
  readonly acknowledged?: boolean
  // the tests reach into whatever the server sent
  readonly data?: Record<string, unknown> & {
    readonly utterance?: Record<string, unknown>
    readonly byte_range?: number[]
    readonly time_range?: number[]
    readonly id?: string
    readonly is_final?: boolean
  }
  readonly error?: { readonly message: string } | null
  readonly [field: string]: unknown
}

/** A plain `ws` client of the speech server that keeps all it sees and lets tests wait for it. */
export class SpeechServerClient {
  readonly socket: WebSocket
  readonly messages: WireMessage[] = []
  /** text frames that are not JSON */
  readonly garbage: string[] = []
  readonly binaries: Buffer[] = []
  pings = 0
  /** close code once closed */
  closeCode: number | null = null
  /** HTTP status when the handshake was refused */
  refusal: number | null = null
  #watchers: (() => void)[] = []

  constructor(url: string) {
    // ws terminates by itself when pings come faster than its own pongs leave
    this.socket = new WebSocket(url, { perMessageDeflate: false, autoPong: false })
    this.socket.on('message', (bytes: Buffer, isBinary) => {
      if (isBinary) this.binaries.push(bytes)
      else this.#text(bytes.toString())
      this.#changed()
    })
    this.socket.on('ping', () => {
      this.pings++
      this.#changed()
    })
    this.socket.on('open', () => this.#changed())
    this.socket.on('close', (code) => {
      this.closeCode = code
      this.#changed()
    })
    this.socket.on('unexpected-response', (_request, response) => {
      this.refusal = response.statusCode ?? 0
      response.resume()
      this.#changed()
    })
    this.socket.on('error', () => undefined)
  }

  /** Resolves once the condition holds; it is looked at after every event. */
  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve()
    return new Promise((resolve) => {
      const watcher = () => {
        if (!condition()) return
        this.#watchers = this.#watchers.filter((one) => one !== watcher)
        resolve()
      }
      this.#watchers.push(watcher)
    })
  }

  opened(): Promise<void> {
    return this.until(() => this.socket.readyState === WebSocket.OPEN)
  }

  /** @returns the close code */
  async closed(): Promise<number> {
    await this.until(() => this.closeCode !== null)
    return this.closeCode ?? 0
  }

  of(type: string): WireMessage[] {
    return this.messages.filter((message) => message.type === type)
  }

  /** @returns all messages of that type, once there are that many */
  async count(type: string, least = 1): Promise<WireMessage[]> {
    await this.until(() => this.of(type).length >= least)
    return this.of(type)
  }

  send(chunk: Buffer): void {
    this.socket.send(chunk)
  }

  stop(): void {
    this.socket.send('{"type":"stop_recording"}')
  }

  #text(text: string): void {
    try {
      this.messages.push(JSON.parse(text) as WireMessage)
    } catch {
      this.garbage.push(text)
    }
  }

  #changed(): void {
    for (const watcher of this.#watchers) watcher()
  }
}
