import { hostname } from 'node:os'
import { asSessionId, newMeetingId } from '../../../src/core/ids.js'
import { AudioBacklog, takeBacklog } from '../../../src/live/stt/spool/backlog.js'
import { claimOf, type Owner } from '../../../src/live/stt/spool/owner.js'
import { Spool } from '../../../src/live/stt/spool/spool.js'
import { decodeRecords } from '../../../src/core/checked-records.js'
import { silentLogger } from '../../../src/observe/logger.js'
import { ManualClock } from '../manual-clock.js'
import { seeded } from '../marks-audio.js'
import type { Holding, SimProcess } from './holding.js'
import { Oracle } from './oracle.js'
import { SharedDisk, type Weather } from './shared-disk.js'
import { Steps } from './steps.js'
import { Numbering } from './truth.js'

const MUCH = 1e9

/** Some processes on one disk, and what they do; `oracle` watches. */
export class World {
  readonly random: () => number
  readonly clock = new ManualClock(1_800_000_000_000)
  readonly oracle = new Oracle()
  readonly steps: Steps
  readonly disk: SharedDisk
  readonly meetings = [newMeetingId(), newMeetingId()]
  readonly ringBytes: number
  processes: SimProcess[] = []
  readonly #fileBytes: number
  #processes = 0
  #holdings = 0

  constructor(seed: number) {
    this.random = seeded(seed)
    this.steps = new Steps(this.random)
    this.ringBytes = 1024 << this.below(3)
    this.#fileBytes = 600 + this.below(4000)
    this.disk = new SharedDisk(this.steps, this.random, () => this.clock.nowMs(), {
      renaming: (actor, from) => this.oracle.renaming(actor as SimProcess, from, this.disk),
      appended: (_, path, bytes) => path.endsWith('.audio') && this.oracle.appended(path, bytes),
      removing: (actor, path) => this.oracle.removing(actor as SimProcess, path, this.disk, this.clock.nowMs()),
    })
  }

  below(limit: number): number {
    return Math.floor(this.random() * limit)
  }
  pick<T>(list: readonly T[]): T | undefined {
    return list[this.below(list.length)]
  }
  get running(): SimProcess[] {
    return this.processes.filter(({ isDead, isStopped }) => !isDead && !isStopped)
  }
  /** of running processes, that nothing ends just now */
  get holdings(): Holding[] {
    return this.running.flatMap(({ holdings }) => [...holdings].filter(({ isEnding }) => !isEnding))
  }

  start(maxBytes = this.random() < 0.3 ? 3000 + this.below(9000) : MUCH, isElsewhere = false): SimProcess {
    const number = ++this.#processes
    const actor = { isDead: false, isStopped: false }
    const owner: Owner = { host: isElsewhere ? 'elsewhere' : hostname(), boot: 'boot', pid: number, start: String(number) }
    const spool = new Spool({
      folder: 'spool',
      maxBytes,
      clock: this.clock,
      logger: silentLogger,
      disk: this.disk.view(actor),
      owner,
      isAlive: (other) => this.steps.wait(actor, () => this.#isAlive(other, isElsewhere)),
      fileBytes: this.#fileBytes,
    })
    const process: SimProcess = Object.assign(actor, {
      name: `P${number}`,
      owner,
      spool,
      maxBytes,
      isElsewhere,
      stoppedAt: -1,
      hadFault: false,
      wasFull: false,
      wasStopped: false,
      holdings: new Set<Holding>(),
      takingSince: Infinity,
      isClaiming: false,
      calls: 0,
    })
    this.processes.push(process)
    this.setWeather(this.disk.weather)
    return process
  }

  setWeather(weather: Weather | null): void {
    this.disk.weather = weather
    for (const process of this.processes) {
      if (!weather || (weather.actor !== null && weather.actor !== process)) continue
      process.hadFault = true
      if (weather.code === 'ENOSPC') process.wasFull = true
    }
  }

  open(process: SimProcess): void {
    const meeting = this.below(2)
    const sessionId = asSessionId(`s${this.#holdings + 1}`)
    const buffer = process.spool.buffer(this.meetings[meeting]!, sessionId, 2, this.ringBytes)
    const numbering = new Numbering().continued(0, this.oracle.truth.voice())
    this.oracle.sessions.set(sessionId, numbering)
    Object.assign(this.#hold(process, meeting, sessionId, numbering), { buffer, isPosted: true })
  }

  push(holding: Holding): void {
    const { buffer, numbering, id } = holding
    if (!buffer || !holding.isPosted) return
    const [voice, at] = numbering.at(buffer.endFrame)!
    const block = this.oracle.truth.samples(voice, at, 16 + this.below(80))
    if (!block) return
    for (let index = 0; index < block.length / 2; index++) this.oracle.truth.hold(voice, at + index, id)
    buffer.push(block)
    this.tell()
  }

  /** Sends some, and has some of it acknowledged. */
  read(holding: Holding): void {
    const { buffer, sent } = holding
    const run = buffer?.run(sent)
    if (!buffer || !run) return
    const samples = buffer.read(run.fromFrame, Math.min(16 + this.below(400), run.toFrame - run.fromFrame))
    if (!samples) return
    this.oracle.read(holding, sent, run.fromFrame, samples)
    holding.sent = run.fromFrame + samples.length / 2
    if (this.random() < 0.5) return
    const acknowledged = holding.acknowledged + this.below(holding.sent - holding.acknowledged + 1)
    this.oracle.acknowledged(holding, holding.acknowledged, acknowledged)
    holding.acknowledged = acknowledged
    buffer.release(acknowledged)
  }

  /** The connection was lost, and is there again. */
  reconnect(holding: Holding): void {
    holding.sent = holding.acknowledged
  }

  endSession(holding: Holding): void {
    const { buffer, acknowledged } = holding
    if (!buffer) return
    buffer.rebase(acknowledged)
    const numbering = holding.numbering.from(acknowledged)
    Object.assign(holding, { buffer: null, backlog: new AudioBacklog(buffer), numbering, sent: 0, acknowledged: 0 })
  }

  /** Another session goes on with it. */
  goOn(holding: Holding): void {
    const { backlog } = holding
    if (!backlog) return
    const buffer = takeBacklog(backlog, 2)
    holding.sessionId = asSessionId(`s${holding.id}-${this.oracle.truth.voices}`)
    Object.assign(holding, { buffer, backlog: null, isPosted: false })
    holding.numbering = holding.numbering.continued(buffer.endFrame, this.oracle.truth.voice())
    this.oracle.sessions.set(holding.sessionId, holding.numbering)
    this.tell()
  }

  /** The service knows the session. */
  post(holding: Holding): void {
    holding.buffer?.relabel({ sessionId: holding.sessionId, vendorId: 'v' })
    holding.isPosted = true
  }

  skip(holding: Holding): void {
    const { backlog } = holding
    if (!backlog || backlog.frames === 0) return
    const frames = this.below(backlog.frames)
    this.oracle.acknowledged(holding, 0, frames)
    backlog.skip(frames)
    holding.numbering = holding.numbering.from(frames)
  }

  async leave(holding: Holding): Promise<void> {
    this.endSession(holding)
    // which sweeps when it is done
    this.#sweeping(holding.process)
    await this.#call(holding.process, async () => {
      holding.isEnding = true
      const isThere = (await holding.backlog?.leave()) ?? false
      this.oracle.left(holding, isThere)
      if (isThere) holding.process.holdings.delete(holding)
      else await this.discard(holding)
    })
  }

  async discard(holding: Holding): Promise<void> {
    this.endSession(holding)
    await this.#call(holding.process, async () => {
      holding.isEnding = true
      this.oracle.discarded(holding)
      await holding.backlog?.discard()
      holding.process.holdings.delete(holding)
    })
  }

  /** @returns what it took */
  async take(process: SimProcess, meeting: number, isClaimed: boolean): Promise<Holding[]> {
    const taken: Holding[] = []
    await this.#call(process, async () => {
      const fromStep = this.steps.count
      process.takingSince = Math.min(process.takingSince, fromStep)
      process.isClaiming ||= isClaimed
      const found = await process.spool.left(this.meetings[meeting]!, this.ringBytes, isClaimed)
      for (const left of found) {
        const numbering = (this.oracle.sessions.get(left.sessionId) ?? new Numbering()).from(left.fromFrame)
        const holding = this.#hold(process, meeting, left.sessionId, numbering)
        holding.backlog = left.backlog as AudioBacklog
        this.oracle.taken(holding, left, fromStep, isClaimed, this.disk)
        taken.push(holding)
      }
    })
    return taken
  }

  async sweep(process: SimProcess): Promise<void> {
    this.#sweeping(process)
    await this.#call(process, () => process.spool.sweep())
  }

  #sweeping(process: SimProcess): void {
    this.oracle.sweeps.add({ process, fromStep: this.steps.count, mostBytes: this.disk.bytes })
  }

  kill(process: SimProcess): void {
    this.steps.kill(process)
  }

  stop(process: SimProcess): void {
    process.isStopped = true
    process.wasStopped = true
  }

  wake(process: SimProcess): void {
    process.isStopped = false
    process.stoppedAt = this.steps.count
  }

  /** So many disk calls, or all. */
  async run(most = Infinity): Promise<void> {
    await this.steps.settle()
    // work may shed before its first disk call too: a session asks what was lost with each tick, and before it ends
    this.tell()
    for (let at = 0; at < most && (await this.steps.next()); at++) {
      this.tell()
      this.oracle.settled()
      for (const sweep of this.oracle.sweeps) {
        sweep.mostBytes = Math.max(sweep.mostBytes, this.disk.bytes)
        if (!this.steps.waitsFor(sweep.process)) this.oracle.sweeps.delete(sweep)
      }
    }
  }

  /** What was lost is told as soon as it is. */
  tell(): void {
    for (const holding of this.holdings) if (holding.buffer) this.oracle.lost(holding, holding.buffer.takeLost())
    this.oracle.told()
  }

  /** S5. */
  audit(): void {
    for (const process of this.running) {
      const { spool, hadFault, wasStopped, calls, name, owner, holdings } = process
      if (spool.usedBytes < 0) this.oracle.blame(`S5 ${name} counts less than nothing`)
      if (hadFault || wasStopped || process.isElsewhere || calls > 0 || this.steps.waitsFor(process)) continue
      const mine = this.disk.sessions.filter((folder) => this.#ownerOf(folder) === owner.start)
      const bytes = mine.reduce((sum, folder) => sum + this.disk.audioBytes(folder), 0)
      if (bytes !== spool.usedBytes)
        this.oracle.blame(`S5 ${name} counts other bytes than are there (${holdings.size > 0 ? 'some' : 'none'} held)`)
    }
  }

  /** @returns null too when it was half removed: nobody opens it then */
  #ownerOf(folder: string): string | null {
    const claim = claimOf(folder)
    if (claim !== undefined && this.disk.files.has(`${folder}/label`)) return claim?.start ?? null
    const [payload] = decodeRecords(this.disk.files.get(`${folder}/label`)?.bytes ?? Buffer.alloc(0)).payloads
    const label = payload ? (JSON.parse(payload.toString()) as { owner: Owner | null }) : null
    return label?.owner?.start ?? null
  }

  #isAlive(owner: Owner, isFromElsewhere: boolean): boolean {
    const process = this.processes.find((one) => one.owner.start === owner.start)
    return process !== undefined && !process.isDead && !process.isStopped && (isFromElsewhere || !process.isElsewhere)
  }

  #hold(process: SimProcess, meeting: number, sessionId: Holding['sessionId'], numbering: Numbering): Holding {
    const id = ++this.#holdings
    const state = { buffer: null, backlog: null, isPosted: false, sent: 0, acknowledged: 0, isEnding: false }
    const holding: Holding = { id, process, meeting, sessionId, numbering, ...state }
    this.oracle.holdings.set(id, holding)
    process.holdings.add(holding)
    return holding
  }

  async #call(process: SimProcess, work: () => Promise<void>): Promise<void> {
    process.calls++
    try {
      await work()
    } catch (thrown) {
      if (!process.hadFault) this.oracle.blame(`S1 ${process.name}: ${String(thrown)}`)
    }
    if (--process.calls === 0) Object.assign(process, { takingSince: Infinity, isClaiming: false })
  }
}
