import { toError } from '../../core/errors.js'
import type { MeetingId } from '../../core/ids.js'
import type { Clock } from '../../core/time.js'
import { LastingFault } from '../../observe/lasting-fault.js'
import type { Logger } from '../../observe/logger.js'
import type { ScheduleBook, Started } from '../../records/schedules.js'

/** What a scheduler stands on. */
export interface SchedulerParts {
  readonly book: Pick<ScheduleBook, 'startDue' | 'nextDue' | 'missMeetings'>
  /** puts work into the queue: meetings that were made here, and what has come due in the store */
  readonly queue: { attend(id: MeetingId): Promise<void>; wake(): void }
  /** looks at schedules */
  readonly planner: { wake(): void }
  readonly clock: Clock
  readonly logger: Logger
}

/** Occurrences that other processes planned, and jumps of the clock on the wall, are seen so soon. */
const POLL_MS = 2_000
const RETRY_MS = 500
const BATCH = 50

/**
 * Starts occurrences at their time, in any number of processes at once.
 * C1 A timer waits for the next one that is due, at most as long as the poll: what is planned elsewhere is not missed, and a clock that is set
 * changes nothing for longer. C2 The store decides who starts an occurrence, and makes its meeting and the meeting's work in the same
 * transaction: whoever dies after that leaves nothing undone, the work is in the store. C3 What could not be started while it lasted is
 * `missed`. C4 A store that is away is asked again every half second.
 */
export class Scheduler {
  readonly #parts: SchedulerParts
  readonly #fault: LastingFault
  #cancel: (() => void) | null = null
  #round: Promise<void> | null = null
  #isStale = false
  #isClosed = false

  constructor(parts: SchedulerParts) {
    this.#parts = parts
    this.#fault = new LastingFault(parts, {
      failed: 'scheduled meetings cannot be looked for',
      lasts: 'scheduled meetings have not been looked for for a minute: the database is away',
      over: 'scheduled meetings are looked for again',
    })
  }

  /** Begins with what is due now, also since before this process was there. */
  start(): void {
    this.wake()
  }

  /** Something may be due earlier than it was. */
  wake(): void {
    this.#cancel?.()
    this.#cancel = null
    if (this.#isClosed) return
    this.#isStale = true
    this.#round ??= this.#rounds()
  }

  /** Ends after what is under way. May be called twice. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancel?.()
    await this.#round
  }

  async #rounds(): Promise<void> {
    let waitMs = RETRY_MS
    try {
      while (this.#isStale && !this.#isClosed) {
        this.#isStale = false
        waitMs = await this.#look()
      }
      this.#fault.worked()
    } catch (thrown) {
      waitMs = RETRY_MS
      this.#fault.failed(thrown)
    }
    // in one go with the timer: whoever wakes the scheduler from here on finds no round under way
    this.#round = null
    if (!this.#isClosed) this.#cancel = this.#parts.clock.after(waitMs, () => this.wake())
  }

  /** @returns how long there is nothing to do, ms */
  async #look(): Promise<number> {
    const { book, planner, queue, clock } = this.#parts
    while (!this.#isClosed) {
      const started = await book.startDue(clock.nowMs(), BATCH)
      for (const one of started) this.#tell(one)
      if (started.length < BATCH) break
    }
    const { startMs, lookMs, meetingMs } = await book.nextDue()
    const nowMs = clock.nowMs()
    if (lookMs !== null && lookMs <= nowMs) planner.wake()
    if (meetingMs !== null && meetingMs <= nowMs) {
      await book.missMeetings(nowMs)
      queue.wake()
    }
    const next = [startMs, lookMs, meetingMs].filter((ms) => ms !== null && ms > nowMs) as number[]
    // what is due and could not be done is looked for again with the poll, not at once
    const waitMs = Math.min(POLL_MS, ...next.map((ms) => ms - nowMs))
    return startMs !== null && startMs <= nowMs ? Math.min(waitMs, RETRY_MS) : waitMs
  }

  /** The work is in the store already: a queue that does not answer now is asked again by the relay. */
  #tell({ occurrenceId, scheduleId, outcome, meetingId, isOwn }: Started): void {
    const { queue, logger } = this.#parts
    const facts = { occurrence: occurrenceId, schedule: scheduleId, meeting: meetingId ?? undefined }
    if (outcome === 'missed') logger.warn(facts, 'scheduled meeting was missed')
    else if (outcome === 'started') logger.info({ ...facts, isOwn }, 'scheduled meeting is started')
    if (meetingId === null) return
    queue
      .attend(meetingId)
      .catch((thrown: unknown) => logger.warn({ ...facts, err: toError(thrown) }, 'meeting could not be put into the queue'))
  }
}
