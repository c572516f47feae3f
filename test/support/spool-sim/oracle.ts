import type { LeftAudio } from '../../../src/live/stt/port.js'
import type { SessionId } from '../../../src/core/ids.js'
import type { FrameRun } from '../../../src/live/stt/spool/held-runs.js'
import { claimOf } from '../../../src/live/stt/spool/owner.js'
import type { Holding, SimProcess } from './holding.js'
import type { SharedDisk } from './shared-disk.js'
import { DONE, DURABLE, framesOf, SEEN, Truth, type Numbering } from './truth.js'

const KEEP_MS = 24 * 3600_000

/** A sweep that goes on. */
export interface Sweep {
  readonly process: SimProcess
  readonly fromStep: number
  /** the most that the disk held meanwhile */
  mostBytes: number
}

/**
 * What may become of audio.
 * S1 What is durable and owed is not lost but for a full disk or budget, told, or swept for its age or size. S2 Nobody takes from the living.
 * S3 Frames keep their samples and their numbers. S4 Nothing of a living process is removed by another. S5 What is counted is what is there.
 */
export class Oracle {
  readonly truth = new Truth()
  readonly violations: string[] = []
  readonly holdings = new Map<number, Holding>()
  readonly sessions = new Map<SessionId, Numbering>()
  readonly sweeps = new Set<Sweep>()
  /** just appended: nobody has been told yet that they are there */
  #newest: { readonly path: string; readonly frames: readonly (readonly [voice: number, at: number])[] } | null = null
  /** shed, to be told at once */
  #untold: (readonly [voice: number, at: number])[] = []
  /** folders that a sweep has begun to remove */
  readonly #swept = new Set<string>()

  blame(what: string): void {
    if (this.violations.length < 20 && !this.violations.includes(what)) this.violations.push(what)
  }

  appended(path: string, bytes: Uint8Array): void {
    // whoever stood still meanwhile writes into what is left of it: that goes too, or has no label and is nobody's
    if (this.#swept.has(path.slice(0, path.lastIndexOf('/')))) return
    this.#newest = { path, frames: [...framesOf(bytes)] }
    for (const frame of this.#newest.frames) this.truth.set(...frame, DURABLE)
  }

  /** The call has ended of which `appended` was told. */
  settled(): void {
    this.#newest = null
  }

  /** @param path a file, or a folder of a session */
  removing(process: SimProcess, path: string, disk: SharedDisk, nowMs: number): void {
    const sweeps = [...this.sweeps].filter((one) => one.process === process)
    const fromStep = Math.min(...sweeps.map((one) => one.fromStep))
    const isMuch = sweeps.some(({ mostBytes }) => mostBytes > process.maxBytes)
    const isFolder = path.split('/').length === 3
    if (isFolder && sweeps.length > 0) this.#swept.add(path)
    // all before it in its file was released meanwhile: the file goes, and it is written again
    if (this.#newest?.path === path) for (const frame of this.#newest.frames) this.truth.unset(...frame, DURABLE)
    const isOld = nowMs - disk.newestMs(path) >= KEEP_MS
    for (const file of disk.under(path).filter((one) => one.endsWith('.audio'))) {
      for (const [voice, at] of framesOf(disk.files.get(file)!.bytes)) {
        if (!this.truth.isOwed(voice, at)) continue
        const holding = this.holdings.get(this.truth.holder(voice, at))
        // it takes more over still than this
        const isMine = holding?.process === process || claimOf(path.slice(0, path.lastIndexOf('/')))?.start === process.owner.start
        if (isMine && !isFolder && mayShed(process)) {
          // a backlog tells it when a session goes on with it
          if (holding?.process === process && holding.buffer && !holding.isEnding) this.#untold.push([voice, at])
          else this.truth.set(voice, at, DONE)
          continue
        }
        this.truth.set(voice, at, DONE)
        if (holding?.process === process) {
          this.blame(`S1 ${process.name} removes ${isFolder ? 'a folder' : 'a file'} of its own with frames that are owed`)
        } else if (sweeps.length === 0 || !isFolder) {
          this.blame(`S1 ${process.name} removes what is owed, and has not taken it`)
        } else if (holding && isLiving(holding, fromStep) && !(holding.process.isElsewhere && isOld)) {
          this.blame(`S4 ${process.name} sweeps audio of ${holding.process.name}, which lives`)
        } else if (!isOld && !isMuch) {
          this.blame(`S1 ${process.name} sweeps what is neither old nor too much`)
        }
      }
    }
  }

  /** Whoever does not live has lost it then, whatever becomes of the one that takes it. */
  renaming(process: SimProcess, folder: string, disk: SharedDisk): void {
    for (const file of disk.under(folder).filter((one) => one.endsWith('.audio'))) {
      for (const frame of framesOf(disk.files.get(file)!.bytes)) {
        const holding = this.holdings.get(this.truth.holder(...frame))
        if (!holding || holding.process === process) continue
        // whoever holds the claim takes from a living process elsewhere too, and may die before it says so
        const isOver = process.isClaiming && holding.process.isElsewhere && !process.isElsewhere
        if (isOver || !isLiving(holding, process.takingSince)) this.truth.hold(...frame, 0)
      }
    }
  }

  /** @param fromStep when it was asked for */
  taken(holding: Holding, left: LeftAudio, fromStep: number, isClaimed: boolean, disk: SharedDisk): void {
    const { process, numbering } = holding
    // it stood still meanwhile, and somebody else had it since
    if (process.stoppedAt >= fromStep && !disk.sessions.some((folder) => claimOf(folder)?.start === process.owner.start)) return
    for (let at = 0; at < left.backlog.frames; at++) {
      const frame = numbering.at(at)
      if (!frame) {
        this.blame(`S3 ${process.name} takes frames under numbers that their session never had`)
        return
      }
      if (!this.truth.isOwed(...frame)) continue
      const before = this.holdings.get(this.truth.holder(...frame))
      const isOver = isClaimed && before?.process.isElsewhere === true && !process.isElsewhere
      if (before && isLiving(before, fromStep) && !isOver) {
        // it stood still meanwhile, and will not find it any more
        if (process.stoppedAt >= fromStep) continue
        this.blame(`S2 ${process.name} takes audio that ${before.process.name} has, which lives`)
      }
      this.truth.hold(...frame, holding.id)
    }
  }

  /** What a buffer says it has lost. */
  lost(holding: Holding, runs: readonly FrameRun[]): void {
    for (const { fromFrame, toFrame } of runs) {
      for (let at = fromFrame; at < toFrame; at++) {
        const frame = holding.numbering.at(at)
        if (!frame || this.truth.holder(...frame) !== holding.id) continue
        if (this.truth.isOwed(...frame) && !mayShed(holding.process))
          this.blame(`S1 ${holding.process.name} lost frames that are on the disk`)
        this.truth.set(...frame, DONE)
      }
    }
  }

  /** Whoever shed anything has told it by now. */
  told(): void {
    for (const frame of this.#untold.splice(0).filter((one) => !this.holdings.get(this.truth.holder(...one))?.process.isDead))
      if (this.truth.isOwed(...frame)) this.blame('S1 frames were shed of which nothing was told')
  }

  /** @param from what was read before ended there; what lies between is gone, and was told */
  read(holding: Holding, from: number, fromFrame: number, samples: Int16Array, isEnd = false): void {
    for (let at = from; at < fromFrame; at++) {
      const frame = holding.numbering.at(at)
      if (frame && this.truth.isOwed(...frame) && this.truth.holder(...frame) === holding.id)
        this.blame(`S1 ${holding.process.name} skips frames of which nothing was told`)
    }
    for (let index = 0; index < samples.length; index += 2) {
      const frame = holding.numbering.at(fromFrame + index / 2)
      if (!frame || samples[index] !== frame[0] || samples[index + 1] !== frame[1]) {
        this.blame(`S3 ${holding.process.name} reads other samples than were spoken under these numbers`)
        return
      }
      if (!isEnd) continue
      if (this.truth.is(...frame, SEEN)) this.blame('S2 frames come back twice')
      if (this.truth.isOwed(...frame)) this.truth.set(...frame, SEEN | DONE)
    }
  }

  acknowledged(holding: Holding, from: number, to: number): void {
    for (let at = from; at < to; at++) {
      const frame = holding.numbering.at(at)
      if (frame && this.truth.holder(...frame) === holding.id) this.truth.set(...frame, DONE)
    }
  }

  discarded(holding: Holding): void {
    for (const frame of this.truth.held(holding.id)) this.truth.set(...frame, DONE)
  }

  left(holding: Holding, isThere: boolean): void {
    const { process, id } = holding
    const isWhole = !process.hadFault && !process.wasStopped && !process.isElsewhere && !mayShed(process)
    for (const frame of this.truth.held(id)) {
      if (isThere) this.truth.hold(...frame, 0)
      if (isThere && isWhole && (this.truth.fate(...frame) & (DURABLE | DONE)) === 0) this.blame(`S1 ${process.name} leaves a part`)
      if (!isThere && this.truth.isOwed(...frame)) this.blame(`S1 ${process.name} does not leave what is on the disk`)
    }
  }

  /** Everything has been read. */
  end(): void {
    let missing = 0
    for (const _ of this.truth.owed()) missing++
    if (missing > 0) this.blame('S1 frames that were durable and owed do not come back')
  }
}

const mayShed = ({ maxBytes, wasFull }: SimProcess) => wasFull || maxBytes < 1_000_000

/** @param fromStep it has not stood still since */
const isLiving = ({ process, isEnding }: Holding, fromStep: number) =>
  !process.isDead && !process.isStopped && !isEnding && process.stoppedAt < fromStep
