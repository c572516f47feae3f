import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

interface Pair {
  readonly client: Socket
  readonly target: Socket
}

/** Bytes from the client that may still pass before the connection is cut; counted over all connections. */
type Budget = number | null

/** A TCP proxy on loopback that can reset, go silent, delay, and cut after an exact number of bytes from the client. */
export class TcpProxy {
  readonly #server: Server
  readonly #targetPort: number
  readonly #pairs = new Set<Pair>()
  #budget: Budget = null
  #onCut: (() => void) | null = null
  /** true: accepts and swallows, both ways, without a word */
  isBlackhole = false
  /** refuses new connections by resetting them */
  isDown = false
  /** added to each piece, each way */
  latencyMs = 0
  accepted = 0

  private constructor(server: Server, targetPort: number) {
    this.#server = server
    this.#targetPort = targetPort
    server.on('connection', (client) => this.#join(client))
  }

  static async listen(targetPort: number): Promise<TcpProxy> {
    const server = createServer()
    const proxy = new TcpProxy(server, targetPort)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Cuts everything after `bytes` more from the client; resolves at the cut. The bytes before it reach the target. */
  cutAfter(bytes: number): Promise<void> {
    this.#budget = bytes
    return new Promise((resolve) => {
      this.#onCut = resolve
    })
  }

  /** Resets every connection now. */
  reset(): void {
    for (const pair of this.#pairs) this.#cut(pair)
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.reset()
    await closed
  }

  #join(client: Socket): void {
    this.accepted++
    client.on('error', () => undefined)
    if (this.isDown) {
      client.resetAndDestroy()
      return
    }
    const target = connect(this.#targetPort, '127.0.0.1')
    target.on('error', () => undefined)
    const pair: Pair = { client, target }
    this.#pairs.add(pair)
    client.on('data', (piece) => this.#fromClient(pair, piece))
    target.on('data', (piece) => this.#pass(client, piece))
    client.on('close', () => this.#leave(pair))
    target.on('close', () => this.#leave(pair))
  }

  #fromClient(pair: Pair, piece: Buffer): void {
    if (this.isBlackhole) return
    if (this.#budget === null || piece.length < this.#budget) {
      if (this.#budget !== null) this.#budget -= piece.length
      this.#pass(pair.target, piece)
      return
    }
    const last = piece.subarray(0, this.#budget)
    this.#budget = null
    // the target gets these bytes, then the end of the connection; the client a reset
    pair.target.end(last)
    pair.client.resetAndDestroy()
    this.#pairs.delete(pair)
    this.#onCut?.()
  }

  #pass(to: Socket, piece: Buffer): void {
    if (this.isBlackhole) return
    if (this.latencyMs === 0) to.write(piece)
    else setTimeout(() => to.write(piece), this.latencyMs)
  }

  #leave(pair: Pair): void {
    if (!this.#pairs.delete(pair)) return
    pair.client.destroy()
    pair.target.destroy()
  }

  #cut(pair: Pair): void {
    this.#pairs.delete(pair)
    pair.client.resetAndDestroy()
    pair.target.destroy()
  }
}
