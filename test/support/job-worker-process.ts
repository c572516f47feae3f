import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { newMeetingId } from '../../src/core/ids.js'
import type { OpenQueue } from '../../src/followup/jobs/open.js'
import { RecordingHandlers } from './jobs-suite.js'

/**
 * A process takes an `attend` job and is killed in the middle of it; a worker of `open` then takes over.
 * Needs the compiled `dist`.
 * @returns how often the job ran after the kill, counted when it and one later job are done
 */
export async function killedWorkerRuns(open: OpenQueue, redisUrl: string, postgresUrl: string): Promise<number> {
  const script = fileURLToPath(new URL('./job-worker.mjs', import.meta.url))
  const dist = fileURLToPath(new URL('../../dist', import.meta.url))
  const child = spawn(process.execPath, [script, dist, redisUrl, postgresUrl], { stdio: ['ignore', 'pipe', 'inherit'] })
  let printed = ''
  const id = newMeetingId()
  const taken = new Promise<void>((resolve, reject) => {
    child.stdout.setEncoding('utf8')
    child.stdout.on('data', (text: string) => {
      printed += text
      if (printed.includes(id)) resolve()
    })
    child.once('exit', () => reject(new Error('the worker process ended by itself')))
  })
  await open.queue.attend(id)
  await taken
  child.removeAllListeners('exit')
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
  const handlers = new RecordingHandlers()
  const workers = await open.startWorkers(handlers, { attendConcurrency: 1 })
  await handlers.ended(1)
  await open.queue.attend(newMeetingId())
  await handlers.ended(2)
  await workers.close(10_000)
  return handlers.ran.length - 1
}
