import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { codeOf, toError } from '../../../core/errors.js'
import { asMeetingId, type MeetingId, type SessionId } from '../../../core/ids.js'
import { Scope } from '../../../core/scope.js'
import type { Clock } from '../../../core/time.js'
import type { Logger } from '../../../observe/logger.js'
import type { LeftAudio } from '../port.js'
import { atMost } from '../../../core/within.js'
import { AudioBuffer } from './audio-buffer.js'
import { AudioBacklog } from './backlog.js'
import { DiskBudget } from './budget.js'
import { isOfMoment, systemDisk, type SpoolDisk } from './disk.js'
import { claimedName, claimOf, isAlive, isElsewhere, thisProcess, type Owner } from './owner.js'
import { readLabel, SessionFiles, type FolderParts, type Label } from './session-files.js'

/** Audio that nobody has asked for in this time is removed. */
const KEEP_MS = 24 * 3600_000
/** It is looked for so often. */
const SWEEP_MS = 3600_000
/** A file is begun after so many bytes: what is acknowledged goes from the disk in steps of this. */
const FILE_BYTES = 4 * 1024 * 1024
/** How long the end waits for the disk. */
const CLOSE_MS = 2000

/** Where a process keeps audio that the speech service has not taken. */
export interface SpoolOptions {
  /** made when it is first needed */
  readonly folder: string
  /** bytes on disk, of all meetings of the process; as many more of what was left, the newest */
  readonly maxBytes: number
  readonly clock: Clock
  readonly logger: Logger
  readonly disk?: SpoolDisk
  /** who writes here; this process, but for tests */
  readonly owner?: Owner
  /** whether another one lives; asked of the system, but for tests */
  readonly isAlive?: (owner: Owner) => Promise<boolean>
  /** so much goes into one file; a minute of two channels, but for tests */
  readonly fileBytes?: number
}

/**
 * Unacknowledged audio on disk: `<folder>/<meeting>/<session>/`, a folder a session, made when its memory is not enough and removed with
 * its end. What a process leaves that died is found by the next owner of its meeting (`left`), or removed a day later, or when it is too much.
 *
 * Whose a folder is: the process in its name, else the one in its label. A process that takes one over renames it first, in one step, so
 * that it is taken once, on a full disk too, and a stopped process that wakes up finds its files gone and harms none of it.
 */
export class Spool {
  readonly #options: SpoolOptions
  readonly #disk: SpoolDisk
  readonly #budget: DiskBudget
  readonly #scope: Scope
  readonly #owner: Promise<Owner>
  /** folders of sessions and backlogs of this process */
  readonly #mine = new Set<string>()
  /** folders that were taken and could not be opened: there for whoever looks again, although their labels name this process */
  readonly #unopened = new Set<string>()
  #isClosed = false
  #stopSweeping: (() => void) | null = null

  constructor(options: SpoolOptions) {
    this.#options = options
    this.#disk = options.disk ?? systemDisk
    this.#budget = new DiskBudget(options.maxBytes)
    this.#scope = new Scope((name, error) => options.logger.warn({ err: error, work: name }, 'speech spool work failed'))
    this.#owner = options.owner ? Promise.resolve(options.owner) : thisProcess()
  }

  /** bytes of this process on disk */
  get usedBytes(): number {
    return this.#budget.usedBytes
  }

  /** A buffer for a new session, in memory up to `ringBytes` and on disk beyond. */
  buffer(meetingId: MeetingId, sessionId: SessionId, channels: number, ringBytes: number): AudioBuffer {
    const parts = this.#parts(meetingId, sessionId)
    this.#mine.add(parts.folder)
    const files = new SessionFiles(parts, { sessionId, baseFrame: 0, channels, vendorId: null, owner: null })
    this.#run(async () => files.relabel({ owner: await this.#owner }))
    return new AudioBuffer(channels, ringBytes, this.#backing(files, parts.folder))
  }

  /**
   * Takes what dead processes left of a meeting. What cannot be read stays, and is told in the log.
   * @param isClaimed the caller holds the claim on it, or it is over: what another host has on this disk is nobody's else
   * @throws too many open files, or too little memory, and nothing was taken: to be asked again
   */
  async left(meetingId: MeetingId, ringBytes: number, isClaimed = true): Promise<readonly LeftAudio[]> {
    const meeting = join(this.#options.folder, meetingId)
    const found: LeftAudio[] = []
    let moment: unknown = null
    for (const name of await this.#disk.list(meeting)) {
      const folder = join(meeting, name)
      if (this.#mine.has(folder)) continue
      try {
        const left = await this.#take({ meetingId, folder, ringBytes, isClaimed })
        if (left) found.push(left)
      } catch (thrown) {
        if (isOfMoment(thrown)) moment = thrown
        this.#options.logger.error({ err: toError(thrown), folder }, 'speech spool of a dead process cannot be read')
      }
    }
    if (moment !== null && found.length === 0) throw toError(moment)
    return found
  }

  /** The meetings of which there is something that is of no living process. @throws Error what the disk says */
  async meetings(): Promise<readonly MeetingId[]> {
    const found: MeetingId[] = []
    for (const name of await this.#disk.list(this.#options.folder)) {
      const meeting = join(this.#options.folder, name)
      for (const folder of await this.#disk.list(meeting)) {
        if (!(await this.#isLeft(join(meeting, folder)))) continue
        found.push(asMeetingId(name))
        break
      }
    }
    return found
  }

  /** @param isKnown what a process of another host had counts too, which may live */
  async #isLeft(folder: string, isKnown = true): Promise<boolean> {
    return (await this.#stateOf(folder, isKnown)) === 'left'
  }

  /** @returns `had`: here, or by a process beside this one that lives; `unknown`: it does not say whose it is, or a process elsewhere has it */
  async #stateOf(folder: string, isKnown: boolean): Promise<'left' | 'had' | 'unknown'> {
    if (this.#mine.has(folder)) return 'had'
    const label = await readLabel(this.#disk, folder)
    if (!label) return 'unknown'
    if (await this.#isFree(folder, label, isKnown)) return 'left'
    const owner = ownerOf(folder, label)
    return owner && !isElsewhere(owner) && owner.pid !== (await this.#owner).pid ? 'had' : 'unknown'
  }

  async #isFree(folder: string, label: Label, isKnown: boolean): Promise<boolean> {
    const owner = ownerOf(folder, label)
    if (!owner || this.#unopened.has(folder)) return true
    return !((!isKnown && isElsewhere(owner)) || (await (this.#options.isAlive ?? isAlive)(owner)))
  }

  /** Sweeps now, and every hour until `close`. */
  async tend(): Promise<void> {
    this.#stopSweeping ??= this.#options.clock.every(SWEEP_MS, () => void this.sweep())
    await this.sweep()
  }

  /** Removes what nobody has asked for in a day, and the oldest of more than the disk is to hold. What cannot be read or removed stays, and is told in the log. */
  async sweep(): Promise<void> {
    try {
      await this.#sweep()
    } catch (thrown) {
      this.#options.logger.warn({ err: toError(thrown) }, 'speech spool cannot be swept')
    }
  }

  async #sweep(): Promise<void> {
    const { folder: root, maxBytes, clock, logger } = this.#options
    const found: { meeting: string; folder: string; newestMs: number; bytes: number; state: string }[] = []
    const meetings = await this.#disk.list(root)
    for (const meeting of meetings) {
      for (const name of await this.#disk.list(join(root, meeting))) {
        const folder = join(root, meeting, name)
        const state = await this.#stateOf(folder, false)
        if (state === 'had') continue
        found.push({ meeting, folder, newestMs: await this.#newestMs(folder), bytes: await this.#bytes(folder), state })
      }
    }
    let leftBytes = 0
    for (const { meeting, folder, newestMs, bytes, state } of found.toSorted((a, b) => b.newestMs - a.newestMs)) {
      const isLeft = state === 'left'
      if (isLeft) leftBytes += bytes
      // asked again: whoever has it elsewhere may have written meanwhile
      const isOld = clock.nowMs() - newestMs >= KEEP_MS && clock.nowMs() - (await this.#newestMs(folder)) >= KEEP_MS
      if ((!isOld && !(isLeft && leftBytes > maxBytes)) || this.#mine.has(folder)) continue
      // whoever took the meeting over elsewhere has written down that this is missing
      const session = (await readLabel(this.#disk, folder))?.sessionId ?? null
      const why = isOld ? 'speech spool that nobody asked for removed' : 'speech spool that nobody asked for removed: it is too much'
      logger.warn({ folder, meeting, session, bytes }, why)
      await this.#disk.remove(folder)
    }
    for (const meeting of meetings) await this.#disk.removeEmpty(join(root, meeting))
  }

  /** Waits for what is being written and removed, not for long. Sessions are closed before. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#stopSweeping?.()
    // its failures have been told one by one
    const closed = this.#scope.close().catch(() => undefined)
    await atMost(this.#options.clock, CLOSE_MS, closed)
  }

  async #take(wanted: {
    readonly meetingId: MeetingId
    readonly folder: string
    readonly ringBytes: number
    readonly isClaimed: boolean
  }): Promise<LeftAudio | null> {
    const { meetingId, folder, ringBytes, isClaimed } = wanted
    const label = await readLabel(this.#disk, folder)
    if (!label) {
      this.#options.logger.warn({ folder }, 'speech spool does not say whose it is')
      return null
    }
    if (!(await this.#isFree(folder, label, isClaimed))) return null
    const owner = await this.#owner
    const parts = this.#parts(meetingId, claimedName(randomUUID(), owner))
    this.#mine.add(parts.folder)
    try {
      await this.#disk.rename(folder, parts.folder)
    } catch (thrown) {
      this.#mine.delete(parts.folder)
      // somebody else was faster
      if (codeOf(thrown) === 'ENOENT') return null
      throw thrown
    }
    this.#unopened.delete(folder)
    const giveBack = () => {
      this.#mine.delete(parts.folder)
      this.#unopened.add(parts.folder)
    }
    const recovered = await SessionFiles.recover(parts).catch((thrown: unknown) => {
      giveBack()
      throw thrown
    })
    if (!recovered) {
      giveBack()
      return null
    }
    const { files, runs, markFrame } = recovered
    files.relabel({ owner })
    const buffer = new AudioBuffer(label.channels, ringBytes, this.#backing(files, parts.folder), {
      runs,
      baseFrame: label.baseFrame,
      endFrame: files.endFrame,
    })
    buffer.release(markFrame - label.baseFrame)
    const fromFrame = buffer.run(0)?.fromFrame
    if (fromFrame === undefined) {
      await buffer.clear()
      return null
    }
    buffer.rebase(fromFrame)
    const holes = buffer.tellHoles()
    const backlog = new AudioBacklog(buffer)
    this.#options.logger.warn(
      { meeting: meetingId, session: label.sessionId, fromFrame, frames: backlog.frames, holes },
      'audio left by a dead process taken over',
    )
    return { sessionId: label.sessionId, channels: label.channels, fromFrame, backlog, vendorId: label.vendorId }
  }

  async #bytes(folder: string): Promise<number> {
    const names = await this.#disk.list(folder)
    const sizes = await Promise.all(names.map((name) => this.#disk.size(join(folder, name)).catch(() => 0)))
    return sizes.reduce((sum, bytes) => sum + bytes, 0)
  }

  async #newestMs(folder: string): Promise<number> {
    // a file that has just gone is no reason to remove the others; nor is a folder, which may go while it is listed
    const changedMs = (path: string) => this.#disk.changedMs(path).catch(() => Infinity)
    const times = [changedMs(folder)]
    for (const name of await this.#disk.list(folder)) times.push(changedMs(join(folder, name)))
    return Math.max(...(await Promise.all(times)))
  }

  #parts(meetingId: MeetingId, name: string): FolderParts {
    const { folder, logger, fileBytes } = this.#options
    const parent = join(folder, meetingId)
    return { folder: join(parent, name), parent, disk: this.#disk, budget: this.#budget, logger, fileBytes: fileBytes ?? FILE_BYTES }
  }

  #backing(files: SessionFiles, folder: string) {
    const { clock, logger } = this.#options
    const forget = () => this.#mine.delete(folder)
    const left = () => {
      forget()
      this.#run(() => this.sweep())
    }
    return { files, budget: this.#budget, clock, logger, run: (work: () => Promise<void>) => this.#run(work), forget, left }
  }

  #run(work: () => Promise<void>): boolean {
    if (this.#isClosed) return false
    this.#scope.run('spool', work)
    return true
  }
}

function ownerOf(folder: string, label: Label): Owner | null {
  const claim = claimOf(folder)
  return claim === undefined ? label.owner : claim
}
