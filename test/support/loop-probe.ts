import type { Readable } from 'node:stream'
import { createInterface } from 'node:readline'

interface Sample {
  /** monotonic ms at the end of the sample */
  readonly atMs: number
  /** worst delay of the event loop since the last one */
  readonly delayMs: number
  /** CPU of the process so far, all threads, ms */
  readonly cpuMs: number
}

const RESOLUTION_MS = 10
const EVERY_MS = 250

/**
 * Watches the event loop of another Node process, a program that knows nothing of it, from before its first line: arguments for `node`,
 * and the pipe on which the process then tells. A data URL, since Node 20 runs no TypeScript and the benches run compiled elsewhere.
 */
export class LoopProbe {
  readonly #samples: Sample[] = []

  /** @param fd number of the pipe in the child, above 2 */
  static arguments(fd: number): string[] {
    const program = `
      import { isMainThread } from 'node:worker_threads'
      import { monitorEventLoopDelay } from 'node:perf_hooks'
      import { writeSync } from 'node:fs'
      if (isMainThread) {
        const delay = monitorEventLoopDelay({ resolution: ${RESOLUTION_MS} })
        delay.enable()
        setInterval(() => {
          const { user, system } = process.cpuUsage()
          const atMs = Number(process.hrtime.bigint()) / 1e6
          const delayMs = Math.max(0, delay.max / 1e6 - ${RESOLUTION_MS})
          delay.reset()
          // nobody reads any more: no reason to end the program
          try { writeSync(${fd}, JSON.stringify({ atMs, delayMs, cpuMs: (user + system) / 1000 }) + '\\n') } catch {}
        }, ${EVERY_MS}).unref()
      }`
    return ['--import', `data:text/javascript,${encodeURIComponent(program)}`]
  }

  /** @param pipe the parent's end; read to its end */
  constructor(pipe: Readable) {
    pipe.on('error', () => undefined)
    createInterface({ input: pipe }).on('line', (line) => this.#samples.push(JSON.parse(line) as Sample))
  }

  /** The worst delay of a stretch, ms; infinity when the process told nothing in it. */
  worstDelayMs(fromMs: number, toMs: number): number {
    const within = this.#samples.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs + EVERY_MS)
    return within.length === 0 ? Number.POSITIVE_INFINITY : Math.max(...within.map(({ delayMs }) => delayMs))
  }

  /** CPU of a stretch, % of one core, all threads. */
  cpuPercent(fromMs: number, toMs: number): number {
    const within = this.#samples.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs)
    const [first] = within
    const last = within.at(-1)
    return first && last && last.atMs > first.atMs ? (100 * (last.cpuMs - first.cpuMs)) / (last.atMs - first.atMs) : Number.NaN
  }
}
