import type { SpoolDisk } from '../../../src/live/stt/spool/disk.js'
import type { MemoryDisk } from '../memory-disk.js'
import type { SimProcess, SimTime } from './clock.js'

/** what a call takes, and what it takes of a slow disk */
const CALL_MS = 1
const SLOW_MS = 700

/** How the disk under the audio is, for every process that uses it. */
export class SpoolFaults {
  /** writes fail until then */
  fullUntilMs = 0
  /** calls take long until then */
  slowUntilMs = 0
}

/** The disk under the audio as one process reaches it. Of a process that is dead nothing happens, of one that is stopped nothing until it runs again. */
export class ProcessDisk implements SpoolDisk {
  readonly #process: SimProcess
  readonly #disk: MemoryDisk
  readonly #faults: SpoolFaults
  readonly #time: SimTime

  constructor(process: SimProcess, disk: MemoryDisk, faults: SpoolFaults, time: SimTime) {
    this.#process = process
    this.#disk = disk
    this.#faults = faults
    this.#time = time
  }

  list(folder: string): Promise<readonly string[]> {
    return this.#call(() => this.#disk.list(folder))
  }
  makeFolder(): Promise<void> {
    return this.#call(() => this.#disk.makeFolder())
  }
  append(path: string, bytes: Uint8Array): Promise<void> {
    return this.#write(() => this.#disk.append(path, bytes))
  }
  truncate(path: string, bytes: number): Promise<void> {
    return this.#call(() => this.#disk.truncate(path, bytes))
  }
  replace(path: string, bytes: Uint8Array): Promise<void> {
    return this.#write(() => this.#disk.replace(path, bytes))
  }
  read(path: string, offset: number, length: number): Promise<Buffer> {
    return this.#call(() => this.#disk.read(path, offset, length))
  }
  size(path: string): Promise<number> {
    return this.#call(() => this.#disk.size(path))
  }
  changedMs(path: string): Promise<number> {
    return this.#call(() => this.#disk.changedMs(path))
  }
  rename(from: string, to: string): Promise<void> {
    return this.#call(() => this.#disk.rename(from, to))
  }
  remove(path: string): Promise<void> {
    return this.#call(() => this.#disk.remove(path))
  }
  removeEmpty(): Promise<void> {
    return this.#call(() => this.#disk.removeEmpty())
  }

  #write(run: () => Promise<void>): Promise<void> {
    return this.#call(() => {
      if (this.#time.nowMs < this.#faults.fullUntilMs) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' })
      return run()
    })
  }

  #call<T>(run: () => Promise<T>): Promise<T> {
    const waitMs = this.#time.nowMs < this.#faults.slowUntilMs ? SLOW_MS : CALL_MS
    const made = new Promise<T>((resolve, reject) => {
      this.#time.after(waitMs, () =>
        this.#process.receive(() => {
          this.#disk.nowMs = this.#time.nowMs
          Promise.resolve().then(run).then(resolve, reject)
        }),
      )
    })
    return this.#process.answer(made)
  }
}
