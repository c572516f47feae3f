import { decodeAudio } from '../../../src/live/stt/spool/record.js'
import type { SpoolDisk } from '../../../src/live/stt/spool/disk.js'
import type { Actor, Steps } from './steps.js'

const failure = (code: string) => Object.assign(new Error(`${code}: injected`), { code })

/** What the disk says for a while. */
export interface Weather {
  readonly code: 'ENOSPC' | 'EROFS' | 'EMFILE'
  /** of the calls that it concerns */
  readonly share: number
  /** whom it concerns; null: all */
  readonly actor: Actor | null
}

interface Stored {
  bytes: Buffer
  changedMs: number
}

/** Told of what is done. */
export interface DiskEvents {
  /** whole, and the call has not failed */
  appended(actor: Actor, path: string, bytes: Uint8Array): void
  removing(actor: Actor, path: string): void
  renaming(actor: Actor, from: string): void
}

export const isUnder = (path: string, folder: string) => path === folder || path.startsWith(`${folder}/`)

/** One disk of several processes, in memory: each call is one step, or several, as the system would do it. Folders are there by themselves. */
export class SharedDisk {
  readonly files = new Map<string, Stored>()
  readonly folders = new Set<string>()
  weather: Weather | null = null
  readonly #steps: Steps
  readonly #random: () => number
  readonly #nowMs: () => number
  readonly #events: DiskEvents

  constructor(steps: Steps, random: () => number, nowMs: () => number, events: DiskEvents) {
    this.#steps = steps
    this.#random = random
    this.#nowMs = nowMs
    this.#events = events
  }

  under(folder: string): string[] {
    return [...this.files.keys()].filter((path) => isUnder(path, folder))
  }
  /** folders of sessions, which hold anything */
  get sessions(): string[] {
    return [...this.folders].filter((path) => path.split('/').length === 3)
  }
  get bytes(): number {
    return [...this.files.values()].reduce((sum, { bytes }) => sum + bytes.length, 0)
  }
  /** what counts of a folder in a budget: whole records */
  audioBytes(folder: string): number {
    const audio = this.under(folder).filter((path) => path.endsWith('.audio'))
    return audio.reduce((sum, path) => {
      const { records, goodBytes } = decodeAudio(this.files.get(path)!.bytes)
      return sum + (records.length > 0 ? goodBytes : 0)
    }, 0)
  }
  newestMs(folder: string): number {
    return this.under(folder).reduce((newest, path) => Math.max(newest, this.files.get(path)!.changedMs), 0)
  }

  /** The disk as one process sees it. */
  view(actor: Actor): SpoolDisk {
    const step = <T>(kind: 'opens' | 'writes' | 'changes' | 'looks', act: () => T, tear?: (code?: string) => void): Promise<T> =>
      this.#steps.wait(
        actor,
        () => {
          const code = this.#fails(actor, kind)
          if (code === null) return act()
          tear?.(code)
          throw failure(code)
        },
        tear,
      )
    return {
      list: (folder) => step('opens', () => this.#list(folder)),
      makeFolder: async (folder) => {
        const parts = folder.split('/')
        for (let depth = 1; depth <= parts.length; depth++) {
          const path = parts.slice(0, depth).join('/')
          if (depth < parts.length && this.folders.has(path)) continue
          await step('changes', () => this.#makeFolder(path))
        }
      },
      append: (path, bytes) =>
        step(
          'writes',
          () => {
            this.#append(path, bytes)
            this.#events.appended(actor, path, bytes)
          },
          (code) => {
            // a process dies after all of it too; a disk does not fail then
            const torn = Math.floor(this.#random() * (bytes.length + (code === undefined ? 1 : 0)))
            const isOpen = code === undefined || code === 'ENOSPC'
            if (isOpen && this.folders.has(parentOf(path))) this.#append(path, this.#torn(bytes, torn))
          },
        ),
      truncate: (path, bytes) =>
        step('changes', () => {
          const file = this.#file(path)
          file.bytes = file.bytes.subarray(0, bytes)
        }),
      replace: async (path, bytes) => {
        const torn = () => {
          if (this.folders.has(parentOf(path))) this.#put(`${path}.new`, bytes.subarray(0, Math.floor(this.#random() * bytes.length)))
        }
        await step('writes', () => this.#put(`${path}.new`, bytes), torn)
        await step('changes', () => {
          const file = this.#file(`${path}.new`)
          this.files.delete(`${path}.new`)
          this.files.set(path, file)
        })
      },
      read: (path, offset, length) => step('opens', () => Buffer.from(this.#file(path).bytes.subarray(offset, offset + length))),
      size: (path) => step('looks', () => this.#file(path).bytes.length),
      changedMs: (path) =>
        step('looks', () => {
          if (!this.folders.has(path)) return this.#file(path).changedMs
          return this.newestMs(path) || this.#nowMs()
        }),
      rename: (from, to) =>
        step('changes', () => {
          this.#events.renaming(actor, from)
          this.#rename(from, to)
        }),
      remove: async (path) => {
        this.#events.removing(actor, path)
        // one after the other, as the system does it
        for (let next = this.under(path)[0]; next !== undefined; next = this.under(path)[0]) {
          const one = next
          await step('changes', () => this.files.delete(one))
        }
        await step('changes', () => this.#removeFolder(path))
      },
      removeEmpty: (folder) => step('changes', () => this.#removeFolder(folder)).catch(() => undefined),
    }
  }

  #fails(actor: Actor, kind: 'opens' | 'writes' | 'changes' | 'looks'): string | null {
    const { weather } = this
    if (!weather || (weather.actor !== null && weather.actor !== actor) || this.#random() >= weather.share) return null
    const { code } = weather
    const concerned = { ENOSPC: ['writes'], EROFS: ['writes', 'changes'], EMFILE: ['writes', 'opens'] }[code]
    return concerned.includes(kind) ? code : null
  }

  /** A host that dies leaves zeros, now and then, where something was to be. */
  #torn(bytes: Uint8Array, length: number): Uint8Array {
    return this.#random() < 0.3
      ? Buffer.concat([bytes.subarray(0, length), Buffer.alloc(bytes.length - length)])
      : bytes.subarray(0, length)
  }

  #list(folder: string): string[] {
    const inside = [...this.files.keys(), ...this.folders].filter((path) => path.startsWith(`${folder}/`))
    return [...new Set(inside.map((path) => path.slice(folder.length + 1).split('/')[0]!))]
  }

  #makeFolder(path: string): void {
    const parent = parentOf(path)
    if (parent !== '' && !this.folders.has(parent)) throw failure('ENOENT')
    this.folders.add(path)
  }

  #removeFolder(path: string): void {
    if (this.#list(path).length === 0) this.folders.delete(path)
  }

  #append(path: string, bytes: Uint8Array): void {
    this.#put(path, Buffer.concat([this.files.get(path)?.bytes ?? Buffer.alloc(0), bytes]))
  }

  #put(path: string, bytes: Uint8Array): void {
    if (!this.folders.has(parentOf(path))) throw failure('ENOENT')
    this.files.set(path, { bytes: Buffer.from(bytes), changedMs: this.#nowMs() })
  }

  #rename(from: string, to: string): void {
    if (!this.folders.has(from)) throw failure('ENOENT')
    if (this.folders.has(to)) throw failure('ENOTEMPTY')
    this.folders.delete(from)
    this.folders.add(to)
    for (const path of this.under(from)) {
      this.files.set(to + path.slice(from.length), this.files.get(path)!)
      this.files.delete(path)
    }
  }

  #file(path: string): Stored {
    const file = this.files.get(path)
    if (!file) throw failure('ENOENT')
    return file
  }
}

const parentOf = (path: string) => path.split('/').slice(0, -1).join('/')
