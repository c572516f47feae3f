import type { OccurrenceDraft, ScheduleRequest } from '../../src/records/schedules.js'

/** A schedule of a calendar, everything else absent unless given. */
export const scheduleRequest = (given: Partial<ScheduleRequest> = {}): ScheduleRequest => ({
  kind: 'ics',
  room: null,
  title: null,
  language: null,
  vocabulary: [],
  slackChannel: null,
  cron: null,
  timeZone: null,
  startAt: null,
  durationSec: 3_600,
  url: null,
  leadSec: 0,
  enabled: true,
  owner: null,
  rooms: null,
  ...given,
})

/** An occurrence of an hour. */
export const draftAt = (key: string, startMs: number, given: Partial<OccurrenceDraft> = {}): OccurrenceDraft => ({
  key,
  startAt: new Date(startMs).toISOString(),
  endAt: new Date(startMs + 3_600_000).toISOString(),
  title: `title of ${key}`,
  room: `room of ${key}`,
  roomProblem: null,
  language: null,
  vocabulary: [],
  isCancelled: false,
  ...given,
})
