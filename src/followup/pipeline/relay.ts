import { ConflictError, toError } from '../../core/errors.js'
import type { MeetingId } from '../../core/ids.js'
import type { Clock } from '../../core/time.js'
import type { Logger } from '../../observe/logger.js'
import { Rounds } from '../../observe/rounds.js'
import type { DueWork, WorkBook, WorkKind } from '../../records/port.js'
import { within } from '../../core/within.js'
import type { DeadLetters, JobQueue } from '../port.js'

/** What a relay stands on. */
export interface RelayParts {
  readonly work: WorkBook
  readonly queue: Pick<JobQueue, 'attend' | 'followUp'>
  readonly deadLetters: Pick<DeadLetters, 'of' | 'retry'>
  readonly clock: Clock
  readonly logger: Logger
}

/** Work of processes that died, and of meetings that other processes made: looked for this often. */
const POLL_MS = 2_000
/** While the queue or the store does not answer: a queue that is back is used within 2 s. */
const RETRY_MS = 500
/** Added again after so long, since a queue may lose what it acknowledged in its last second; then now and then until the work is done. */
const CONFIRM_MS = 10_000
const AGAIN_MS = 60_000
/** Taken at a time, and for how long nobody else may take it: longer than a call to the queue may last. */
const BATCH = 50
const LEASE_MS = 15_000
/** Whoever asks for work waits no longer than this for the queue: the work is kept in the store, and added when the queue is back. */
const ASK_MS = 1_000

/**
 * Puts what meetings wait for into the queue, from the rows that the store keeps.
 * W1 A row stands until its meeting is past it, and is added again at times: adding is idempotent by job id, so a queue that lost its
 * jobs has them again. W2 Any number of relays may run: a row is leased to one, for a bounded time. W3 A queue that is away costs one
 * attempt every half second, not one a row. W4 A dead letter is noted in the row it holds up, and no longer once it is retried. W5 A bot
 * that was given up and is asked for again (a start of its room, a schedule that is due there) is tried again: nobody else comes to that room.
 */
export class Relay implements Pick<JobQueue, 'attend' | 'followUp'> {
  readonly #parts: RelayParts
  readonly #rounds: Rounds

  constructor(parts: RelayParts) {
    this.#parts = parts
    this.#rounds = new Rounds({
      ...parts,
      words: {
        failed: 'jobs cannot be added: they wait in the store',
        lasts: 'jobs have not been added for a minute: the queue or the database is away',
        over: 'the queue answers again',
      },
      retryMs: RETRY_MS,
      round: async (isClosed) => {
        while (!isClosed() && (await this.#addDue()) === BATCH);
        return POLL_MS
      },
    })
  }

  /** Begins with what is due now. */
  start(): void {
    this.wake()
  }

  /** The store holds the intention already: a queue that does not answer is no failure. */
  attend(id: MeetingId): Promise<void> {
    return this.#ask({ meetingId: id, kind: 'attend' }, async () => {
      await this.#parts.queue.attend(id)
      await this.#tryAgain(id)
    })
  }

  /** As `attend`. */
  followUp(id: MeetingId): Promise<void> {
    return this.#ask({ meetingId: id, kind: 'follow_up' }, () => this.#parts.queue.followUp(id))
  }

  /** Something about a meeting's jobs has changed (one was given up, or is retried): looked at now. */
  async changed(id: MeetingId): Promise<void> {
    await this.#parts.work.hurry(id)
    this.wake()
  }

  /** As `changed`, for those who cannot wait; a store that is away is asked again in its time. */
  changedSoon(id: MeetingId): void {
    this.changed(id).catch((thrown: unknown) => this.#parts.logger.debug({ err: toError(thrown), meeting: id }, 'work is not hurried'))
  }

  /** Something may be due. */
  wake(): void {
    this.#rounds.wake()
  }

  /** Ends after what is under way. May be called twice. */
  close(): Promise<void> {
    return this.#rounds.close()
  }

  async #ask(work: Pick<DueWork, 'meetingId' | 'kind'>, add: () => Promise<void>): Promise<void> {
    const { clock, logger } = this.#parts
    try {
      await within(clock, ASK_MS, add(), () => new Error('timed out'))
      await this.#parts.work.putOff([work], CONFIRM_MS, true)
    } catch (thrown) {
      logger.warn({ err: toError(thrown), meeting: work.meetingId }, 'the queue does not answer: the job is added when it does')
      this.wake()
    }
  }

  async #tryAgain(meetingId: MeetingId): Promise<void> {
    const { work, deadLetters, logger } = this.#parts
    const letter = await deadLetters.of(meetingId, 'attend')
    if (!letter) return
    await deadLetters.retry(letter.id).catch((thrown: unknown) => {
      // somebody else was faster
      if (!(thrown instanceof ConflictError)) throw thrown
    })
    logger.warn({ meeting: meetingId, job: letter.id }, 'a bot that was given up is asked for again: it is tried again')
    await work.setStuck({ meetingId, kind: 'attend' }, null)
  }

  /** @returns how many were due. @throws what the store or the queue throws; what was not added is due again soon */
  async #addDue(): Promise<number> {
    const { work } = this.#parts
    const due = await work.takeDue(BATCH, LEASE_MS)
    const results = await Promise.allSettled(due.map((one) => this.#add(one)))
    const isAdded = (index: number) => results[index]?.status === 'fulfilled'
    const added = due.filter((_, index) => isAdded(index))
    const first = added.filter((one) => one.added === 0)
    const again = added.filter((one) => one.added > 0)
    await work.putOff(first, CONFIRM_MS, true)
    await work.putOff(again, AGAIN_MS, true)
    for (const one of again) await this.#look(one)
    const refused = results.find((result) => result.status === 'rejected')
    if (!refused) return due.length
    await work.putOff(
      due.filter((_, index) => !isAdded(index)),
      RETRY_MS / 2,
      false,
    )
    throw refused.reason
  }

  #add({ meetingId, kind }: { meetingId: MeetingId; kind: WorkKind }): Promise<void> {
    const { queue } = this.#parts
    return kind === 'attend' ? queue.attend(meetingId) : queue.followUp(meetingId)
  }

  /** Whether the work is held up by a dead letter. */
  async #look(one: DueWork): Promise<void> {
    const { work, deadLetters, logger } = this.#parts
    const letter = await deadLetters.of(one.meetingId, one.kind)
    if (letter) logger.warn({ meeting: one.meetingId, job: letter.id }, 'meeting is held up by a dead letter')
    await work.setStuck(one, letter)
  }
}

/** Dead letters whose retry is at once seen by the meeting that it held up. */
export function deadLettersOf(letters: DeadLetters, relay: Pick<Relay, 'changed'>): Pick<DeadLetters, 'list' | 'retry'> {
  return {
    list: (limit) => letters.list(limit),
    retry: async (id) => {
      const letter = await letters.retry(id)
      if (letter.meetingId) await relay.changed(letter.meetingId)
      return letter
    },
  }
}
