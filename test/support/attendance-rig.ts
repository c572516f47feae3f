import { Attendance, type AttendanceParts } from '../../src/app/attend.js'
import { BEAT_MS, StoreWatch } from '../../src/app/beat-watch.js'
import type { MeetingId } from '../../src/core/ids.js'
import type { Clock } from '../../src/core/time.js'
import { BLAMELESS_WAIT_MS, isRunElsewhere } from '../../src/followup/jobs/policy.js'
import { EnergyDetector } from '../../src/live/audio/voice/energy.js'
import { createEvents, type ReceiptFacts } from '../../src/observe/events.js'
import { silentLogger, type Logger } from '../../src/observe/logger.js'
import { BOT_OPTIONS, loud } from './bot-rig.js'
import { FakeRoom } from './fake-room.js'
import { FakeBacklog, FakeStt, type FakeSttSession } from './fake-stt.js'
import { ManualClock } from './manual-clock.js'
import { ClaimTable, MemoryClaims } from './memory-claims.js'
import { MemoryStore } from './memory-store.js'
import { requestFor } from './records.js'

/** A clock whose wall jumps while its monotonic side goes on. */
export class JumpingClock implements Clock {
  readonly #clock: ManualClock
  jumpMs = 0

  constructor(clock: ManualClock) {
    this.#clock = clock
  }

  nowMs(): number {
    return this.#clock.nowMs() + this.jumpMs
  }
  monotonicMs(): number {
    return this.#clock.monotonicMs()
  }
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.#clock.sleep(ms, signal)
  }
  after(ms: number, run: () => void): () => void {
    return this.#clock.after(ms, run)
  }
  every(ms: number, run: () => void): () => void {
    return this.#clock.every(ms, run)
  }
}

/** What the meetings of a process are run with; a test may add to it. */
export function partsOf(
  { room, stt, clock, claims }: Pick<AttendanceProcess, 'room' | 'stt' | 'clock' | 'claims'>,
  store: MemoryStore,
  logger: Logger = silentLogger,
): AttendanceParts {
  return {
    deps: { room, stt, store, clock, logger, random: () => 0.5, detector: () => new EnergyDetector(200) },
    options: BOT_OPTIONS,
    claims,
    watch: new StoreWatch(null),
    queue: { followUp: () => Promise.resolve() },
    observe: () => ({}),
  }
}

/** One process of several on a shared store. */
export class AttendanceProcess {
  readonly room = new FakeRoom()
  readonly stt = new FakeStt()
  readonly clock: JumpingClock
  readonly claims: MemoryClaims
  readonly attendance: Attendance
  /** how its jobs ended: `done`, or the message of what they threw */
  readonly jobs: string[] = []
  /** jobs that it has now, each in a place of its own */
  busy = 0
  readonly #watch: StoreWatch
  #stopBeating: () => void = () => undefined

  constructor(name: string, rig: AttendanceRig, places: number | null) {
    const { store } = rig
    this.clock = new JumpingClock(rig.clock)
    this.claims = new MemoryClaims(name, rig.table, store, this.clock)
    this.#watch = new StoreWatch(this.clock.monotonicMs())
    const parts = partsOf(this, store)
    this.attendance = new Attendance({
      ...parts,
      deps: { ...parts.deps, business: { ...createEvents(null), receiptMade: (_, facts) => rig.counted.push(facts) } },
      places,
      watch: this.#watch,
    })
    this.beats()
  }

  /** Signs of life, at once and from now on. */
  beats(): void {
    const beat = () => void this.claims.beat().then(() => this.#watch.answered(this.clock.monotonicMs()))
    beat()
    this.#stopBeating = this.clock.every(BEAT_MS, beat)
  }

  /** A job of the queue, which comes back to this process when it is put off. */
  attend(id: MeetingId): AbortController {
    const signal = new AbortController()
    this.#attend(id, signal.signal).then(
      () => this.jobs.push('done'),
      (thrown: unknown) => this.jobs.push(thrown instanceof Error ? thrown.message : String(thrown)),
    )
    return signal
  }

  async #attend(id: MeetingId, signal: AbortSignal): Promise<void> {
    for (;;) {
      this.busy += 1
      try {
        await this.attendance.attend(id, signal)
        return
      } catch (thrown) {
        if (!isRunElsewhere(thrown)) throw thrown
      } finally {
        this.busy -= 1
      }
      await this.clock.sleep(BLAMELESS_WAIT_MS, signal)
    }
  }

  /** Its joins take so long from now on. */
  joinsAfter(ms: number): void {
    const join = this.room.join.bind(this.room)
    this.room.join = (...of) => this.clock.sleep(ms).then(() => join(...of))
  }

  /** The spool of a session of an earlier process is on the disk of this one from now on. @returns it */
  finds(id: MeetingId, session: FakeSttSession, fromFrame: number, frames: number, vendorId: string | null): FakeBacklog {
    const { sessionId, channels } = session
    const backlog = new FakeBacklog(channels, new Int16Array(frames * channels))
    this.stt.leftAudio.set(id, [{ sessionId, channels, fromFrame, backlog, vendorId }])
    return backlog
  }

  /** No more signs of life: it died, or is frozen. */
  silence(): void {
    this.#stopBeating()
  }
}

/** Processes that share a store, claims and time. */
export class AttendanceRig {
  readonly clock = new ManualClock(1_700_000_000_000)
  readonly table = new ClaimTable()
  readonly store = new MemoryStore(() => this.clock.nowMs())
  readonly processes: AttendanceProcess[] = []
  /** what all processes counted of receipts */
  readonly counted: ReceiptFacts[] = []

  /** @param places for meetings in all of them together */
  process(name: string, places: number | null = null): AttendanceProcess {
    const process = new AttendanceProcess(name, this, places)
    this.processes.push(process)
    return process
  }

  async meeting(): Promise<MeetingId> {
    const { meeting } = await this.store.create(requestFor('r', { language: 'en' }))
    return meeting.id
  }

  /** A process lets go of its meeting in order: it hears on, and the job is anybody's. */
  async offer(process: AttendanceProcess, job: AbortController): Promise<void> {
    process.attendance.leave('handover')
    job.abort(new Error('goes back'))
    await this.clock.settle()
  }

  /** Somebody speaks in the room of a process. */
  async speak(process: AttendanceProcess, identity: string, ms: number): Promise<void> {
    const key = process.room.connection.started.find((one) => one.includes(identity)) ?? process.room.connection.start(identity)
    for (let at = 0; at < ms; at += 50) {
      await this.clock.advance(50)
      process.room.connection.frame(key, loud(), this.clock.monotonicMs())
    }
    await this.clock.advance(20)
  }

  /** Ends whatever runs. */
  async end(): Promise<void> {
    for (const one of this.processes) {
      one.silence()
      one.attendance.leave('stop')
    }
    for (let turn = 0; turn < 50 && this.processes.some(({ attendance }) => attendance.running > 0); turn++) await this.clock.advance(1_000)
  }
}

/** Two processes, of which `one` attends to a meeting and has heard ann for 2 s. */
export async function attended() {
  const rig = new AttendanceRig()
  const [one, two] = [rig.process('one'), rig.process('two')]
  const id = await rig.meeting()
  const job = one.attend(id)
  await rig.clock.settle()
  await rig.speak(one, 'ann', 2_000)
  return { rig, one, two, id, job }
}
