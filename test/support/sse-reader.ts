import { request, type ClientRequest, type IncomingMessage } from 'node:http'

/** One event of a stream. */
export interface SseEvent {
  readonly id: string | null
  readonly event: string
  readonly data: Record<string, unknown>
}

/** A reader of server-sent events over a socket of its own; it does not come back by itself. */
export class SseReader {
  readonly events: SseEvent[] = []
  /** null until the answer came */
  status: number | null = null
  isClosed = false
  lastId: string | null
  readonly #request: ClientRequest
  readonly #waiting: (() => void)[] = []
  #response: IncomingMessage | null = null
  #text = ''

  /** @param key a bearer key, or the header of a cookie @param lastId sent as Last-Event-ID @param onEvent told of each event */
  constructor(
    url: string,
    key: string | { readonly cookie: string },
    lastId: string | null = null,
    onEvent: (event: SseEvent) => void = () => undefined,
  ) {
    this.lastId = lastId
    this.#request = request(url, {
      headers: {
        ...(typeof key === 'string' ? { authorization: `Bearer ${key}` } : key),
        ...(lastId === null ? {} : { 'last-event-id': lastId }),
      },
      agent: false,
    })
    this.#request.once('response', (response) => {
      this.#response = response
      this.status = response.statusCode ?? 0
      response.setEncoding('utf8')
      response.on('data', (text: string) => {
        this.#text += text
        for (let end = this.#text.indexOf('\n\n'); end >= 0; end = this.#text.indexOf('\n\n')) {
          const event = parse(this.#text.slice(0, end))
          this.#text = this.#text.slice(end + 2)
          if (!event) continue
          if (event.id !== null) this.lastId = event.id
          this.events.push(event)
          onEvent(event)
        }
        this.#wake()
      })
      response.once('close', () => this.#end())
      this.#wake()
    })
    this.#request.once('error', () => this.#end())
    this.#request.end()
  }

  /** Resolves when something holds of what has come. @throws Error the stream ended before */
  async until(isTrue: (reader: this) => boolean): Promise<void> {
    while (!isTrue(this)) {
      if (this.isClosed) throw new Error(`the stream ended after ${this.events.length} events`)
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  /** The data of events of a kind, in order. */
  of(event: string): Record<string, unknown>[] {
    return this.events.filter((one) => one.event === event).map(({ data }) => data)
  }

  /** Takes nothing more from the socket. */
  pause(): void {
    this.#response?.pause()
  }

  /** Takes what has come meanwhile. */
  resume(): void {
    this.#response?.resume()
  }

  close(): void {
    this.#request.destroy()
    this.#end()
  }

  #end(): void {
    this.isClosed = true
    this.#wake()
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}

function parse(text: string): SseEvent | null {
  const fields = new Map(
    text
      .split('\n')
      .filter((line) => !line.startsWith(':'))
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)] as const),
  )
  const event = fields.get('event')
  if (event === undefined) return null
  return { id: fields.get('id') ?? null, event, data: JSON.parse(fields.get('data') ?? '{}') as Record<string, unknown> }
}
