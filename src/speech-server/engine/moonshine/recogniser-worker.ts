import { parentPort, workerData } from 'node:worker_threads'
import { StateError, toError } from '../../../core/errors.js'
import type { FromWorker, ToWorker, WorkerSettings } from './messages.js'
import { loadRecogniser } from './recogniser.js'
import type { Recogniser, Recognition } from './recogniser.js'

/** A worker thread with one recogniser: loads, answers one job after the other, releases when asked to end. */

/** a segment that begins in mid-word can come back empty: without this much it often does not */
const RETRY_SKIP_SAMPLES = 8000

if (!parentPort) throw new StateError('recogniser-worker runs as a worker thread only')
const port = parentPort
const tell = (message: FromWorker) => port.postMessage(message)

async function recognise(recogniser: Recogniser, samples: Int16Array, mayRetry: boolean): Promise<Recognition> {
  const first = await recogniser.recognise(samples)
  if (first.text !== '' || !mayRetry || samples.length < RETRY_SKIP_SAMPLES * 2) return first
  return recogniser.recognise(samples.subarray(RETRY_SKIP_SAMPLES))
}

async function answer(recogniser: Recogniser, message: ToWorker): Promise<void> {
  if (message.kind === 'end') {
    port.close()
    await recogniser.release()
    return
  }
  try {
    tell({ kind: 'done', recognition: await recognise(recogniser, message.samples, message.mayRetry) })
  } catch (thrown) {
    tell({ kind: 'failed', message: toError(thrown).message })
  }
}

try {
  const recogniser = await loadRecogniser((workerData as WorkerSettings).weightsDir)
  let last = Promise.resolve()
  port.on('message', (message: ToWorker) => {
    last = last.then(() => answer(recogniser, message))
  })
  tell({ kind: 'ready' })
} catch (thrown) {
  tell({ kind: 'unusable', message: toError(thrown).message })
}
