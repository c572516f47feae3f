/** Processes that are started, watched and ended. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

const KEPT_LINES = 30

/**
 * A process in a group of its own, so that Ctrl-C in the terminal reaches whoever started it and not everybody at once.
 * @typedef {{ pid: number, exited: Promise<number>, lines: readonly string[], line: (pattern: RegExp) => Promise<RegExpExecArray>,
 *   end: (signal?: NodeJS.Signals, graceMs?: number) => Promise<void> }} Child
 */

/**
 * Starts one and keeps its last lines.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ env?: Record<string, string | undefined>, cwd?: string, say?: (line: string) => void }} options `say`: told of each line
 * @returns {Child}
 */
export function start(command, args, { env = process.env, cwd, say = () => undefined } = {}) {
  const child = spawn(command, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  const lines = []
  const waiting = new Set()
  const exited = new Promise((resolve) => {
    child.once('error', (error) => {
      lines.push(error.message)
      if (child.pid === undefined) resolve(-1)
    })
    child.once('close', (code) => resolve(code ?? 128))
  })
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line)
      if (lines.length > KEPT_LINES) lines.shift()
      say(line)
      for (const wait of waiting) {
        const match = wait.pattern.exec(line)
        if (match) wait.found(match)
      }
    })
  }
  const line = (pattern) =>
    Promise.race([
      new Promise((found) => waiting.add({ pattern, found })),
      exited.then((code) => {
        throw new Error(`${command} ${args.slice(0, 2).join(' ')} ended with ${code}:\n  ${lines.slice(-12).join('\n  ')}`)
      }),
    ])
  const end = async (signal = 'SIGTERM', graceMs = 10_000) => {
    child.kill(signal)
    const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
    await exited
    clearTimeout(timer)
  }
  return { pid: child.pid ?? 0, exited, lines, line, end }
}

/**
 * Keeps one running: it is started again when it ends, until it is stopped.
 * @param {() => Promise<Child>} begin resolves when it is ready
 * @param {(line: string) => void} say
 */
export async function keep(begin, say) {
  let child = await begin()
  let isStopping = false
  const watch = () => {
    void child.exited.then(async (code) => {
      if (isStopping) return
      say(`ended with ${code}: started again`)
      await new Promise((resolve) => setTimeout(resolve, 1_000))
      if (isStopping) return
      try {
        child = await begin()
        watch()
      } catch (error) {
        say(`did not start again: ${error.message}`)
      }
    })
  }
  watch()
  return {
    get pid() {
      return child.pid
    },
    /** @param {number} graceMs */
    stop: (graceMs) => {
      isStopping = true
      return child.end('SIGTERM', graceMs)
    },
    hurry: () => process.kill(child.pid, 'SIGTERM'),
  }
}
