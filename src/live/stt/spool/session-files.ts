import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { z } from 'zod'
import { decodeRecords, encodeRecord } from '../../../core/checked-records.js'
import { toError } from '../../../core/errors.js'
import { asSessionId, type SessionId } from '../../../core/ids.js'
import type { Logger } from '../../../observe/logger.js'
import type { DiskBudget } from './budget.js'
import { isOfMoment, type SpoolDisk } from './disk.js'
import type { FrameRun } from './held-runs.js'
import { claimedName, ownerSchema, type Owner } from './owner.js'
import { decodeAudio, decodeMarks, encodeAudio, encodeMark, samplesOf } from './record.js'

const LABEL = 'label'
const MARKS = 'marks'
const AUDIO = /^\d{15}-(\d{9})\.audio$/

const labelSchema = z.object({
  version: z.literal(1),
  sessionId: z.string().transform(asSessionId),
  baseFrame: z.int().nonnegative(),
  channels: z.int().min(1).max(8),
  vendorId: z.string().nullable(),
  owner: ownerSchema.nullable(),
})

/** What a folder says of itself: whose audio it holds. */
export interface Label {
  readonly sessionId: SessionId
  /** the number that the session's first frame has in the files */
  readonly baseFrame: number
  readonly channels: number
  readonly vendorId: string | null
  /** the process that writes it, or null when it was left for whoever takes the meeting over */
  readonly owner: Owner | null
}

interface Entry extends FrameRun {
  readonly offset: number
  readonly bytes: number
}

interface AudioFile {
  readonly path: string
  /** its age among all files of the process */
  readonly number: number
  readonly entries: Entry[]
  bytes: number
  isSealed: boolean
  isGone: boolean
}

/** What a read brought. */
export interface Loaded {
  readonly blocks: readonly { readonly fromFrame: number; readonly samples: Int16Array }[]
  /** frames that the disk gave back changed */
  readonly lost: readonly FrameRun[]
}

/** Where the files of a session are, and what they share with others. */
export interface FolderParts {
  readonly folder: string
  /** the folder of the meeting, removed when it is empty */
  readonly parent: string
  readonly disk: SpoolDisk
  readonly budget: DiskBudget
  readonly logger: Logger
  /** a file is begun after so many */
  readonly fileBytes: number
}

/**
 * One session's audio on disk: a folder of append-only files of checked records. F1 Writes, marks and removals run one after the other.
 * F2 A write that fails is cut off again and ends its file: records that follow are in the next one. F3 A file goes as a whole, when the
 * last frame in it is released or shed. Frames have the numbers of the files, which a session may count from elsewhere (`Label.baseFrame`).
 */
export class SessionFiles {
  readonly #parts: FolderParts
  #label: Label
  #isLabelled = false
  #isMade = false
  #files: AudioFile[] = []
  #endFrame = 0
  #isRemoved = false
  #last: Promise<unknown> = Promise.resolve()

  constructor(parts: FolderParts, label: Label) {
    this.#parts = parts
    this.#label = label
  }

  get label(): Label {
    return this.#label
  }
  /** every frame below has been written, as far as it was to be */
  get endFrame(): number {
    return this.#endFrame
  }
  get isEmpty(): boolean {
    return this.#files.length === 0
  }
  /** the number of the oldest file */
  get oldest(): number | null {
    return this.#files[0]?.number ?? null
  }

  /** Changes what the folder says of itself, on disk with the next write. */
  relabel(change: Partial<Label>): void {
    this.#label = { ...this.#label, ...change }
    this.#isLabelled = false
  }

  /**
   * Appends frames after all others.
   * @param samples not changed before it resolves
   * @returns false when its file went meanwhile: to be written again
   * @throws Error what the file system says; `ENOSPC` also when the budget has no room
   */
  write(fromFrame: number, samples: Int16Array): Promise<boolean> {
    return this.#run(async () => {
      if (this.#isRemoved) return true
      const { budget } = this.#parts
      const record = encodeAudio(fromFrame, this.#label.channels, samples)
      if (!budget.reserve(record.length)) throw Object.assign(new Error('no room for audio on disk'), { code: 'ENOSPC' })
      const file = this.#fileFor(fromFrame, record.length)
      try {
        await this.#writeLabel()
        await this.#parts.disk.append(file.path, record)
      } catch (thrown) {
        budget.release(record.length)
        await this.#abandon(file)
        throw thrown
      }
      if (file.isGone || this.#isRemoved) {
        budget.release(record.length)
        await this.#parts.disk.remove(file.path)
        return false
      }
      if (file.entries.length === 0) this.#files.push(file)
      const toFrame = fromFrame + samples.length / this.#label.channels
      file.entries.push({ fromFrame, toFrame, offset: file.bytes, bytes: record.length })
      file.bytes += record.length
      this.#endFrame = toFrame
      return true
    })
  }

  /** Writes down that every frame below is acknowledged: what of a file is not to be sent again after a crash. */
  mark(frame: number): Promise<void> {
    return this.#run(async () => {
      if (!this.#isRemoved && !this.isEmpty) await this.#parts.disk.append(join(this.#parts.folder, MARKS), encodeMark(frame))
    })
  }

  /** Writes the label if it has changed. @throws Error what the file system says */
  flush(): Promise<void> {
    return this.#run(async () => {
      if (!this.#isRemoved) await this.#writeLabel()
    })
  }

  /**
   * Reads from the record that holds `fromFrame`, or the next one, on.
   * @throws Error what the file system says; then `recordAt` tells what is at stake
   */
  async load(fromFrame: number, maxBytes: number): Promise<Loaded> {
    const [file, wanted] = this.#find(fromFrame, maxBytes)
    const [first, last] = [wanted[0], wanted.at(-1)]
    if (!file || !first || !last) return { blocks: [], lost: [] }
    const bytes = await this.#parts.disk.read(file.path, first.offset, last.offset + last.bytes - first.offset)
    const blocks: { fromFrame: number; samples: Int16Array }[] = []
    const lost: FrameRun[] = []
    for (const entry of wanted) {
      const from = entry.offset - first.offset
      const [record] = decodeAudio(bytes.subarray(from, from + entry.bytes)).records
      if (record && record.fromFrame <= entry.fromFrame && record.toFrame === entry.toFrame) {
        const before = (entry.fromFrame - record.fromFrame) * record.channels * 2
        blocks.push({ fromFrame: entry.fromFrame, samples: samplesOf(record.pcm.subarray(before)) })
      } else lost.push({ fromFrame: entry.fromFrame, toFrame: entry.toFrame })
    }
    return { blocks, lost }
  }

  /** The frames of the record that `load` would begin with. */
  recordAt(fromFrame: number): FrameRun | null {
    return this.#find(fromFrame, 1)[1][0] ?? null
  }

  /** Forgets whole files of frames below. */
  release(frame: number): void {
    for (let first = this.#files[0]; first && (first.entries.at(-1)?.toFrame ?? 0) <= frame; first = this.#files[0]) this.#drop(first)
  }

  /** Forgets the oldest file. @returns the frame after its last, or null when there is none */
  dropOldest(): number | null {
    const first = this.#files[0]
    if (!first) return null
    this.#drop(first)
    return first.entries.at(-1)?.toFrame ?? null
  }

  /** Removes everything; what is still to be written is not. @throws Error what the file system says */
  remove(): Promise<void> {
    if (this.#isRemoved) return Promise.resolve()
    this.letGo()
    const { disk, folder, parent } = this.#parts
    return this.#run(async () => {
      await disk.remove(folder)
      await disk.removeEmpty(parent)
    })
  }

  /** Says in the name of the folder that it is nobody's: a label may find no room. @throws Error what the file system says */
  giveAway(): Promise<void> {
    const { disk, folder, parent } = this.#parts
    return this.#run(() => disk.rename(folder, join(parent, claimedName(randomUUID(), null))))
  }

  /** Counts the files no longer; they stay. */
  letGo(): void {
    this.#isRemoved = true
    for (const file of this.#files) this.#parts.budget.release(file.bytes)
    this.#files = []
  }

  /**
   * Opens what somebody left: every record is checked, and a file is read up to its first that is torn or changed. One that cannot be read
   * at all is left out.
   * @returns null when the folder does not say whose it is
   * @throws Error what the file system says, when that may be otherwise a moment later; nothing is counted then
   */
  static async recover(parts: FolderParts): Promise<{ files: SessionFiles; runs: readonly FrameRun[]; markFrame: number } | null> {
    const { folder, disk, budget, logger } = parts
    const label = await readLabel(disk, folder)
    if (!label) return null
    const files = new SessionFiles(parts, label)
    files.#isMade = true
    const runs: FrameRun[] = []
    const names = await disk.list(folder)
    const audio = names.filter((one) => AUDIO.test(one)).toSorted()
    // whatever this process has written is newer
    const firstNumber = budget.numbersBefore(audio.length)
    for (const [at, name] of audio.entries()) {
      // nor does it write to any of these, also to one that begins with what is torn
      budget.pass(Number(AUDIO.exec(name)?.[1] ?? 0))
      const path = join(folder, name)
      const content = await readWhole(disk, path).catch((thrown: unknown) => {
        if (isOfMoment(thrown)) throw thrown
        logger.error({ err: toError(thrown), path }, 'speech spool file cannot be read, its audio is lost')
        return Buffer.alloc(0)
      })
      const size = content.length
      const { records, goodBytes } = decodeAudio(content)
      if (goodBytes < size) logger.warn({ path, tornBytes: size - goodBytes }, 'speech spool file was cut at its last good record')
      const entries: Entry[] = []
      for (const { fromFrame, toFrame, offset, bytes, channels } of records) {
        // a write that could not be undone stands again in the next file, and may go on there
        if (channels !== label.channels || toFrame <= files.#endFrame) continue
        const run = { fromFrame: Math.max(fromFrame, files.#endFrame), toFrame }
        entries.push({ ...run, offset, bytes })
        runs.push(run)
        files.#endFrame = toFrame
      }
      if (entries.length === 0) continue
      files.#files.push({ path, number: firstNumber + at, entries, bytes: goodBytes, isSealed: true, isGone: false })
    }
    const markFrame = names.includes(MARKS) ? decodeMarks(await readWhole(disk, join(folder, MARKS))) : 0
    // once nothing can fail any more
    for (const { bytes } of files.#files) budget.adopt(bytes)
    return { files, runs, markFrame }
  }

  #fileFor(fromFrame: number, bytes: number): AudioFile {
    const last = this.#files.at(-1)
    if (last && !last.isSealed && last.bytes + bytes <= this.#parts.fileBytes) return last
    const number = this.#parts.budget.number()
    const name = `${String(fromFrame).padStart(15, '0')}-${String(number).padStart(9, '0')}.audio`
    return { path: join(this.#parts.folder, name), number, entries: [], bytes: 0, isSealed: false, isGone: false }
  }

  async #writeLabel(): Promise<void> {
    if (this.#isLabelled) return
    const { disk, folder } = this.#parts
    const label = this.#label
    // not again without cause: of one that another process has taken the files are not here any more
    if (!this.#isMade) await disk.makeFolder(folder)
    this.#isMade = true
    await disk.replace(join(folder, LABEL), encodeRecord(Buffer.from(JSON.stringify({ version: 1, ...label }))))
    this.#isLabelled = label === this.#label
  }

  /** F2. A folder that has gone is made again with the next write. */
  async #abandon(file: AudioFile): Promise<void> {
    file.isSealed = true
    this.#isLabelled = false
    this.#isMade = false
    const { disk, logger } = this.#parts
    const undo = file.bytes > 0 ? disk.truncate(file.path, file.bytes) : disk.remove(file.path)
    await undo.catch((thrown: unknown) => logger.debug({ err: toError(thrown), path: file.path }, 'torn write stays'))
  }

  #drop(file: AudioFile): void {
    file.isGone = true
    this.#files = this.#files.filter((one) => one !== file)
    this.#parts.budget.release(file.bytes)
    const { disk, logger } = this.#parts
    this.#run(() => disk.remove(file.path)).catch((thrown: unknown) => {
      logger.warn({ err: toError(thrown), path: file.path }, 'speech spool file cannot be removed')
    })
  }

  #find(fromFrame: number, maxBytes: number): [AudioFile | undefined, readonly Entry[]] {
    const file = this.#files.find(({ entries }) => (entries.at(-1)?.toFrame ?? 0) > fromFrame)
    if (!file) return [undefined, []]
    const at = file.entries.findIndex(({ toFrame }) => toFrame > fromFrame)
    let bytes = 0
    let end = at
    while (end < file.entries.length && (end === at || bytes + file.entries[end]!.bytes <= maxBytes)) bytes += file.entries[end++]!.bytes
    return [file, file.entries.slice(at, end)]
  }

  #run<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work)
    this.#last = done.catch(() => undefined)
    return done
  }
}

/** What a folder says of itself, or null when it says nothing. @throws too many open files, or too little memory: it may say it later */
export async function readLabel(disk: SpoolDisk, folder: string): Promise<Label | null> {
  const bytes = await readWhole(disk, join(folder, LABEL)).catch((thrown: unknown) => {
    if (isOfMoment(thrown)) throw thrown
    return Buffer.alloc(0)
  })
  const [payload] = decodeRecords(bytes).payloads
  if (!payload) return null
  try {
    const { version: _, ...label } = labelSchema.parse(JSON.parse(payload.toString('utf8')))
    return label
  } catch {
    return null
  }
}

async function readWhole(disk: SpoolDisk, path: string): Promise<Buffer> {
  return disk.read(path, 0, await disk.size(path))
}
