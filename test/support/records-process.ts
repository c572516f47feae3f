import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A line of the writer process. */
export interface WriterLine {
  readonly meeting?: string
  readonly seq?: number
  readonly closed?: boolean
  readonly error?: string
  readonly message?: string
}

/** Another process on the same store: `records-writer.mjs`. */
export class RecordsProcess {
  readonly lines: WriterLine[] = []
  readonly #child: ChildProcess
  readonly #exited: Promise<unknown>
  readonly #waiting: { until: (line: WriterLine) => boolean; resolve: (line: WriterLine) => void }[] = []

  constructor(dataDir: string, url: string | null, room: string, mode: 'append' | 'open') {
    const script = fileURLToPath(new URL('./records-writer.mjs', import.meta.url))
    this.#child = spawn(process.execPath, [script, dataDir, url ?? '-', room, mode], { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#exited = once(this.#child, 'exit')
    if (!this.#child.stdout) throw new Error('no output')
    createInterface({ input: this.#child.stdout }).on('line', (text) => {
      const line = JSON.parse(text) as WriterLine
      this.lines.push(line)
      for (const waiter of this.#waiting) if (waiter.until(line)) waiter.resolve(line)
    })
  }

  get pid(): number {
    return this.#child.pid ?? -1
  }

  /** Resolves with the first line, past or to come, of which `until` is true. */
  line(until: (line: WriterLine) => boolean): Promise<WriterLine> {
    const past = this.lines.find(until)
    if (past) return Promise.resolve(past)
    return new Promise((resolve) => this.#waiting.push({ until, resolve }))
  }

  /** Resolves when it has ended. */
  async exited(): Promise<void> {
    await this.#exited
  }

  /** kill -9, awaited. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#exited
  }
}
