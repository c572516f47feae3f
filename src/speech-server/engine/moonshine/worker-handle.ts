import { Worker } from 'node:worker_threads'
import { deferred } from '../../../core/deferred.js'
import { assertNever } from '../../../core/errors.js'
import { workerFile } from '../../../core/worker-file.js'
import type { FromWorker, ToWorker, WorkerSettings } from './messages.js'
import type { Recognition } from './recogniser.js'

/** What a worker reports. `gone` is the last, exactly once. */
export interface WorkerEvents {
  ready(): void
  /** it cannot load its packages or weights; `gone` follows */
  unusable(message: string): void
  done(recognition: Recognition): void
  /** the job failed, the worker lives */
  jobFailed(message: string): void
  /** @param error absent when it was asked to end */
  gone(error?: Error): void
}

/** One worker that recognises one segment at a time. */
export interface WorkerHandle {
  /** @param samples given away */
  recognise(samples: Int16Array<ArrayBuffer>, mayRetry: boolean): void
  /** Asks it to end after what it is doing; resolves when it is gone. Never terminates: that aborts the process during a call. */
  end(): Promise<void>
}

export type SpawnWorker = (events: WorkerEvents) => WorkerHandle

/** Starts real worker threads. */
export function spawnRecogniser(settings: WorkerSettings): SpawnWorker {
  return (events) => {
    const worker = new Worker(workerFile(import.meta.url, './recogniser-worker.js'), { workerData: settings, name: 'recogniser' })
    const gone = deferred()
    let isEnding = false
    let failure: Error | undefined
    const send = (message: ToWorker, transfer: readonly ArrayBuffer[] = []) => worker.postMessage(message, transfer)
    worker.on('message', (message: FromWorker) => {
      if (message.kind === 'ready') events.ready()
      else if (message.kind === 'unusable') events.unusable(message.message)
      else if (message.kind === 'done') events.done(message.recognition)
      else if (message.kind === 'failed') events.jobFailed(message.message)
      else assertNever(message)
    })
    worker.on('error', (error) => {
      failure = error instanceof Error ? error : new Error(String(error))
    })
    worker.on('exit', (code) => {
      if (isEnding) events.gone(failure)
      else events.gone(failure ?? new Error(`recogniser worker exited with ${code}`))
      gone.resolve()
    })
    return {
      recognise: (samples, mayRetry) => send({ kind: 'recognise', samples, mayRetry }, [samples.buffer]),
      end: () => {
        isEnding = true
        send({ kind: 'end' })
        return gone.promise
      },
    }
  }
}
