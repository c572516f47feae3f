import { appendFile, mkdir, open, readdir, rename, rm, rmdir, stat, truncate, writeFile } from 'node:fs/promises'
import { codeOf } from '../../../core/errors.js'

/** What a spool needs of a file system. Every call may fail with whatever the system says. */
export interface SpoolDisk {
  /** names in a folder; none when it is not there */
  list(folder: string): Promise<readonly string[]>
  /** with its parents; may be there */
  makeFolder(folder: string): Promise<void>
  /** Adds bytes at the end of a file, made when absent; a failure may leave a part of them. */
  append(path: string, bytes: Uint8Array): Promise<void>
  truncate(path: string, bytes: number): Promise<void>
  /** Replaces a file as a whole. */
  replace(path: string, bytes: Uint8Array): Promise<void>
  /** @returns up to `length` bytes, fewer at the end of the file */
  read(path: string, offset: number, length: number): Promise<Buffer>
  size(path: string): Promise<number>
  /** when a file or folder was changed, ms since 1970 */
  changedMs(path: string): Promise<number>
  rename(from: string, to: string): Promise<void>
  /** a file, or a folder with everything in it; may be gone */
  remove(path: string): Promise<void>
  /** a folder with nothing in it; anything else is left as it is */
  removeEmpty(folder: string): Promise<void>
}

const OF_MOMENT = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN'])

/** Whether a call failed for want of file handles or memory: that says nothing about the file, and may be otherwise a moment later. */
export const isOfMoment = (thrown: unknown): boolean => OF_MOMENT.has(codeOf(thrown) ?? '')

/** The real one. Nothing is synced: the page cache outlives the process, and a disk under load takes too long. */
export const systemDisk: SpoolDisk = {
  list: async (folder) => {
    try {
      return await readdir(folder)
    } catch (thrown) {
      if (codeOf(thrown) === 'ENOENT') return []
      throw thrown
    }
  },
  makeFolder: async (folder) => {
    await mkdir(folder, { recursive: true, mode: 0o700 })
  },
  append: (path, bytes) => appendFile(path, bytes, { mode: 0o600 }),
  truncate: (path, bytes) => truncate(path, bytes),
  replace: async (path, bytes) => {
    await writeFile(`${path}.new`, bytes, { mode: 0o600 })
    await rename(`${path}.new`, path)
  },
  read: async (path, offset, length) => {
    const file = await open(path, 'r')
    try {
      const bytes = Buffer.allocUnsafeSlow(length)
      let got = 0
      for (;;) {
        const { bytesRead } = await file.read(bytes, got, length - got, offset + got)
        got += bytesRead
        if (bytesRead === 0 || got === length) return bytes.subarray(0, got)
      }
    } finally {
      await file.close()
    }
  },
  size: async (path) => (await stat(path)).size,
  changedMs: async (path) => (await stat(path)).mtimeMs,
  rename: (from, to) => rename(from, to),
  remove: (path) => rm(path, { recursive: true, force: true }),
  removeEmpty: (folder) => rmdir(folder).catch(() => undefined),
}
