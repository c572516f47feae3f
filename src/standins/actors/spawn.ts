import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { deferred } from '../../core/deferred.js'
import { UpstreamError } from '../../core/errors.js'
import type { Clock } from '../../core/time.js'
import { workerFile } from '../../core/worker-file.js'
import { OutputTail } from '../livekit/tail.js'
import type { ActorOrder } from './actor-order.js'
import { playEventSchema, type PlayEvent, type PlayHealth } from './play-event.js'

/** A process of actors. */
export interface ActorsProcess {
  readonly pid: number | undefined
  /** everybody of the opening is in the room with an open microphone; rejects when the process ended before */
  readonly ready: Promise<void>
  /** T0 on the monotonic clock; rejects as `ready` */
  readonly started: Promise<number>
  /** everybody has left and the process is gone; rejects when it failed or was ended before the end of its script */
  readonly ended: Promise<PlayHealth>
  /** Sets T0, for an order that is held: at once, or to a monotonic time that several processes share. */
  go(t0Ms?: number): void
  /** Makes everybody leave and resolves when the process is gone; never rejects; may be called twice. */
  stop(): Promise<void>
  /** Sends a signal; SIGKILL is a crash of everybody: the server takes 20 s to notice. */
  kill(signal: NodeJS.Signals): void
  [Symbol.asyncDispose](): Promise<void>
}

const STOP_MS = 10_000
const STDERR_CHARS = 16_384

/**
 * Starts actors in a process of their own, so that they keep their time whatever the caller does. It ends when the caller dies.
 * @param options.onEvent called in order; must not throw
 */
export function spawnActors(options: {
  readonly order: ActorOrder
  readonly onEvent: (event: PlayEvent) => void
  readonly clock: Clock
}): ActorsProcess {
  const file = fileURLToPath(workerFile(import.meta.url, './actor-process.js'))
  // the keys go over standard input: arguments and environment can be read by others. The native part of rtc-node writes errors to
  // standard error, tokens included, unless it is told not to
  const child = spawn(process.execPath, [file], { stdio: ['pipe', 'pipe', 'pipe'], env: { RUST_LOG: 'off' } })
  const stderr = new OutputTail(STDERR_CHARS)
  const ready = deferred()
  const started = deferred<number>()
  const ended = deferred<PlayHealth>()
  const gone = deferred()
  let health: PlayHealth | undefined
  for (const { promise } of [ready, started, ended]) Promise.resolve(promise).catch(() => undefined)

  createInterface({ input: child.stdout }).on('line', (line) => {
    const event = readEvent(line)
    if (!event) return
    if (event.kind === 'ready') ready.resolve()
    if (event.kind === 'started') started.resolve(event.t0Ms)
    if (event.kind === 'ended' && event.isPlayed) health = event.health
    options.onEvent(event)
  })
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => stderr.push(chunk))
  child.stdin.on('error', () => undefined)
  child.once('error', (error) => stderr.push(error.message))
  child.once('close', (code, signal) => {
    const failure = new UpstreamError(
      'actors_ended',
      `the process of actors ended before its script (${signal ?? `exit code ${code}`}): ${stderr.lines(5).join('; ') || 'it printed nothing'}`,
      { service: 'livekit', retryable: false },
    )
    ready.reject(failure)
    started.reject(failure)
    if (health && code === 0) ended.resolve(health)
    else ended.reject(failure)
    gone.resolve()
  })
  child.stdin.write(`${JSON.stringify(options.order)}\n`)

  const stop = async () => {
    child.stdin.end()
    child.kill('SIGTERM')
    const cancel = options.clock.after(STOP_MS, () => child.kill('SIGKILL'))
    await gone.promise
    cancel()
  }
  return {
    pid: child.pid,
    ready: ready.promise,
    started: started.promise,
    ended: ended.promise,
    go: (t0Ms) => void child.stdin.write(t0Ms === undefined ? 'go\n' : `go ${t0Ms}\n`),
    stop,
    kill: (signal) => void child.kill(signal),
    [Symbol.asyncDispose]: stop,
  }
}

function readEvent(line: string): PlayEvent | undefined {
  try {
    return playEventSchema.safeParse(JSON.parse(line)).data
  } catch {
    // not ours: a native library that prints
    return undefined
  }
}
