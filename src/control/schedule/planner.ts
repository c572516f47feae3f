import { createHash } from 'node:crypto'
import { InputError, toError } from '../../core/errors.js'
import { Scope } from '../../core/scope.js'
import type { Clock } from '../../core/time.js'
import type { Logger } from '../../observe/logger.js'
import { FINAL_STATES, type MeetingStore } from '../../records/port.js'
import type { DueLook, KeptFeed, LookOutcome, ScheduleBook, ScheduleRecord } from '../../records/schedules.js'
import { drafted, type DraftingParts } from './drafting.js'
import { FetchRefused } from './fetch-refused.js'
import type { GuardedFetch } from './guarded-fetch.js'

/** What a planner stands on. */
export interface PlannerParts extends DraftingParts {
  readonly book: ScheduleBook
  readonly meetings: Pick<MeetingStore, 'meeting' | 'requestStop'>
  readonly fetch: Pick<GuardedFetch, 'get'>
  readonly clock: Clock
  readonly logger: Logger
  readonly random: () => number
  /** how often feeds are asked for */
  readonly pollMs: number
  /** told after each plan: something may be due earlier than it was */
  readonly onPlanned: () => void
}

/** The horizon moves on: what nobody changes is planned again this often. */
const AGAIN_MS = 6 * 3_600_000
/** A feed that says nothing new is worked out again this often. */
const SAME_AGAIN_MS = 3_600_000
const LONGEST_BACKOFF_MS = 6 * 3_600_000
/** Looks at a time; longer than one may take. */
const AT_ONCE = 4
const LEASE_MS = 3 * 60_000

/** The text of a feed is what it was when this process worked it out last. */
interface Known {
  readonly version: number
  readonly plannedMs: number
  /** of the text, which may be megabytes */
  readonly hash: string
  readonly problem: string | null
}

/** How many schedules a process remembers so. */
const MAX_KNOWN = 1_000

const hashOf = (text: string): string => createHash('sha256').update(text).digest('base64')

/**
 * Looks at schedules when they are due: asks for their feeds, works out their occurrences, writes the plan.
 * P1 A feed that fails keeps what was planned, is shown as the schedule's problem, and is asked for less and less often. P2 An occurrence whose
 * bot runs and that is cancelled, taken out of its schedule, or moved further than its lead to a time that is still to come: the bot is asked to
 * stop, unless people are in the room, or the meeting was not made for it; at the new time it gets a bot of its own. Other moves change the
 * times that are shown. P3 A schedule that is disabled or deleted takes its planned occurrences with it, never its meetings.
 */
export class Planner {
  readonly #parts: PlannerParts
  readonly #scope: Scope
  readonly #known = new Map<string, Known>()
  #isLooking = false
  #isStale = false

  constructor(parts: PlannerParts) {
    this.#parts = parts
    this.#scope = new Scope((name, error) => parts.logger.warn({ err: error, work: name }, 'schedules could not be looked at'))
  }

  /** Some schedule may be due: looked at now, or after what is under way. */
  wake(): void {
    this.#isStale = true
    if (this.#isLooking || this.#scope.signal.aborted) return
    this.#isLooking = true
    this.#scope.run('looks', () => this.#looks())
  }

  /** Ends after what is under way, which is cut short. May be called twice. */
  close(): Promise<void> {
    return this.#scope.close()
  }

  async #looks(): Promise<void> {
    const { book, clock } = this.#parts
    try {
      while (this.#isStale && !this.#scope.signal.aborted) {
        this.#isStale = false
        const due = await book.takeLooks(clock.nowMs(), AT_ONCE, LEASE_MS)
        await Promise.all(due.map((one) => this.#lookSafely(one)))
        if (due.length === AT_ONCE) this.#isStale = true
      }
    } finally {
      this.#isLooking = false
    }
  }

  async #lookSafely(due: DueLook): Promise<void> {
    try {
      await this.look(due)
    } catch (thrown) {
      if (this.#scope.signal.aborted) return
      // the store is away: the lease runs out, and somebody looks again
      this.#parts.logger.warn({ err: toError(thrown), schedule: due.schedule.id }, 'schedule could not be looked at')
    }
  }

  /** One look. @throws what the store throws */
  async look({ schedule, failures }: DueLook): Promise<void> {
    const { book, clock, logger } = this.#parts
    const polledAt = new Date(clock.nowMs()).toISOString()
    let outcome: LookOutcome
    try {
      const { problem, feed } = await this.#plan(schedule)
      if (failures > 0) logger.info({ schedule: schedule.id }, 'schedule can be planned again')
      outcome = { nextAt: this.#nextAt(schedule, 0), polledAt, problem, isFailure: false, feed }
    } catch (thrown) {
      if (!(thrown instanceof InputError) && !(thrown instanceof FetchRefused)) throw thrown
      if (failures === 0) logger.warn({ schedule: schedule.id, problem: thrown.message }, 'schedule cannot be planned')
      outcome = { nextAt: this.#nextAt(schedule, failures + 1), polledAt, problem: thrown.message, isFailure: true, feed: null }
    }
    await book.looked(schedule, outcome)
    this.#parts.onPlanned()
  }

  /** @returns what is to be kept of the feed; null: nothing new. @throws InputError, FetchRefused what is wrong with the feed */
  async #plan(schedule: ScheduleRecord): Promise<{ problem: string | null; feed: KeptFeed | null }> {
    const { book, clock } = this.#parts
    const kept = schedule.kind === 'ics' ? await book.feed(schedule.id) : null
    const fetched = schedule.kind === 'ics' && schedule.url !== null ? await this.#fetched(schedule.url, kept) : null
    const feed = fetched ?? kept
    const known = this.#known.get(schedule.id)
    const nowMs = clock.nowMs()
    const hash = schedule.url === null || feed === null ? null : hashOf(feed.text)
    const isKnown = known && known.version === schedule.version && known.hash === hash && nowMs - known.plannedMs < SAME_AGAIN_MS
    if (isKnown) return { problem: known.problem, feed: null }
    const { plan, problem } = await drafted(schedule, feed, nowMs, this.#parts)
    const planned = await book.plan(schedule, plan, nowMs)
    for (const id of planned.orphans) await this.#stop(id)
    if (planned.isCurrent && hash !== null) this.#keep(schedule.id, { version: schedule.version, plannedMs: nowMs, hash, problem })
    return { problem, feed: fetched && fetched.text !== kept?.text ? fetched : null }
  }

  async #fetched(url: string, kept: KeptFeed | null): Promise<KeptFeed | null> {
    const answer = await this.#parts.fetch.get(
      url,
      { etag: kept?.etag ?? null, lastModified: kept?.lastModified ?? null },
      this.#scope.signal,
    )
    return answer.kind === 'unchanged' ? null : { text: answer.text, etag: answer.etag, lastModified: answer.lastModified }
  }

  #keep(id: string, known: Known): void {
    this.#known.delete(id)
    this.#known.set(id, known)
    const oldest = this.#known.keys().next().value
    if (this.#known.size > MAX_KNOWN && oldest !== undefined) this.#known.delete(oldest)
  }

  #nextAt({ kind, url }: ScheduleRecord, failures: number): string | null {
    const { clock, pollMs, random } = this.#parts
    if (kind === 'once') return null
    const everyMs = kind === 'ics' && url !== null ? pollMs : AGAIN_MS
    const waitMs = Math.min(everyMs * 2 ** Math.min(failures, 20), Math.max(LONGEST_BACKOFF_MS, everyMs))
    // feeds of one provider are not asked for in one second
    return new Date(clock.nowMs() + waitMs * (0.9 + 0.1 * random())).toISOString()
  }

  /** P2 */
  async #stop(id: Parameters<MeetingStore['requestStop']>[0]): Promise<void> {
    const { meetings, logger } = this.#parts
    const meeting = await meetings.meeting(id)
    if (FINAL_STATES.includes(meeting.state) || meeting.stopRequested) return
    const present = meeting.participants.filter(({ leftMs }) => leftMs === null).length
    if (present > 0) {
      logger.info({ meeting: id, present }, 'meeting is not in its schedule any more, but people are in it: its bot stays')
      return
    }
    await meetings.requestStop(id)
    logger.info({ meeting: id }, 'meeting is not in its schedule any more: its bot leaves')
  }
}
