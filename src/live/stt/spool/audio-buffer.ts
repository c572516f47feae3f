import { codeOf, toError } from '../../../core/errors.js'
import type { Clock } from '../../../core/time.js'
import type { Logger } from '../../../observe/logger.js'
import type { DiskBudget, DiskUser } from './budget.js'
import { isOfMoment } from './disk.js'
import { HeldRuns, type FrameRun } from './held-runs.js'
import { MemoryRing } from './memory-ring.js'
import type { Label, SessionFiles } from './session-files.js'

/** So much audio waits in memory before any goes to disk: a connection that works owes less (5 s of two channels). */
const SPOOL_AFTER_BYTES = 320 * 1024
/** Less is not written: what a crash takes (a second of two channels). */
const RECORD_BYTES = 64 * 1024
const MAX_RECORD_BYTES = 256 * 1024
/** What is on disk stays in memory too up to this: the newest, which a short outage needs first. */
const KEEP_BYTES = 512 * 1024
/** Read ahead of what is sent next. */
const AHEAD_BYTES = 512 * 1024
const READ_BYTES = 256 * 1024
const RETRY_MS = 1000
/** Reads of one record before it counts as lost, and the time between two. */
const MAX_READS = 5
const READ_RETRY_MS = 250

/** The disk under a buffer. */
export interface Backing {
  readonly files: SessionFiles
  readonly budget: DiskBudget
  readonly clock: Clock
  readonly logger: Logger
  /** Starts background work, which does not throw. @returns false when none is taken any more */
  readonly run: (work: () => Promise<void>) => boolean
  /** the folder is nobody's any more: it is gone */
  readonly forget: () => void
  /** or left on the disk */
  readonly left: () => void
}

/**
 * Interleaved audio until it is acknowledged: the newest in memory, what is older on disk once it is too much, what is sent next read
 * ahead. Nothing here waits for the disk. Frames are numbered from the session's first.
 *
 * B1 What is on disk is older than what is not, but for a copy in memory of its newest part.
 * B2 The disk takes everything from the oldest on as soon as `SPOOL_AFTER_BYTES` wait, in records of at least `RECORD_BYTES`, one at a
 *    time; a write that failed is tried again after a second, while audio comes.
 * B3 Memory is bounded: when the ring is full the oldest of it that is not on disk is lost. When the disk is full rather than broken,
 *    this session's oldest file goes first, one for each write that is tried.
 * B4 The disk is bounded for the process (`DiskBudget`): the oldest file of any session goes.
 * B5 What is lost is told once (`takeLost`), and is in no run afterwards.
 */
export class AudioBuffer implements DiskUser {
  readonly #channels: number
  readonly #frameBytes: number
  readonly #ring: MemoryRing
  readonly #backing: Backing | null
  readonly #held = new HeldRuns()
  /** the number that the session's first frame has here and on disk */
  #baseFrame: number
  #lost: FrameRun[] = []
  #ahead: { readonly fromFrame: number; readonly samples: Int16Array }[] = []
  #isWriting = false
  #isLeaving = false
  #isReading = false
  #isResting = false
  #failedReads = 0
  #readAgainMs = -Infinity
  #retryAtMs = -Infinity
  #failure: 'none' | 'full' | 'broken' = 'none'
  #markedFrame = 0
  #markedLabel: Label | null = null

  /**
   * @param ringBytes bound of what is in memory only
   * @param past what is on disk already: the runs, and what number the session's first frame has in them
   */
  constructor(
    channels: number,
    ringBytes: number,
    backing: Backing | null = null,
    past: { readonly runs: readonly FrameRun[]; readonly baseFrame: number; readonly endFrame: number } | null = null,
  ) {
    this.#channels = channels
    this.#frameBytes = channels * 2
    this.#backing = backing
    this.#baseFrame = past?.baseFrame ?? 0
    this.#ring = new MemoryRing(channels, ringBytes, past?.endFrame ?? 0)
    for (const { fromFrame, toFrame } of past?.runs ?? []) this.#held.append(fromFrame, toFrame)
    backing?.budget.join(this)
  }

  /** An empty buffer that says how far another got. */
  static spent(channels: number, endFrame: number): AudioBuffer {
    return new AudioBuffer(channels, 0, null, { runs: [], baseFrame: 0, endFrame })
  }

  get channels(): number {
    return this.#channels
  }
  /** frames ever pushed, those of a past included */
  get endFrame(): number {
    return this.#ring.endFrame - this.#baseFrame
  }
  /** bytes of audio in memory, read ahead included */
  get memoryBytes(): number {
    return this.#ring.bytes + this.#ahead.reduce((sum, { samples }) => sum + samples.byteLength, 0)
  }
  get oldest(): number | null {
    return this.#backing?.files.oldest ?? null
  }

  /** @param block a multiple of `channels` long; kept, not copied */
  push(block: Int16Array): void {
    if (block.length === 0) return
    this.#isResting = false
    const isFull = this.#ring.bytes + block.byteLength > this.#ring.capBytes
    if (isFull && this.#failure === 'full' && !this.#isWriting && this.#mayWrite()) this.shed()
    const fromFrame = this.#ring.endFrame
    const dropped = this.#ring.push(block)
    this.#held.append(fromFrame, this.#ring.endFrame)
    if (dropped) this.#lose(Math.max(dropped.fromFrame, this.#backing?.files.endFrame ?? 0), dropped.toFrame)
    this.#write()
  }

  /** The unbroken run of frames that holds `frame`, else the next one, from `frame` on; null when there is none. */
  run(frame: number): FrameRun | null {
    return this.#toSession(this.#held.from(frame + this.#baseFrame))
  }

  /** All runs from `frame` on. */
  runs(frame: number): readonly FrameRun[] {
    const runs: FrameRun[] = []
    for (let run = this.run(frame); run; run = this.run(run.toFrame)) runs.push(run)
    return runs
  }

  /**
   * Frames of one run.
   * @returns copied: yours; null while they are being read from disk
   */
  read(fromFrame: number, frames: number): Int16Array | null {
    const from = fromFrame + this.#baseFrame
    const to = from + frames
    if (from >= this.#ring.startFrame) return this.#ring.read(from, frames)
    const out = new Int16Array(frames * this.#channels)
    while (this.#ahead[0] && this.#endOf(this.#ahead[0]) <= from) this.#ahead.shift()
    // after a reconnect it goes back to what was acknowledged
    if ((this.#ahead[0]?.fromFrame ?? from) > from) this.#ahead = []
    let at = from
    for (const block of this.#ahead) {
      if (at >= to || block.fromFrame > at) break
      const part = block.samples.subarray((at - block.fromFrame) * this.#channels, (to - block.fromFrame) * this.#channels)
      out.set(part, (at - from) * this.#channels)
      at += part.length / this.#channels
    }
    if (at < to && at >= this.#ring.startFrame) {
      out.set(this.#ring.read(at, to - at), (at - from) * this.#channels)
      at = to
    }
    this.#readAhead(from)
    return at >= to ? out : null
  }

  /** Forgets every frame below `frame`. */
  release(frame: number): void {
    const below = frame + this.#baseFrame
    this.#held.cut(0, below)
    this.#ring.release(below)
    const files = this.#backing?.files
    if (!files) return
    files.release(below)
    // a session that goes on with it may be told words of the first block already
    const least = files.label === this.#markedLabel ? this.#small(RECORD_BYTES) : this.#frameBytes
    if (files.isEmpty || (below - this.#markedFrame) * this.#frameBytes < least) return
    this.#markedFrame = below
    this.#markedLabel = files.label
    // what is not written costs a little that is heard twice after a crash: how far it is, and of which session, where no audio follows
    this.#backing?.run(async () => void (await Promise.allSettled([files.flush(), files.mark(below)])))
  }

  /** B4. */
  shed(): void {
    const toFrame = this.#backing?.files.dropOldest() ?? null
    if (toFrame === null) return
    this.#lose(0, toFrame)
    this.#ring.release(toFrame)
  }

  /** What was lost since the last call. */
  takeLost(): readonly FrameRun[] {
    if (this.#lost.length === 0) return this.#lost
    const lost = this.#lost
    this.#lost = []
    return lost.flatMap((run) => this.#toSession(run) ?? [])
  }

  /** Counts what is missing between the runs as lost here: whoever had the audio before may not have told of it. */
  tellHoles(): number {
    const { runs } = this.#held
    for (const [at, { fromFrame }] of runs.entries()) {
      const before = runs[at - 1]
      if (before) this.#lost.push({ fromFrame: before.toFrame, toFrame: fromFrame })
    }
    return this.#lost.length
  }

  /** The buffer goes to another session, whose first frame is `frame` of this one's: what was lost before it is told no more. */
  rebase(frame: number): void {
    this.#baseFrame += frame
    this.#lost = this.#lost.flatMap(({ fromFrame, toFrame }) =>
      toFrame > this.#baseFrame ? [{ fromFrame: Math.max(fromFrame, this.#baseFrame), toFrame }] : [],
    )
    this.release(0)
  }

  /** Nothing comes and nothing is read for long. @param maxBytes the newest that memory keeps, to a block, of what the disk has not taken @returns bytes in memory */
  rest(maxBytes: number): number {
    this.#isResting = true
    this.#ahead = []
    const diskFrame = this.#backing?.files.endFrame ?? 0
    this.#ring.shrink(0, diskFrame)
    const tooMuch = Math.ceil((this.#ring.bytes - maxBytes) / this.#frameBytes)
    if (tooMuch > 0) {
      const { startFrame } = this.#ring
      this.#lose(Math.max(startFrame, diskFrame), startFrame + tooMuch)
      this.#ring.release(startFrame + tooMuch)
    }
    this.#write()
    return this.memoryBytes
  }

  /** Says on disk whose it is. */
  relabel(change: Parameters<SessionFiles['relabel']>[0]): void {
    this.#backing?.files.relabel({ baseFrame: this.#baseFrame, ...change })
  }

  /** Forgets everything, files included; the numbering goes on. Resolves when they are gone, or cannot be removed. */
  async clear(): Promise<void> {
    this.#forget()
    const { files, logger, forget } = this.#backing ?? {}
    await files?.remove().catch((thrown: unknown) => logger?.warn({ err: toError(thrown) }, 'speech spool cannot be removed'))
    forget?.()
  }

  /** Brings everything to disk, for another process, and forgets it; what the disk refuses is lost. @returns whether anything is there */
  async leave(): Promise<boolean> {
    const { files, logger, left } = this.#backing ?? {}
    if (!files) return false
    // what is being written is then written, and nothing else is begun
    this.#isLeaving = true
    for (let refusedAt = -1, isDone = false; !isDone;) {
      try {
        await files.flush()
        for (let from = this.#unwritten(files); from < this.#ring.endFrame; from = this.#unwritten(files)) {
          await files.write(from, this.#ring.read(from, Math.floor(MAX_RECORD_BYTES / this.#frameBytes)))
        }
        isDone = true
      } catch (thrown) {
        // once more: a file that may not grow costs nothing but the next file
        const atFrame = this.#unwritten(files)
        isDone = atFrame === refusedAt
        refusedAt = atFrame
        if (!isDone) continue
        logger?.warn({ err: toError(thrown), isEmpty: files.isEmpty }, 'speech spool cannot be left to another process as a whole')
        if (files.isEmpty) {
          this.#isLeaving = false
          return false
        }
      }
    }
    // its numbers are those of the session that the label names, whoever had it since
    files.relabel({ owner: null })
    // without these it begins a little earlier, and is found when this process is gone
    const [, , given] = await Promise.allSettled([files.mark(this.#held.first ?? this.#ring.endFrame), files.flush(), files.giveAway()])
    files.letGo()
    this.#forget()
    left?.()
    // a sweep has removed it, or another process has it
    return !(given.status === 'rejected' && codeOf(given.reason) === 'ENOENT')
  }

  #forget(): void {
    this.#backing?.budget.leave(this)
    this.#held.cut(0, Infinity)
    this.#ring.clear()
    this.#ahead = []
    this.#lost = []
  }

  /** first frame that the disk does not have */
  #unwritten(files: SessionFiles): number {
    return Math.max(files.endFrame, this.#held.first ?? this.#ring.endFrame, this.#ring.startFrame)
  }

  /** No bound of what waits is more than a quarter of memory's. */
  #small(bytes: number): number {
    return Math.min(bytes, this.#ring.capBytes / 4)
  }

  #mayWrite(): boolean {
    return this.#backing !== null && this.#backing.clock.monotonicMs() >= this.#retryAtMs
  }

  #toSession(run: FrameRun | null): FrameRun | null {
    return run && { fromFrame: run.fromFrame - this.#baseFrame, toFrame: run.toFrame - this.#baseFrame }
  }

  #endOf({ fromFrame, samples }: { fromFrame: number; samples: Int16Array }): number {
    return fromFrame + samples.length / this.#channels
  }

  #lose(fromFrame: number, toFrame: number): void {
    this.#lost.push(...this.#held.cut(fromFrame, toFrame))
  }

  #write(): void {
    const { files, run } = this.#backing ?? {}
    const first = this.#held.first
    if (!files || !run || first === null || this.#isWriting || this.#isLeaving || !this.#mayWrite()) return
    const least = (bytes: number) => (this.#isResting ? this.#frameBytes : this.#small(bytes))
    if (files.isEmpty && (this.#ring.endFrame - first) * this.#frameBytes < least(SPOOL_AFTER_BYTES)) return
    const from = this.#unwritten(files)
    if ((this.#ring.endFrame - from) * this.#frameBytes < least(RECORD_BYTES)) return
    const samples = this.#ring.read(from, Math.floor(MAX_RECORD_BYTES / this.#frameBytes))
    this.#isWriting = run(async () => {
      try {
        await files.write(from, samples)
        this.#written(files)
      } catch (thrown) {
        this.#notWritten(thrown)
      }
      this.#isWriting = false
      this.#write()
    })
  }

  #written(files: SessionFiles): void {
    this.#ring.shrink(this.#isResting ? 0 : this.#small(KEEP_BYTES), files.endFrame)
    if (this.#failure !== 'none') this.#backing?.logger.info({}, 'speech spool is written again')
    this.#failure = 'none'
  }

  #notWritten(thrown: unknown): void {
    const { clock, logger } = this.#backing ?? {}
    this.#retryAtMs = (clock?.monotonicMs() ?? 0) + RETRY_MS
    const code = codeOf(thrown)
    // once an incident, not once a try
    if (this.#failure === 'none') logger?.error({ err: toError(thrown) }, 'speech spool cannot be written, audio waits in memory')
    this.#failure = code === 'ENOSPC' || code === 'EDQUOT' ? 'full' : 'broken'
  }

  #readAhead(fromFrame: number): void {
    const { files, run, clock } = this.#backing ?? {}
    if (!files || !run || !clock || this.#isReading || clock.monotonicMs() < this.#readAgainMs) return
    const last = this.#ahead.at(-1)
    const wanted = this.#held.from(last ? Math.max(fromFrame, this.#endOf(last)) : fromFrame)
    const aheadBytes = this.#ahead.reduce((sum, { samples }) => sum + samples.byteLength, 0)
    if (!wanted || wanted.fromFrame >= this.#ring.startFrame || aheadBytes >= AHEAD_BYTES) return
    this.#isReading = run(async () => {
      try {
        const { blocks, lost } = await files.load(wanted.fromFrame, READ_BYTES)
        this.#failedReads = 0
        this.#ahead.push(...blocks)
        for (const gone of lost) this.#broken(gone)
        // neither there nor told as lost: not to be waited for
        const found = Math.min(blocks[0]?.fromFrame ?? Infinity, lost[0]?.fromFrame ?? Infinity)
        if (found > wanted.fromFrame) this.#broken({ fromFrame: wanted.fromFrame, toFrame: found })
      } catch (thrown) {
        this.#readAgainMs = clock.monotonicMs() + READ_RETRY_MS
        // too many open files, or too little memory: the record is not to blame
        if (isOfMoment(thrown)) return
        const record = files.recordAt(wanted.fromFrame)
        if (++this.#failedReads >= MAX_READS && record) {
          this.#failedReads = 0
          this.#broken(record, thrown)
        }
      } finally {
        this.#isReading = false
      }
    })
  }

  /** The disk does not give back what it was given. */
  #broken(run: FrameRun, thrown?: unknown): void {
    const gone = this.#held.cut(run.fromFrame, Math.min(run.toFrame, this.#ring.startFrame))
    if (gone.length === 0) return
    this.#lost.push(...gone)
    this.#backing?.logger.error(
      { gone, ...(thrown !== undefined && { err: toError(thrown) }) },
      'speech spool cannot be read, audio is lost',
    )
  }
}
