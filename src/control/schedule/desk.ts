import { InputError, NotFoundError } from '../../core/errors.js'
import type { ScheduleId } from '../../core/ids.js'
import type { Clock } from '../../core/time.js'
import type { OccurrenceRecord, OccurrenceState, ScheduleBook, ScheduleRecord, ScheduleRequest } from '../../records/schedules.js'
import { mayRoom, type Caller } from '../auth/caller.js'
import { drafted, type DraftingParts } from './drafting.js'
import { FetchRefused } from './fetch-refused.js'
import type { GuardedFetch } from './guarded-fetch.js'
import { HORIZON_MS } from './drafting.js'
import type { Planner } from './planner.js'

/** What a desk stands on. */
export interface DeskParts extends DraftingParts {
  readonly book: ScheduleBook
  readonly planner: Pick<Planner, 'look' | 'wake'>
  readonly fetch: Pick<GuardedFetch, 'get'>
  readonly clock: Clock
  /** of schedules that say none */
  readonly defaultLeadSec: number
}

/** An occurrence of a dry run. */
export type Preview = Omit<OccurrenceRecord, 'id' | 'scheduleId' | 'key' | 'language' | 'vocabulary'>

/** Pages that are looked through for what a caller may see, at most. */
const MAX_PAGES = 50
const PAGE = 100

/**
 * What people do with schedules. A caller that is limited to rooms sees schedules of such rooms and its own, and makes none that reach
 * further; what it may not see is not there.
 */
export class ScheduleDesk {
  readonly #parts: DeskParts

  constructor(parts: DeskParts) {
    this.#parts = parts
  }

  get defaultLeadSec(): number {
    return this.#parts.defaultLeadSec
  }

  nowMs(): number {
    return this.#parts.clock.nowMs()
  }

  /** What needs no foreign host is planned when this resolves. */
  async create(request: ScheduleRequest): Promise<ScheduleRecord> {
    const { book, clock } = this.#parts
    return this.#planned(await book.create(request, clock.nowMs()))
  }

  async change(id: ScheduleId, request: ScheduleRequest): Promise<ScheduleRecord> {
    const { book, clock } = this.#parts
    return this.#planned(await book.change(id, request, clock.nowMs()))
  }

  /** @throws NotFoundError also one that the caller may not see */
  async schedule(id: ScheduleId, caller: Caller): Promise<ScheduleRecord> {
    const schedule = await this.#parts.book.schedule(id)
    if (!maySee(caller, schedule)) throw new NotFoundError(`there is no schedule ${id}`)
    return schedule
  }

  async remove(id: ScheduleId): Promise<void> {
    await this.#parts.book.remove(id)
  }

  /** Newest first. @returns one more than `limit` when there are more */
  async schedules(caller: Caller, before: ScheduleId | undefined, limit: number): Promise<readonly ScheduleRecord[]> {
    const { book } = this.#parts
    const found: ScheduleRecord[] = []
    let place = before
    for (let page = 0; page < MAX_PAGES && found.length <= limit; page++) {
      const rows = await book.schedules({ limit: PAGE, ...(place === undefined ? {} : { before: place }) })
      found.push(...rows.filter((schedule) => maySee(caller, schedule)))
      place = rows.at(-1)?.id
      if (rows.length < PAGE || place === undefined) break
    }
    return found.slice(0, limit + 1)
  }

  occurrences(id: ScheduleId, limit: number): Promise<readonly OccurrenceRecord[]> {
    return this.#parts.book.occurrences(id, this.#parts.clock.nowMs(), limit)
  }

  /** Takes an uploaded calendar. @throws InputError it cannot be read, or the schedule has a feed of its own */
  async upload(schedule: ScheduleRecord, text: string): Promise<ScheduleRecord> {
    const { book, clock } = this.#parts
    if (schedule.kind !== 'ics') throw new InputError('only a schedule of the kind ics takes a calendar')
    if (schedule.url !== null) throw new InputError('this schedule has a feed of its own: take its url away first')
    await drafted(schedule, { text }, clock.nowMs(), this.#parts)
    await book.saveFeed(schedule.id, { text, etag: null, lastModified: null }, clock.nowMs())
    return this.#planned(await book.schedule(schedule.id))
  }

  /** What would be planned. Nothing is written. @param ics a calendar's text, in place of a feed */
  async preview(
    request: ScheduleRequest,
    ics: string | null,
  ): Promise<{ readonly items: readonly Preview[]; readonly problem: string | null }> {
    const { clock, fetch } = this.#parts
    try {
      const text = request.kind === 'ics' && ics === null ? await fetched(request.url, fetch) : ics
      const { plan, problem } = await drafted(request, text === null ? null : { text }, clock.nowMs(), this.#parts)
      const untilMs = clock.nowMs() + HORIZON_MS
      const items = plan.drafts
        .filter(({ startAt }) => request.kind === 'once' || Date.parse(startAt) <= untilMs)
        .map((draft): Preview => {
          const { startAt, endAt, title, room, roomProblem, isCancelled } = draft
          const state: OccurrenceState = isCancelled ? 'cancelled' : room === null ? 'skipped' : 'planned'
          return {
            startAt,
            endAt,
            title,
            room,
            roomProblem,
            state,
            reason: isCancelled ? 'cancelled in the calendar' : roomProblem,
            meetingId: null,
          }
        })
      return { items, problem }
    } catch (thrown) {
      if (thrown instanceof FetchRefused) return { items: [], problem: thrown.message }
      throw thrown
    }
  }

  /** Feeds are asked for in the background; everything else is planned here and now. */
  async #planned(schedule: ScheduleRecord): Promise<ScheduleRecord> {
    const { book, planner } = this.#parts
    if (!schedule.enabled) return schedule
    if (schedule.url !== null) {
      planner.wake()
      return schedule
    }
    await planner.look({ schedule, failures: 0 })
    return book.schedule(schedule.id)
  }
}

async function fetched(url: string | null, fetch: DeskParts['fetch']): Promise<string | null> {
  if (url === null) return null
  const answer = await fetch.get(url, { etag: null, lastModified: null })
  return answer.kind === 'body' ? answer.text : null
}

function maySee(caller: Caller, { room, owner }: ScheduleRecord): boolean {
  if (caller.rooms === null || owner === caller.id) return true
  return room !== null && mayRoom(caller, room)
}
