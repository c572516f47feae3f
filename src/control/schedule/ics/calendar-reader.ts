import { Worker } from 'node:worker_threads'
import type { Clock } from '../../../core/time.js'
import { InputError, toError, UpstreamError } from '../../../core/errors.js'
import { workerFile } from '../../../core/worker-file.js'
import type { OccurrenceDraft } from '../../../records/schedules.js'
import { bounded, type CalendarAsk, type CalendarMessage, type CalendarReading, type CalendarTask } from './reading.js'

/** A calendar may be so large, in characters. */
export const MAX_CALENDAR_CHARS = 5 * 1024 * 1024
/** Threads at work at once, and readings that may wait for one. */
const MAX_THREADS = 2
const MAX_WAITING = 50
const LIMITS = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 }
const MAX_PROBLEMS = 20

/** How long a thread may take. */
export interface ReadingTimes {
  /** for one event; it is left out then, and the rest is read */
  readonly eventMs: number
  /** for the file, or what is left of it */
  readonly fileMs: number
  /** events that may be left out so; beyond, the rest is not read */
  readonly maxSlow: number
}

/** A thread had to be ended at this event. */
interface Slow {
  readonly kind: 'slow'
  readonly event: number
  readonly key: string
}

const TIMES: ReadingTimes = { eventMs: 2_000, fileMs: 30_000, maxSlow: 3 }
const LOOK_MS = 250

/**
 * Reads calendars in threads of their own, which can be ended: a rule or a pattern that runs away costs its time and nothing else.
 * R1 An event that takes too long is left out and named; what it had planned stays. R2 A file that takes too long, or too much memory,
 * is refused as a whole. R3 No thread outlives its reading or `close()`.
 */
export class CalendarReader {
  readonly #clock: Clock
  readonly #times: ReadingTimes
  readonly #threads = new Set<Worker>()
  readonly #waiting: (() => void)[] = []
  #running = 0
  #isClosed = false

  constructor(clock: Clock, times: ReadingTimes = TIMES) {
    this.#clock = clock
    this.#times = times
  }

  /** @throws InputError it is no calendar, or one that cannot be read in the time it may take. @throws UpstreamError too many wait */
  async read(ask: CalendarAsk): Promise<CalendarReading> {
    if (ask.text.length > MAX_CALENDAR_CHARS) throw new InputError(`the calendar is larger than ${MAX_CALENDAR_CHARS / 1024 / 1024} MB`)
    await this.#turn()
    try {
      return await this.#read(ask)
    } finally {
      this.#running--
      this.#waiting.shift()?.()
    }
  }

  /** Ends every thread. May be called twice. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const start of this.#waiting.splice(0)) start()
    await Promise.all([...this.#threads].map((thread) => thread.terminate()))
  }

  async #turn(): Promise<void> {
    if (this.#running >= MAX_THREADS) {
      if (this.#waiting.length >= MAX_WAITING) throw busy('too many calendars are being read')
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    this.#running++
    if (!this.#isClosed) return
    this.#running--
    throw busy('this process is stopping')
  }

  async #read(ask: CalendarAsk): Promise<CalendarReading> {
    const drafts: OccurrenceDraft[] = []
    const problems: string[] = []
    const unreadable = new Set<string>()
    let firstEvent = 0
    for (let slow = 0; ; slow++) {
      const ended = await this.#run(ask, firstEvent, (message) => {
        if (message.kind !== 'event') return
        drafts.push(...message.drafts)
        problems.push(...message.problems)
        if (message.unreadable !== null) unreadable.add(message.unreadable)
      })
      if (ended.kind === 'refused') throw new InputError(ended.problem)
      if (ended.kind === 'done') {
        problems.push(...ended.problems)
        break
      }
      if (slow === this.#times.maxSlow) throw new InputError('the calendar holds too many events that take too long to work out')
      problems.push(`event ${ended.event} takes too long to work out: it is left out`)
      firstEvent = ended.event + 1
      unreadable.add(ended.key)
    }
    const kept = bounded(drafts, ask.untilMs)
    if (kept.isCut) problems.push('it has more occurrences than are planned ahead: the first are taken')
    const more = problems.length - MAX_PROBLEMS
    if (more > 0) problems.splice(MAX_PROBLEMS, more, `and ${more} more`)
    return { drafts: kept.drafts, untilMs: kept.untilMs, problems, unreadable: [...unreadable] }
  }

  /** One thread, until it is done or has to be ended. */
  #run(
    ask: CalendarAsk,
    firstEvent: number,
    onMessage: (message: CalendarMessage) => void,
  ): Promise<Extract<CalendarMessage, { kind: 'done' | 'refused' }> | Slow> {
    if (this.#isClosed) return Promise.reject(busy('this process is stopping'))
    const task: CalendarTask = { ask, firstEvent }
    const thread = new Worker(workerFile(import.meta.url, './calendar-worker.js'), {
      workerData: task,
      resourceLimits: LIMITS,
      stdout: true,
      stderr: true,
    })
    this.#threads.add(thread)
    return new Promise((resolve, reject) => {
      const startedMs = this.#clock.monotonicMs()
      let at: { event: number; key: string; sinceMs: number } | null = null
      const stop = this.#clock.every(LOOK_MS, () => {
        const nowMs = this.#clock.monotonicMs()
        const slow = at
        if (slow && nowMs - slow.sinceMs >= this.#times.eventMs) end(() => resolve({ kind: 'slow', event: slow.event, key: slow.key }))
        else if (nowMs - startedMs >= this.#times.fileMs) end(() => reject(new InputError('the calendar takes too long to work out')))
      })
      const end = (settle: () => void) => {
        stop()
        thread.removeAllListeners()
        thread.on('error', () => undefined)
        void thread.terminate().then(() => {
          this.#threads.delete(thread)
          settle()
        })
      }
      thread.on('message', (message: CalendarMessage) => {
        if (message.kind === 'at') at = { event: message.event, key: message.key, sinceMs: this.#clock.monotonicMs() }
        else if (message.kind === 'event') onMessage(message)
        else end(() => resolve(message))
      })
      thread.on('error', (thrown) => {
        const slow = at
        // out of memory, or a fault of ours or of a library in one event: as if it had taken too long
        if (slow) end(() => resolve({ kind: 'slow', event: slow.event, key: slow.key }))
        else end(() => reject(new InputError('the calendar cannot be read', [], { cause: toError(thrown) })))
      })
      thread.on('exit', () => end(() => reject(busy('this process is stopping'))))
    })
  }
}

const busy = (message: string) => new UpstreamError('calendars_busy', message, { service: 'calendars', retryable: true })
