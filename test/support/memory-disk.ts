import { deferred } from '../../src/core/deferred.js'
import type { SpoolDisk } from '../../src/live/stt/spool/disk.js'

const fault = (code: string) => Object.assign(new Error(`${code}: injected`), { code })

/** What goes wrong, until it is set back. */
export interface DiskFaults {
  /** code of every write, or null */
  write: 'ENOSPC' | 'EROFS' | 'EIO' | 'EFBIG' | null
  /** bytes of a failing append that reach the file all the same */
  tornBytes: number
  read: 'EIO' | 'EMFILE' | null
  /** the file of this name, in whatever folder, cannot be read */
  unreadable: { readonly name: string; readonly code: 'EIO' | 'EMFILE' } | null
  truncate: 'EIO' | null
  remove: 'EIO' | 'EROFS' | null
  /** bytes in all files; an append beyond it writes what fits and fails with ENOSPC */
  capBytes: number
}

/** A file that grows without being copied each time. */
class GrowingFile {
  #room: Buffer
  #length: number

  constructor(bytes: Uint8Array) {
    this.#room = Buffer.from(bytes)
    this.#length = bytes.length
  }

  /** a view */
  get bytes(): Buffer {
    return this.#room.subarray(0, this.#length)
  }

  append(more: Uint8Array): void {
    if (this.#length + more.length > this.#room.length) {
      const room = Buffer.allocUnsafeSlow(2 * (this.#length + more.length))
      room.set(this.bytes)
      this.#room = room
    }
    this.#room.set(more, this.#length)
    this.#length += more.length
  }

  truncate(bytes: number): void {
    this.#length = Math.min(bytes, this.#length)
  }
}

/** A disk in memory that fails on demand. Folders exist when a file is in them. */
export class MemoryDisk implements SpoolDisk {
  readonly files = new Map<string, GrowingFile>()
  readonly faults: DiskFaults = {
    write: null,
    tornBytes: 0,
    read: null,
    unreadable: null,
    truncate: null,
    remove: null,
    capBytes: Infinity,
  }
  nowMs = 0
  readonly #changedMs = new Map<string, number>()
  appends = 0
  reads = 0
  #held: { promise: Promise<void>; resolve: () => void } | null = null

  /** Every call waits from now on, until `resume`. */
  hang(): void {
    this.#held ??= deferred()
  }
  resume(): void {
    this.#held?.resolve()
    this.#held = null
  }

  get bytes(): number {
    return [...this.files.values()].reduce((sum, { bytes }) => sum + bytes.length, 0)
  }
  /** audio files, in order */
  get audio(): string[] {
    return [...this.files.keys()].filter((path) => path.endsWith('.audio')).toSorted()
  }

  async list(folder: string): Promise<readonly string[]> {
    await this.#held?.promise
    const names = [...this.files.keys()].filter((path) => path.startsWith(`${folder}/`)).map((path) => path.slice(folder.length + 1))
    return [...new Set(names.map((name) => name.split('/')[0]!))]
  }

  async makeFolder(): Promise<void> {
    await this.#held?.promise
    if (this.faults.write) throw fault(this.faults.write)
  }

  async append(path: string, bytes: Uint8Array): Promise<void> {
    await this.#held?.promise
    this.appends++
    const room = this.faults.write ? this.faults.tornBytes : Math.max(0, this.faults.capBytes - this.bytes)
    const code = this.faults.write ?? (bytes.length > room ? 'ENOSPC' : null)
    const part = code ? bytes.subarray(0, room) : bytes
    const file = this.files.get(path)
    this.#changedMs.set(path, this.nowMs)
    if (file) file.append(part)
    else if (part.length > 0 || !code) this.files.set(path, new GrowingFile(part))
    if (code) throw fault(code)
  }

  async truncate(path: string, bytes: number): Promise<void> {
    await this.#held?.promise
    if (this.faults.truncate) throw fault(this.faults.truncate)
    this.file(path).truncate(bytes)
  }

  async replace(path: string, bytes: Uint8Array): Promise<void> {
    await this.#held?.promise
    if (this.faults.write) throw fault(this.faults.write)
    this.#changedMs.set(path, this.nowMs)
    this.files.set(path, new GrowingFile(bytes))
  }

  async read(path: string, offset: number, length: number): Promise<Buffer> {
    await this.#held?.promise
    this.reads++
    if (this.faults.read) throw fault(this.faults.read)
    const { unreadable } = this.faults
    if (unreadable && path.endsWith(`/${unreadable.name}`)) throw fault(unreadable.code)
    return Buffer.from(this.file(path).bytes.subarray(offset, offset + length))
  }

  async size(path: string): Promise<number> {
    await this.#held?.promise
    return this.file(path).bytes.length
  }

  async changedMs(path: string): Promise<number> {
    await this.#held?.promise
    const files = [...this.files.keys()].filter((file) => file === path || file.startsWith(`${path}/`))
    return files.reduce((newest, file) => Math.max(newest, this.#changedMs.get(file) ?? 0), 0)
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#held?.promise
    const moved = [...this.files].filter(([path]) => path.startsWith(`${from}/`))
    if (moved.length === 0) throw fault('ENOENT')
    for (const [path, bytes] of moved) {
      this.files.delete(path)
      this.files.set(to + path.slice(from.length), bytes)
      this.#changedMs.set(to + path.slice(from.length), this.#changedMs.get(path) ?? 0)
    }
  }

  async remove(path: string): Promise<void> {
    await this.#held?.promise
    if (this.faults.remove) throw fault(this.faults.remove)
    for (const one of this.files.keys()) if (one === path || one.startsWith(`${path}/`)) this.files.delete(one)
  }

  removeEmpty(): Promise<void> {
    return Promise.resolve()
  }

  /** Changes one bit. */
  flip(path: string, bit: number): void {
    this.file(path).bytes[bit >> 3]! ^= 1 << (bit & 7)
  }

  /** @throws ENOENT */
  file(path: string): GrowingFile {
    const file = this.files.get(path)
    if (!file) throw fault('ENOENT')
    return file
  }
}
