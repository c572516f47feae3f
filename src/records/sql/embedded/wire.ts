import { Duplex } from 'node:stream'
import { Worker } from 'node:worker_threads'
import { deferred } from '../../../core/deferred.js'
import { workerFile } from '../../../core/worker-file.js'

/** What the worker is told. */
export type ToWorker = { readonly kind: 'bytes'; readonly bytes: Uint8Array } | { readonly kind: 'close' }
/** What the worker says; one `bytes` for each `bytes` it was sent. */
export type FromWorker =
  | { readonly kind: 'ready' | 'closed' }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'failed'; readonly message: string }

/**
 * A PGlite in its own worker thread, seen as the socket of a node-postgres client. So node-postgres itself writes the
 * parameters, parses the rows and builds the errors: what differs between the two databases cannot be the client.
 */
export class PgliteWire extends Duplex {
  readonly #worker: Worker
  readonly #ready = deferred()
  readonly #exited = deferred()
  /** called when the answer to the message on its way has come: one message at a time */
  #answered: ((error?: Error) => void) | undefined
  #isClosing = false

  /** @param dataDir PostgreSQL's data directory; PGlite makes a new database when it is empty */
  constructor(dataDir: string) {
    super()
    this.#ready.promise.catch(() => undefined)
    // told by `ready`, and by the client's own listener once there is a client
    this.on('error', () => undefined)
    this.#worker = new Worker(workerFile(import.meta.url, './pglite-worker.js'), { workerData: { dataDir } })
    this.#worker.on('message', (message: FromWorker) => this.#receive(message))
    this.#worker.on('error', (error) => this.#fail(error))
    this.#worker.on('exit', (code) => {
      this.#exited.resolve()
      if (!this.#isClosing) this.#fail(new Error(`database thread ended with code ${code}`))
    })
  }

  /** Resolves when the database answers; rejects with what kept it from opening. */
  get ready(): Promise<void> {
    return this.#ready.promise
  }

  /** Resolves when the thread has ended. */
  get exited(): Promise<void> {
    return this.#exited.promise
  }

  /** Closes the database in an orderly way; `exited` follows. */
  shutdown(): void {
    this.#isClosing = true
    this.#post({ kind: 'close' })
  }

  /** Ends the thread at once. */
  async terminate(): Promise<void> {
    this.#isClosing = true
    await this.#worker.terminate()
  }

  // the part of net.Socket that node-postgres calls
  connect(): void {
    this.#ready.promise.then(
      () => this.emit('connect'),
      (error: Error) => this.destroy(error),
    )
  }
  setNoDelay(): void {}
  setKeepAlive(): void {}
  ref(): void {}
  unref(): void {}

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#send(Uint8Array.from(chunk), callback)
  }

  override _writev(chunks: { chunk: Buffer }[], callback: (error?: Error | null) => void): void {
    this.#send(Uint8Array.from(Buffer.concat(chunks.map(({ chunk }) => chunk))), callback)
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.push(null)
    callback()
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    // whoever waits for it to open waits no longer
    this.#ready.reject(error ?? new Error('the database is closed'))
    callback(error)
  }

  #send(bytes: Uint8Array<ArrayBuffer>, callback: (error?: Error | null) => void): void {
    this.#answered = callback
    this.#post({ kind: 'bytes', bytes }, [bytes.buffer])
  }

  #post(message: ToWorker, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer)
  }

  #receive(message: FromWorker): void {
    switch (message.kind) {
      case 'ready':
        this.#ready.resolve()
        return
      case 'bytes': {
        const answered = this.#answered
        this.#answered = undefined
        if (message.bytes.length > 0) this.push(Buffer.from(message.bytes.buffer, message.bytes.byteOffset, message.bytes.length))
        answered?.()
        return
      }
      case 'failed':
        this.#fail(new Error(message.message))
        return
      case 'closed':
        return
    }
  }

  #fail(error: Error): void {
    this.#answered = undefined
    this.destroy(error)
  }
}
