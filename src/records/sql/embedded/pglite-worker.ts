/**
 * Runs PGlite away from the event loop that carries audio. In: bytes of the PostgreSQL wire protocol, or 'close'.
 * Out: 'ready' once, the answer to each message in order, 'failed' with a text.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { PGlite } from '@electric-sql/pglite'
import type { FromWorker, ToWorker } from './wire.js'

const port = parentPort
if (!port) throw new Error('pglite-worker runs as a worker thread only')
const { dataDir } = workerData as { readonly dataDir: string }

const post = (message: FromWorker, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer)
const failed = (thrown: unknown) => {
  post({ kind: 'failed', message: thrown instanceof Error ? thrown.message : String(thrown) })
  port.close()
}

const database = new PGlite({ dataDir })

port.on('message', (message: ToWorker) => {
  if (message.kind === 'close') {
    database.close().then(() => {
      post({ kind: 'closed' })
      port.close()
    }, failed)
    return
  }
  try {
    // a copy: PGlite answers the start-up packet with a view of a buffer that it uses again
    const answer = Uint8Array.from(database.execProtocolRawSync(message.bytes))
    post({ kind: 'bytes', bytes: answer }, [answer.buffer])
  } catch (thrown) {
    failed(thrown)
  }
})

database.waitReady.then(() => post({ kind: 'ready' }), failed)
