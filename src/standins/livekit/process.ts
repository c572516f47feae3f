import { spawn } from 'node:child_process'
import { deferred } from '../../core/deferred.js'
import type { Clock } from '../../core/time.js'
import { OutputTail } from './tail.js'

/** How a process ended: exactly one of the two is set, or neither when it could not be started. */
export interface ProcessExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A running child process whose output is kept, bounded. */
export interface RunningProcess {
  readonly pid: number | undefined
  readonly output: OutputTail
  /** resolves when it has ended, also when it never started; never rejects */
  readonly exited: Promise<ProcessExit>
  readonly hasExited: () => boolean
  kill(signal: NodeJS.Signals): void
}

const OUTPUT_CHARS = 64 * 1024

/**
 * Starts a server process with an empty environment, so that no variable of the user changes its configuration.
 * It is killed when this process exits in any way that runs exit handlers.
 */
export function runProcess(binary: string, args: readonly string[]): RunningProcess {
  const child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'], env: {} })
  const output = new OutputTail(OUTPUT_CHARS)
  const ended = deferred<ProcessExit>()
  let exited = false
  const killAtExit = () => child.kill('SIGKILL')
  process.once('exit', killAtExit)
  const end = (exit: ProcessExit) => {
    exited = true
    process.off('exit', killAtExit)
    ended.resolve(exit)
  }
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk: string) => output.push(chunk))
  child.once('error', (error) => {
    output.push(`${error.message}\n`)
    if (child.pid === undefined) end({ code: null, signal: null })
  })
  child.once('close', (code, signal) => end({ code, signal }))
  return { pid: child.pid, output, exited: ended.promise, hasExited: () => exited, kill: (signal) => void child.kill(signal) }
}

/**
 * Ends a server: SIGTERM (begin to drain), SIGTERM again (a LiveKit server with participants ends only now), SIGKILL.
 * Resolves when it is gone; a stopped (SIGSTOP) process is continued first.
 */
export async function endProcess(running: RunningProcess, clock: Clock, graceMs: number): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGTERM', 'SIGKILL'] as const) {
    if (running.hasExited()) return
    running.kill('SIGCONT')
    running.kill(signal)
    if (signal === 'SIGKILL') break
    await exitedWithin(running, clock, graceMs)
  }
  await running.exited
}

/** Whether the process ended within `ms`. */
export async function exitedWithin(running: RunningProcess, clock: Clock, ms: number): Promise<boolean> {
  const waiting = new AbortController()
  const slept = clock.sleep(ms, waiting.signal).catch(() => undefined)
  await Promise.race([running.exited, slept])
  waiting.abort()
  return running.hasExited()
}
