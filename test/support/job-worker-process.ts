import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { newMeetingId } from '../../src/core/ids.js'
import type { OpenQueue } from '../../src/followup/jobs/open.js'
import { RecordingHandlers } from './jobs-suite.js'

/** A process that takes jobs and never ends them. */
export interface JobWorkerProcess {
  /** ends it as by SIGKILL */
  kill(): Promise<void>
  /** waits for its own end @returns its exit code and the last line that it printed */
  ended(): Promise<{ code: number | null; last: string | undefined }>
}

/**
 * Starts the process and waits until it has taken the job of a meeting. Needs the compiled `dist`.
 * @param where Redis URL, PostgreSQL URL, folder (`-` for those not meant), perhaps a meeting that it adds itself, and
 *   `leave` for one that ends the job and closes
 */
export async function startJobWorker(where: readonly string[], meeting: string): Promise<JobWorkerProcess> {
  const script = fileURLToPath(new URL('./job-worker.mjs', import.meta.url))
  const dist = fileURLToPath(new URL('../../dist', import.meta.url))
  const child = spawn(process.execPath, [script, dist, ...where], { stdio: ['ignore', 'pipe', 'inherit'] })
  let printed = ''
  await new Promise<void>((resolve, reject) => {
    child.stdout.setEncoding('utf8')
    child.stdout.on('data', (text: string) => {
      printed += text
      if (printed.includes(meeting)) resolve()
    })
    child.once('exit', () => reject(new Error('the worker process ended by itself')))
  })
  child.removeAllListeners('exit')
  const exited = once(child, 'close')
  return {
    ended: async () => {
      const [code] = (await exited) as [number | null]
      return { code, last: printed.trim().split('\n').at(-1) }
    },
    kill: async () => {
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    },
  }
}

/**
 * A process takes an `attend` job and is killed in the middle of it; a worker of `open` then takes over.
 * @returns how often the job ran after the kill, counted when it and one later job are done
 */
export async function killedWorkerRuns(open: OpenQueue, where: readonly string[]): Promise<number> {
  const id = newMeetingId()
  await open.queue.attend(id)
  const worker = await startJobWorker(where, id)
  await worker.kill()
  const handlers = new RecordingHandlers()
  const workers = await open.startWorkers(handlers, { attendConcurrency: 1 })
  await handlers.ended(1)
  await open.queue.attend(newMeetingId())
  await handlers.ended(2)
  await workers.close(10_000)
  return handlers.ran.length - 1
}
