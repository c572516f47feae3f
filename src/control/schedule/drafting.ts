import { assertNever } from '../../core/errors.js'
import type { KeptFeed, OccurrenceDraft, SchedulePlan, ScheduleRequest } from '../../records/schedules.js'
import { mayRoom } from '../auth/caller.js'
import { cronTimes } from './cron.js'
import type { CalendarReader } from './ics/calendar-reader.js'

/** Occurrences are planned so far ahead. */
export const HORIZON_MS = 35 * 86_400_000

/** What drafting stands on. */
export interface DraftingParts {
  readonly reader: Pick<CalendarReader, 'read'>
  /** sources of the patterns that find rooms, in order */
  readonly patterns: readonly string[]
  readonly defaultLanguage: string | null
}

/** A plan, and what is wrong with what it was made from. */
export interface Drafted {
  readonly plan: SchedulePlan
  readonly problem: string | null
}

/**
 * The occurrences of a schedule that are not over, until the horizon.
 * @param feed what its calendar says; null: it is none, or none was read yet
 * @throws InputError the calendar cannot be read; UpstreamError it cannot be read now
 */
export async function drafted(
  schedule: ScheduleRequest,
  feed: Pick<KeptFeed, 'text'> | null,
  nowMs: number,
  parts: DraftingParts,
): Promise<Drafted> {
  const untilMs = nowMs + HORIZON_MS
  switch (schedule.kind) {
    case 'once': {
      const startMs = Date.parse(schedule.startAt ?? '')
      // however far ahead it is: it is one
      return own(schedule, [{ key: 'once', startMs }], Number.MAX_SAFE_INTEGER, nowMs, null, parts)
    }
    case 'cron': {
      // one that has begun and is not over is there as well
      const fromMs = nowMs - schedule.durationSec * 1000
      const { times, isCut } = cronTimes(schedule.cron ?? '', schedule.timeZone ?? 'UTC', fromMs, untilMs)
      const drafts = times.map((startMs) => ({ key: `cron/${startMs.toString(36)}`, startMs }))
      const last = isCut ? (times.at(-1) ?? untilMs) : untilMs
      return own(
        schedule,
        drafts,
        last,
        nowMs,
        isCut ? 'it comes more often than is planned ahead: the first times are taken' : null,
        parts,
      )
    }
    case 'ics': {
      if (feed === null) return { plan: planOf([], nowMs, []), problem: 'no calendar has been uploaded: PUT it to /v1/schedules/{id}/feed' }
      const { patterns, reader, defaultLanguage } = parts
      const { room, title, language, vocabulary, timeZone } = schedule
      const ask = { text: feed.text, room, title, language, vocabulary, timeZone, patterns, fromMs: nowMs, untilMs }
      const reading = await reader.read({ ...ask, defaultDurationMs: schedule.durationSec * 1000 })
      const drafts = reading.drafts.map((draft) => limited({ ...draft, language: draft.language ?? defaultLanguage }, schedule))
      const problem = reading.problems.length === 0 ? null : reading.problems.join('; ')
      return { plan: planOf(drafts, reading.untilMs, reading.unreadable), problem }
    }
    default:
      return assertNever(schedule.kind)
  }
}

function own(
  schedule: ScheduleRequest,
  times: readonly { readonly key: string; readonly startMs: number }[],
  untilMs: number,
  nowMs: number,
  problem: string | null,
  { defaultLanguage }: DraftingParts,
): Drafted {
  const drafts = times.map(({ key, startMs }): OccurrenceDraft => {
    const { room, title, vocabulary, durationSec } = schedule
    const [startAt, endAt] = [new Date(startMs).toISOString(), new Date(startMs + durationSec * 1000).toISOString()]
    const language = schedule.language ?? defaultLanguage
    const roomProblem = room === null ? 'the schedule names no room' : null
    return limited({ key, startAt, endAt, title, room, roomProblem, language, vocabulary, isCancelled: false }, schedule)
  })
  return {
    plan: planOf(
      drafts.filter(({ endAt }) => Date.parse(endAt) > nowMs),
      untilMs,
      [],
    ),
    problem,
  }
}

/** The latest time that every part of the system can write down. */
const LATEST_MS = Date.UTC(9999, 0)

const planOf = (drafts: readonly OccurrenceDraft[], untilMs: number, unreadable: readonly string[]): SchedulePlan => ({
  drafts,
  untilAt: new Date(Math.min(untilMs, LATEST_MS)).toISOString(),
  unreadable,
})

/** A calendar reaches no further than the key that its schedule was made with. */
function limited(draft: OccurrenceDraft, { rooms }: ScheduleRequest): OccurrenceDraft {
  if (draft.room === null || mayRoom({ rooms }, draft.room)) return draft
  return { ...draft, room: null, roomProblem: 'the key that made this schedule may not use that room' }
}
