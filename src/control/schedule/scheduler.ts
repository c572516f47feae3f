import { toError } from '../../core/errors.js'
import type { MeetingId } from '../../core/ids.js'
import type { Clock } from '../../core/time.js'
import type { Logger } from '../../observe/logger.js'
import { Rounds } from '../../observe/rounds.js'
import type { ScheduleBook, Started } from '../../records/schedules.js'

/** What a scheduler stands on. */
export interface SchedulerParts {
  readonly book: Pick<ScheduleBook, 'startDue' | 'nextDue' | 'startMeetings' | 'missMeetings'>
  /** puts meetings that were made here, or have come due, into the queue */
  readonly queue: { attend(id: MeetingId): Promise<void> }
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
 * Starts occurrences, and meetings that were asked for later, at their time, in any number of processes at once.
 * C1 A timer waits for the next one that is due, at most as long as the poll: what is planned elsewhere is not missed, and a clock that is set
 * changes nothing for longer. C2 The store decides who starts one, and makes its meeting and the meeting's work in the same
 * transaction: whoever dies after that leaves nothing undone, the work is in the store. C3 What could not be started while it lasted is
 * `missed`. C4 A store that is away is asked again every half second.
 */
export class Scheduler {
  readonly #parts: SchedulerParts
  readonly #rounds: Rounds

  constructor(parts: SchedulerParts) {
    this.#parts = parts
    this.#rounds = new Rounds({
      ...parts,
      words: {
        failed: 'scheduled meetings cannot be looked for',
        lasts: 'scheduled meetings have not been looked for for a minute: the database is away',
        over: 'scheduled meetings are looked for again',
      },
      retryMs: RETRY_MS,
      round: (isClosed) => this.#look(isClosed),
    })
  }

  /** Begins with what is due now, also since before this process was there. */
  start(): void {
    this.wake()
  }

  /** Something may be due earlier than it was. */
  wake(): void {
    this.#rounds.wake()
  }

  /** Ends after what is under way. May be called twice. */
  close(): Promise<void> {
    return this.#rounds.close()
  }

  /** @returns how long there is nothing to do, ms */
  async #look(isClosed: () => boolean): Promise<number> {
    const { book, planner, clock } = this.#parts
    // most looks find nothing: they cost one statement
    let due = await book.nextDue(clock.nowMs())
    const isDue = (ms: number | null) => ms !== null && ms <= clock.nowMs()
    if (isDue(due.startMs) || isDue(due.meetingMs)) {
      if (isDue(due.startMs)) await this.#startDue(isClosed)
      if (isDue(due.meetingMs)) await this.#startMeetings(isClosed)
      due = await book.nextDue(clock.nowMs())
    }
    const { startMs, lookMs, meetingMs } = due
    const nowMs = clock.nowMs()
    if (lookMs !== null && lookMs <= nowMs) planner.wake()
    const next = [startMs, lookMs, meetingMs].filter((ms) => ms !== null && ms > nowMs) as number[]
    // what is due and could not be done is looked for again soon, not at once
    const waitMs = Math.min(POLL_MS, ...next.map((ms) => ms - nowMs))
    return [startMs, meetingMs].some((ms) => ms !== null && ms <= nowMs) ? Math.min(waitMs, RETRY_MS) : waitMs
  }

  async #startDue(isClosed: () => boolean): Promise<void> {
    const { book, clock } = this.#parts
    while (!isClosed()) {
      const started = await book.startDue(clock.nowMs(), BATCH)
      for (const one of started) this.#tell(one)
      if (started.length < BATCH) return
    }
  }

  async #startMeetings(isClosed: () => boolean): Promise<void> {
    const { book, clock, logger } = this.#parts
    const missed = await book.missMeetings(clock.nowMs())
    if (missed > 0) logger.warn({ meetings: missed }, 'meetings were missed: no bot was there before their end')
    while (!isClosed()) {
      const asked = await book.startMeetings(clock.nowMs(), BATCH)
      for (const { meetingId, outcome } of asked) {
        if (outcome === 'queued') this.#attend(meetingId, { meeting: meetingId })
        if (outcome === 'cancelled') logger.info({ meeting: meetingId }, 'meeting is cancelled: another one runs in its room')
      }
      if (asked.length < BATCH) return
    }
  }

  #tell({ occurrenceId, scheduleId, outcome, meetingId, isOwn }: Started): void {
    const { logger } = this.#parts
    const facts = { occurrence: occurrenceId, schedule: scheduleId, meeting: meetingId ?? undefined }
    if (outcome === 'missed') logger.warn(facts, 'scheduled meeting was missed')
    else if (outcome === 'started') logger.info({ ...facts, isOwn }, 'scheduled meeting is started')
    if (meetingId !== null) this.#attend(meetingId, facts)
  }

  /** The work is in the store already: a queue that does not answer now is asked again by the relay. */
  #attend(id: MeetingId, facts: object): void {
    const { queue, logger } = this.#parts
    queue.attend(id).catch((thrown: unknown) => logger.warn({ ...facts, err: toError(thrown) }, 'meeting could not be put into the queue'))
  }
}
