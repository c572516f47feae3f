import { Duplex } from 'node:stream'
import type { SimTime } from './sim/clock.js'

/** One end of a wire: an ordinary stream to whoever holds it. */
class WireEnd extends Duplex {
  readonly #out: (bytes: Buffer) => void

  constructor(out: (bytes: Buffer) => void) {
    super({ allowHalfOpen: false })
    this.#out = out
    this.on('error', () => undefined)
  }

  override _read(): void {}

  override _write(bytes: Buffer, _encoding: string, done: () => void): void {
    this.#out(Buffer.from(bytes))
    done()
  }

  override _final(done: () => void): void {
    done()
  }
}

/** A TCP connection in simulated time that is cut at a given byte, either way. What arrived before the cut stays arrived. */
export class ByteWire {
  readonly client: Duplex
  readonly server: Duplex
  /** bytes from the client that still arrive */
  upLeft = Infinity
  /** bytes to the client that still arrive */
  downLeft = Infinity
  /** swallows everything, and says nothing */
  isBlackhole = false
  isCut = false
  readonly #time: SimTime
  readonly #onCut: () => void

  /** @param onCut told once, however it ends */
  constructor(time: SimTime, upMs: number, downMs: number, onCut: () => void) {
    this.#time = time
    this.#onCut = onCut
    this.client = new WireEnd((bytes) => this.#carry(bytes, upMs, true))
    this.server = new WireEnd((bytes) => this.#carry(bytes, downMs, false))
    this.client.on('close', () => this.cut())
    this.server.on('close', () => this.cut())
  }

  /** The connection is gone for both; what was on the way is lost. */
  cut(): void {
    if (this.isCut) return
    this.isCut = true
    this.client.destroy()
    this.server.destroy()
    this.#onCut()
  }

  #carry(bytes: Buffer, delayMs: number, isUp: boolean): void {
    if (this.isBlackhole || this.isCut) return
    const left = isUp ? this.upLeft : this.downLeft
    const part = bytes.subarray(0, left)
    if (isUp) this.upLeft -= part.length
    else this.downLeft -= part.length
    const isLast = part.length < bytes.length || left === part.length
    const arrive = () => {
      if (this.isCut) return
      if (part.length > 0) (isUp ? this.server : this.client).push(part)
      // what has arrived is read before the end is seen
      if (isLast) setImmediate(() => this.cut())
    }
    if (delayMs === 0) arrive()
    else this.#time.after(delayMs, arrive)
  }
}
