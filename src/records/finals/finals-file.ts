import { open, rm, stat, type FileHandle } from 'node:fs/promises'
import { StateError, toError } from '../../core/errors.js'
import type { Logger } from '../../observe/logger.js'
import type { FinalsBatch, FinalsLog, FinalsReplay } from '../port.js'
import { decodeLog, decodeSome, encodeBatch } from './batch.js'

/** What of an open file the log uses. */
type LogFile = Pick<FileHandle, 'appendFile' | 'truncate' | 'close' | 'read' | 'stat'>

/** A log whose finals are all stored is emptied beyond this size: what a restart reads again for nothing stays small. */
const TRIM_BYTES = 64 * 1024
/** What waits on the disk is read back so much at a time, or a record that is longer. */
const READ_BYTES = 1024 * 1024

/**
 * The log of one claim: records at the end of one file, in the page cache when `append` resolves, which outlives the process. It is not
 * synced: a disk under load takes longer for that (p99 14 to 32 ms measured) than the store, which follows within 50 ms.
 * F1 One operation at a time; a cut never takes what was appended after it was asked for. F2 A write that fails is cut off again, so that
 * what follows can be read; where even that fails nothing more is appended until it works: each append tries it first. F3 Whoever takes
 * the meeting over takes the file out of its place first: what is appended to it afterwards is not kept, and that is said. F4 A file of
 * which something was not read back is not emptied any more, and left when it is closed: until the next start there is something to look at.
 */
export class FinalsFile implements FinalsLog {
  readonly left: readonly FinalsBatch[]
  readonly replay: FinalsReplay
  readonly #path: string
  readonly #leftPaths: readonly string[]
  readonly #file: LogFile
  readonly #logger: Logger
  #goodBytes: number
  /** bytes of a write that failed stand after the good ones */
  #isTorn = false
  #isToBeEmptied = false
  /** something of it was appended and cannot be read back */
  #isDamaged = false
  #closing: Promise<void> | undefined
  #last: Promise<void> = Promise.resolve()

  /** @param parts `file` ends after `goodBytes`, and is the log's own */
  constructor(parts: {
    path: string
    file: LogFile
    goodBytes: number
    left: readonly FinalsBatch[]
    leftPaths: readonly string[]
    logger: Logger
  }) {
    this.#path = parts.path
    this.#file = parts.file
    this.#goodBytes = parts.goodBytes
    this.left = parts.left
    this.#leftPaths = parts.leftPaths
    this.#logger = parts.logger
    const endOf = () => (this.#isToBeEmptied ? 0 : this.#goodBytes)
    this.replay = {
      get end() {
        return endOf()
      },
      read: (from, segments) => this.#read(from, segments),
    }
  }

  /**
   * Opens a file for appending, after whatever it holds.
   * @param earlier logs of the meeting's earlier claims
   * @throws Error the disk refused
   */
  static async open(path: string, earlier: readonly string[], joinSegments: number, logger: Logger): Promise<FinalsFile> {
    const file = await open(path, 'a+', 0o600)
    try {
      const left: FinalsBatch[] = []
      const leftPaths: string[] = []
      for (const one of earlier) {
        left.push(...(await readLog(one, joinSegments, logger)).batches)
        leftPaths.push(one)
      }
      const own = decodeLog(await file.readFile(), joinSegments)
      left.push(...own.batches)
      await file.truncate(own.goodBytes)
      return new FinalsFile({ path, file, goodBytes: own.goodBytes, left, leftPaths, logger })
    } catch (thrown) {
      await file.close()
      throw thrown
    }
  }

  async forgetLeft(): Promise<void> {
    for (const path of this.#leftPaths) await rm(path, { force: true })
  }

  append(batch: FinalsBatch): Promise<void> {
    const record = encodeBatch(batch)
    return this.#run(async () => {
      if (this.#closing) throw new StateError('the log of finals takes nothing more')
      if (this.#isTorn) await this.#cutTo(this.#goodBytes)
      try {
        await this.#file.appendFile(record)
      } catch (thrown) {
        this.#isTorn = true
        await this.#cutTo(this.#goodBytes).catch((error: unknown) =>
          this.#logger.warn({ err: toError(error), path: this.#path }, 'log of finals cannot be cut'),
        )
        throw thrown
      }
      this.#goodBytes += record.length
      if (!(await this.#isInPlace())) throw new StateError('the log of finals was taken by another bot')
    })
  }

  stored(): void {
    if (this.#goodBytes < TRIM_BYTES || this.#isDamaged || this.#closing) return
    this.#isToBeEmptied = true
    this.#run(async () => {
      this.#isToBeEmptied = false
      await this.#cutTo(0)
    }).catch((thrown: unknown) => {
      // costs a few records that are read again
      this.#logger.warn({ err: toError(thrown), path: this.#path }, 'log of finals cannot be cut')
    })
  }

  close(keep: boolean): Promise<void> {
    this.#closing ??= this.#run(async () => {
      await this.#file.close()
      if (!keep && !this.#isDamaged) await rm(this.#path, { force: true })
    })
    return this.#closing
  }

  async #isInPlace(): Promise<boolean> {
    const [own, there] = await Promise.all([this.#file.stat(), stat(this.#path).catch(() => null)])
    return there !== null && own.ino === there.ino && own.dev === there.dev
  }

  async #cutTo(bytes: number): Promise<void> {
    await this.#file.truncate(bytes)
    this.#goodBytes = bytes
    this.#isTorn = false
  }

  #read(from: number, segments: number): ReturnType<FinalsReplay['read']> {
    return this.#run(async () => {
      for (let window = READ_BYTES; ; window *= 2) {
        const bytes = Buffer.alloc(Math.min(window, Math.max(0, this.#goodBytes - from)))
        const { bytesRead } = await this.#file.read(bytes, 0, bytes.length, from)
        const { batches, bytes: used, foreign } = decodeSome(bytes.subarray(0, bytesRead), segments)
        if (used > 0 || from + bytes.length >= this.#goodBytes) {
          // a record that cannot be read hides those behind it: nothing will ever read further
          if (foreign > 0 || (used === 0 && bytes.length > 0)) this.#damaged(from)
          return { batches, next: used > 0 ? from + used : this.#goodBytes }
        }
      }
    })
  }

  #damaged(from: number): void {
    this.#isDamaged = true
    this.#logger.error({ path: this.#path, from }, 'log of finals cannot be read back')
  }

  #run<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work)
    this.#last = done.then(
      () => undefined,
      () => undefined,
    )
    return done
  }
}

/** Reads a log that nobody writes any more, telling what of it cannot be read. @throws Error the disk refused */
export async function readLog(path: string, joinSegments: number, logger: Logger): Promise<ReturnType<typeof decodeLog>> {
  const file = await open(path, 'r')
  try {
    const bytes = await file.readFile()
    const log = decodeLog(bytes, joinSegments)
    const tornBytes = bytes.length - log.goodBytes
    if (tornBytes > 0 || log.foreign > 0) logger.warn({ path, tornBytes, foreign: log.foreign }, 'log of finals was cut')
    return log
  } finally {
    await file.close()
  }
}
