import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { cacheDir } from '../../src/app/config/cache-dir.js'
import { childEnvironment } from '../../src/app/config/process-env.js'
import { NODE_FLAGS } from '../../src/app/node-flags.js'
import { mainFile } from '../../src/app/speech.js'
import { systemClock } from '../../src/core/time.js'
import { LoopProbe } from './loop-probe.js'

/** The compiled command line in a process of its own. */
export class CliProcess {
  readonly stdout: string[] = []
  readonly stderr: string[] = []
  readonly exited: Promise<number>
  /** the process's event loop and CPU, when it is watched */
  readonly probe: LoopProbe | null
  readonly #child: ChildProcess
  readonly #waiting: { readonly pattern: RegExp; readonly found: (match: RegExpExecArray) => void }[] = []

  /**
   * @param env own settings; nothing of ours comes from the environment of the test but the cache folder
   * @param isProbed whether its event loop is watched
   * @param flags of Node, more than ours
   */
  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}, isProbed = false, flags: readonly string[] = []) {
    this.#child = spawn(process.execPath, [...NODE_FLAGS, ...flags, ...(isProbed ? LoopProbe.arguments(3) : []), mainFile(), ...args], {
      stdio: ['ignore', 'pipe', 'pipe', isProbed ? 'pipe' : 'ignore'],
      env: childEnvironment({ ROOMSCRIBE_CACHE_DIR: cacheDir(process.env), ...env }),
    })
    this.exited = new Promise((resolve) => this.#child.once('close', (code, signal) => resolve(code ?? (signal === null ? -1 : 128))))
    const { stdout, stderr, stdio } = this.#child
    if (!stdout || !stderr) throw new Error('no pipes')
    this.probe = isProbed ? new LoopProbe(stdio[3] as Readable) : null
    createInterface({ input: stdout }).on('line', (line) => this.stdout.push(line))
    createInterface({ input: stderr }).on('line', (line) => {
      this.stderr.push(line)
      for (const wait of this.#waiting) {
        const match = wait.pattern.exec(line)
        if (match) wait.found(match)
      }
    })
  }

  get pid(): number {
    return this.#child.pid ?? -1
  }

  /** lines for people: log lines left out */
  get messages(): readonly string[] {
    return this.stderr.filter((line) => !line.startsWith('{'))
  }

  /** Resolves with the match of a line on standard error; rejects when the process ends without one. */
  async line(pattern: RegExp): Promise<RegExpExecArray> {
    for (const line of this.stderr) {
      const match = pattern.exec(line)
      if (match) return match
    }
    return Promise.race([
      new Promise<RegExpExecArray>((found) => this.#waiting.push({ pattern, found })),
      this.exited.then((code) => {
        throw new Error(`ended with ${code} without ${pattern}: ${this.stderr.join('\n')}`)
      }),
    ])
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Ends it at once; nothing happens when it has ended. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.exited
  }

  /** Ends it, however it feels about that. */
  async stop(): Promise<number> {
    this.#child.kill('SIGTERM')
    const cancel = systemClock.after(30_000, () => this.#child.kill('SIGKILL'))
    const code = await this.exited
    cancel()
    return code
  }
}
