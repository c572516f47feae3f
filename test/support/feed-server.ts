import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'

/** A web server that answers each path as it is told to, and keeps what it was asked. */
export class FeedServer {
  readonly asked: IncomingMessage[] = []
  readonly #answers = new Map<string, (request: IncomingMessage, response: ServerResponse) => void>()
  readonly #server: Server

  private constructor() {
    this.#server = createServer((request, response) => {
      this.asked.push(request)
      const answer = this.#answers.get(new URL(`http://x${request.url ?? '/'}`).pathname)
      if (answer) answer(request, response)
      else response.writeHead(404).end()
    })
  }

  static async start(): Promise<FeedServer> {
    const feed = new FeedServer()
    feed.#server.listen(0, '127.0.0.1')
    await once(feed.#server, 'listening')
    return feed
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** `127.0.0.1:port` */
  get host(): string {
    return `127.0.0.1:${this.port}`
  }

  url(path: string): string {
    return `http://${this.host}${path}`
  }

  on(path: string, answer: (request: IncomingMessage, response: ServerResponse) => void): void {
    this.#answers.set(path, answer)
  }

  async close(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }
}
