import type { MeetingId, OccurrenceId, ScheduleId } from '../core/ids.js'

/** Kinds of schedules, closed list: one meeting, a cron pattern, a calendar (a feed that is polled, or an uploaded file). */
export const SCHEDULE_KINDS = ['once', 'cron', 'ics'] as const
export type ScheduleKind = (typeof SCHEDULE_KINDS)[number]

/**
 * States of an occurrence, closed list. `planned` waits for its time; `started` has its meeting; `missed` nobody was running while it
 * lasted, or its room was not free; `cancelled` in the calendar, or with its schedule; `skipped` no room is known for it.
 */
export const OCCURRENCE_STATES = ['planned', 'started', 'missed', 'cancelled', 'skipped'] as const
export type OccurrenceState = (typeof OCCURRENCE_STATES)[number]

/** What was asked for. */
export interface ScheduleRequest {
  readonly kind: ScheduleKind
  /** null: found in each event of the calendar */
  readonly room: string | null
  readonly title: string | null
  readonly language: string | null
  readonly vocabulary: readonly string[]
  readonly slackChannel: string | null
  /** five fields; for `cron` only */
  readonly cron: string | null
  /** IANA name: of the cron pattern, or of times in a calendar that name none */
  readonly timeZone: string | null
  /** ISO-8601; for `once` only */
  readonly startAt: string | null
  readonly durationSec: number
  /** of the feed, with its credentials; never shown, never logged */
  readonly url: string | null
  /** how long before its time an occurrence starts its bot */
  readonly leadSec: number
  readonly enabled: boolean
  /** id of the key that made it */
  readonly owner: string | null
  /** patterns of rooms that the key is limited to; null: every room */
  readonly rooms: readonly string[] | null
}

/** A schedule as stored. Dates are ISO-8601 UTC. */
export interface ScheduleRecord extends ScheduleRequest {
  readonly id: ScheduleId
  /** grows with every change of what was asked for: a plan of an older version is not written */
  readonly version: number
  readonly createdAt: string
  /** when its feed was asked for, or its file read, last */
  readonly lastPolledAt: string | null
  /** when that brought something new, last */
  readonly lastChangedAt: string | null
  /** what is wrong with it now, one sentence for people; null: nothing */
  readonly problem: string | null
}

/** An occurrence as a calendar, a pattern or a person has it. */
export interface OccurrenceDraft {
  /** unique in the schedule, and the same when the occurrence is moved; at most 200 characters, `<event>/<recurrence>` for calendars */
  readonly key: string
  /** ISO-8601 UTC */
  readonly startAt: string
  readonly endAt: string
  readonly title: string | null
  readonly room: string | null
  /** why there is no room */
  readonly roomProblem: string | null
  readonly language: string | null
  readonly vocabulary: readonly string[]
  readonly isCancelled: boolean
}

/** An occurrence as stored. */
export interface OccurrenceRecord extends Omit<OccurrenceDraft, 'isCancelled'> {
  readonly id: OccurrenceId
  readonly scheduleId: ScheduleId
  readonly state: OccurrenceState
  readonly reason: string | null
  readonly meetingId: MeetingId | null
}

/** All occurrences that a schedule has from now until a time. */
export interface SchedulePlan {
  readonly drafts: readonly OccurrenceDraft[]
  /** ISO-8601: an occurrence that begins later and is not among the drafts stays as it is */
  readonly untilAt: string
  /** events that could not be read: what is planned for `<event>/...` stays as it is */
  readonly unreadable: readonly string[]
}

/** What planning came to. */
export interface Planned {
  /** false: the schedule was changed, disabled or deleted meanwhile, and nothing was written */
  readonly isCurrent: boolean
  readonly changed: number
  /** meetings that were made for an occurrence which is not there any more, or not at this time */
  readonly orphans: readonly MeetingId[]
}

/** A feed as it was read last. */
export interface KeptFeed {
  /** the calendar's text */
  readonly text: string
  readonly etag: string | null
  readonly lastModified: string | null
}

/** A schedule that is to be looked at: its feed asked for, its next occurrences planned. */
export interface DueLook {
  readonly schedule: ScheduleRecord
  /** how many looks before this one failed in a row */
  readonly failures: number
}

/** What a look came to. */
export interface LookOutcome {
  /** ISO-8601: the next one; null: none is needed */
  readonly nextAt: string | null
  readonly polledAt: string | null
  readonly problem: string | null
  readonly isFailure: boolean
  /** what the feed said, to be kept; null: as before */
  readonly feed: KeptFeed | null
}

/** What became of an occurrence at its time. */
export interface Started {
  readonly occurrenceId: OccurrenceId
  readonly scheduleId: ScheduleId
  /** `started`: its meeting is `meetingId`; `missed`; `waiting`: the meeting before it in its room is not over, it is tried again */
  readonly outcome: 'started' | 'missed' | 'waiting'
  readonly meetingId: MeetingId | null
  /** the meeting was made for it; false: it joined one that runs */
  readonly isOwn: boolean
}

/** What became of a meeting that was asked for later, at its time. */
export interface AskedOutcome {
  readonly meetingId: MeetingId
  /**
   * `queued`: a bot is to come; `waiting`: its room has a meeting, it is tried again every second; `cancelled`: it has waited for a minute, and
   * that meeting goes on (`room_taken`)
   */
  readonly outcome: 'queued' | 'waiting' | 'cancelled'
}

/** When something is due next, ms since 1970; null: never. */
export interface NextDue {
  /** an occurrence: `startDue` has something to do from then on, also with one that has lost the meeting that it had joined */
  readonly startMs: number | null
  /** a schedule is to be looked at */
  readonly lookMs: number | null
  /** a meeting that was asked for later, or the end of one that no bot has taken yet */
  readonly meetingMs: number | null
}

/**
 * Schedules and their occurrences. An occurrence becomes `started` in the transaction that makes its meeting and the meeting's work: so
 * there is one bot for it, however many processes look at the same second, and whichever of them dies. All times are given: no method reads a clock.
 */
export interface ScheduleBook {
  create(request: ScheduleRequest, nowMs: number): Promise<ScheduleRecord>
  /** @throws NotFoundError */
  schedule(id: ScheduleId): Promise<ScheduleRecord>
  /** newest first */
  schedules(filter: { readonly before?: ScheduleId; readonly limit: number }): Promise<readonly ScheduleRecord[]>
  /** Writes all of it anew; one that is disabled has its planned occurrences cancelled. @throws NotFoundError */
  change(id: ScheduleId, request: ScheduleRequest, nowMs: number): Promise<ScheduleRecord>
  /** With its occurrences; meetings that have begun stay. @throws NotFoundError */
  remove(id: ScheduleId): Promise<void>
  /** The last few that are over, then those to come, in order of their time. @throws NotFoundError */
  occurrences(id: ScheduleId, nowMs: number, limit: number): Promise<readonly OccurrenceRecord[]>

  /** Keeps the calendar's text and asks for a look. @throws NotFoundError */
  saveFeed(id: ScheduleId, feed: KeptFeed, nowMs: number): Promise<void>
  /** null: none was read yet */
  feed(id: ScheduleId): Promise<KeptFeed | null>
  /** Takes schedules that are to be looked at; nobody else is given them for `leaseMs`. */
  takeLooks(nowMs: number, limit: number, leaseMs: number): Promise<readonly DueLook[]>
  /** Nothing happens when the schedule is not of that version any more: then it has been asked to be looked at again. */
  looked(schedule: Pick<ScheduleRecord, 'id' | 'version'>, outcome: LookOutcome): Promise<void>

  /**
   * Writes a plan. What is not in it and not over becomes `cancelled`; an occurrence that has its bot follows the rule of the scheduler.
   */
  plan(schedule: Pick<ScheduleRecord, 'id' | 'version'>, plan: SchedulePlan, nowMs: number): Promise<Planned>
  /** Starts occurrences that are due, those that are due longest first. May be called by any number of processes at once. */
  startDue(nowMs: number, limit: number): Promise<readonly Started[]>
  /** Starts meetings that were asked for later and are due, as `startDue` does occurrences. */
  startMeetings(nowMs: number, limit: number): Promise<readonly AskedOutcome[]>
  /** Meetings whose end has come before a bot took them: they become `missed`, with `no_bot_in_time`. @returns how many */
  missMeetings(nowMs: number): Promise<number>
  /** When something is due next. */
  nextDue(nowMs: number): Promise<NextDue>
}
