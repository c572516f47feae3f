import { UpstreamError } from '../../../src/core/errors.js'
import type { Claim, FinalsBatch, FinalsLog, FinalsLogs, MeetingStore } from '../../../src/records/port.js'
import type { Tenure } from '../../../src/live/bot/inheritance.js'
import type { WatchedStore } from './watched-store.js'
import type { SimProcess, SimTime } from './clock.js'
import type { Segment } from '../../../src/live/transcript/segment.js'

/** How the way to the store is: what it does to every call. */
export class SimStoreFaults {
  /** calls fail until then */
  awayUntilMs = 0
  /** calls take so long until then */
  slowUntilMs = 0
  slowMs = 0
  /** the longest that calls ever took for it */
  slowestMs = 0
  /** it stands still until then, and answers all at once */
  standsUntilMs = 0
}

/** Something behind the store as one process reaches it: away, slow, or answering after the process is dead. @param local what is no call */
export function reached<T extends object>(
  process: SimProcess,
  target: T,
  time: SimTime,
  faults: SimStoreFaults,
  local: Partial<T> = {},
): T {
  const call = async (run: () => unknown): Promise<unknown> => {
    const waitMs = time.nowMs < faults.slowUntilMs ? faults.slowMs : 1
    await new Promise<void>((resolve) => time.after(Math.max(waitMs, faults.standsUntilMs - time.nowMs), resolve))
    if (time.nowMs < faults.awayUntilMs) throw new UpstreamError('store_unreachable', 'away', { service: 'store', retryable: true })
    return run()
  }
  return new Proxy(target, {
    get(_, name) {
      const own: unknown = Reflect.get(local, name)
      if (own !== undefined) return own
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => process.answer(call(() => (value as (...all: unknown[]) => unknown).apply(target, args)))
    },
  })
}

/** The store as one process reaches it. */
export function storeOf(process: SimProcess, store: WatchedStore, time: SimTime, faults: SimStoreFaults): MeetingStore {
  return reached<MeetingStore>(process, store, time, faults, {
    subscribe: (id, listener) => store.subscribe(id, (event) => process.receive(() => listener(event))),
  })
}

/** How a bot stands to those of other processes: it can ask whose the meeting is, and nobody gives one away. */
export function tenureOf(store: WatchedStore, { epoch }: Claim, time: SimTime, startedAt: string | null): Tenure {
  return {
    elapsedMs: startedAt === null ? null : time.nowMs - Date.parse(startedAt),
    storeNowMs: time.nowMs,
    silentMs: null,
    isReleased: false,
    check: () => Promise.resolve(store.newestEpoch === epoch ? 'held' : 'lost'),
    release: () => Promise.resolve(),
    left: () => Promise.resolve(),
    leftBefore: () => Promise.resolve(null),
    entered: () => Promise.resolve(),
    settled: () => Promise.resolve(),
    before: () => Promise.resolve([]),
    revoke: () => Promise.resolve(),
  }
}

interface LogFile {
  readonly claim: Claim
  batches: FinalsBatch[]
}

/** The disk of a host, or one that hosts share: finals outlive who wrote them. */
export class SimDisk {
  readonly #files: LogFile[] = []
  /** writes fail until then */
  fullUntilMs = 0
  readonly #taken: LogFile[] = []
  readonly #time: SimTime

  constructor(time: SimTime) {
    this.#time = time
  }

  /** What outlives every process: whoever opens the logs next has it. */
  get segments(): readonly Segment[] {
    return [...this.#files, ...this.#taken].flatMap(({ batches }) => batches).flatMap(({ segments }) => segments)
  }

  /** The logs of finals as one process has them. */
  finals(process: SimProcess): FinalsLogs {
    return {
      open: (claim) => process.answer(Promise.resolve().then(() => this.#open(claim, process))),
    }
  }

  #open(claim: Claim, process: SimProcess): FinalsLog {
    // taken out of their places first, so that a writer that wakes up knows
    for (const file of this.#files.splice(0)) this.#taken.push(file)
    const earlier = [...this.#taken]
    const own: LogFile = { claim, batches: [] }
    this.#files.push(own)
    const remove = (files: LogFile[], file: LogFile) => {
      const at = files.indexOf(file)
      if (at >= 0) files.splice(at, 1)
    }
    const later = (run: () => void) =>
      process.answer(
        new Promise<void>((resolve, reject) =>
          this.#time.after(1, () => {
            if (this.#time.nowMs < this.fullUntilMs) return reject(new Error('ENOSPC'))
            // a write of a process that is dead by now did not happen
            if (process.state === 'dead') return
            // whoever took the meeting over has removed the file
            if (!this.#files.includes(own)) return reject(new Error('ENOENT'))
            run()
            resolve()
          }),
        ),
      )
    return {
      left: earlier.flatMap(({ batches }) => batches),
      forgetLeft: () => Promise.resolve(earlier.forEach((file) => remove(this.#taken, file))),
      append: (batch) => later(() => own.batches.push(batch)),
      // what was to be appended before is cut off with the rest
      stored: () => void later(() => (own.batches = [])).catch(() => undefined),
      close: (keep) => {
        if (!keep) remove(this.#files, own)
        return Promise.resolve()
      },
    }
  }
}
