import { z } from '@hono/zod-openapi'
import { LANGUAGE_CODE, LANGUAGE_RULE } from '../../core/language.js'
import { OCCURRENCE_STATES, SCHEDULE_KINDS, type OccurrenceRecord, type ScheduleRecord } from '../../records/schedules.js'
import { shownUrl } from '../schedule/shown-url.js'
import { line, when } from './schemas.js'

/** The largest calendar that is taken, characters. */
export const MAX_CALENDAR = 5 * 1024 * 1024

const language = z.string().regex(LANGUAGE_CODE, LANGUAGE_RULE)

const fields = {
  room: line(256).min(1, 'must not be empty').nullable().optional().describe('kind ics: absent, it is found in each event'),
  title: line(300).nullable().optional().describe('kind ics: absent, that of each event'),
  language: language.nullable().optional(),
  vocabulary: z.array(line(100).min(1)).max(100).optional(),
  slackChannel: line(80).min(1).nullable().optional(),
  cron: line(100).min(1).optional().describe('minute, hour, day of the month, month, day of the week'),
  timeZone: line(100).min(1).nullable().optional().describe('IANA name; kind ics: of times that name none'),
  startAt: when.optional().describe('kind once'),
  durationSec: z.int().min(60).max(86_400).optional().describe('3600 when absent; kind ics: of events that say no end'),
  url: line(2000).min(1).nullable().optional().describe('kind ics: the feed; absent, the calendar is uploaded'),
  leadSec: z.int().min(0).max(3_600).optional().describe('how long before its time the bot starts'),
  enabled: z.boolean().optional(),
}

/** Body of `POST /v1/schedules`. */
export const NewSchedule = z.strictObject({ kind: z.enum(SCHEDULE_KINDS), ...fields }).openapi('NewSchedule')

/** Body of `PATCH /v1/schedules/:id`. */
export const SchedulePatch = z.strictObject(fields).openapi('SchedulePatch')

/** Body of `POST /v1/schedules/preview`. */
export const PreviewAsk = z
  .strictObject({
    kind: z.enum(SCHEDULE_KINDS).optional(),
    ics: z.string().max(MAX_CALENDAR).optional().describe('the text of a calendar, in place of kind and url'),
    ...fields,
  })
  .openapi('SchedulePreviewAsk')

/** A schedule as outsiders see it. */
export const Schedule = z
  .object({
    id: z.string(),
    kind: z.enum(SCHEDULE_KINDS),
    room: z.string().nullable(),
    title: z.string().nullable(),
    language: z.string().nullable(),
    vocabulary: z.array(z.string()),
    slackChannel: z.string().nullable(),
    cron: z.string().nullable(),
    timeZone: z.string().nullable(),
    startAt: z.string().nullable(),
    durationSec: z.int(),
    url: z.string().nullable().describe('who serves the feed; the rest of its address may be a secret, and is not told'),
    leadSec: z.int(),
    enabled: z.boolean(),
    createdAt: z.string(),
    lastPolledAt: z.string().nullable(),
    lastChangedAt: z.string().nullable(),
    problem: z.string().nullable().describe('what is wrong with it now'),
  })
  .openapi('Schedule')

export const ScheduleList = z.object({ items: z.array(Schedule), next: z.string().nullable() }).openapi('ScheduleList')

const occurrence = {
  startAt: z.string(),
  endAt: z.string(),
  title: z.string().nullable(),
  room: z.string().nullable(),
  roomProblem: z.string().nullable().describe('why no room is known for it'),
  state: z.enum(OCCURRENCE_STATES),
  reason: z.string().nullable(),
  meetingId: z.string().nullable(),
}

export const OccurrenceList = z
  .object({ items: z.array(z.object({ id: z.string(), ...occurrence }).openapi('Occurrence')) })
  .openapi('OccurrenceList')

export const PreviewList = z
  .object({ items: z.array(z.object(occurrence).openapi('OccurrencePreview')), problem: z.string().nullable() })
  .openapi('SchedulePreview')

/** The stored schedule in the shape of the contract. */
export function toSchedule(record: ScheduleRecord): z.infer<typeof Schedule> {
  const { id, kind, room, title, language, vocabulary, slackChannel, cron, timeZone, startAt, durationSec, url, leadSec, enabled } = record
  const { createdAt, lastPolledAt, lastChangedAt, problem } = record
  return {
    id,
    kind,
    room,
    title,
    language,
    vocabulary: [...vocabulary],
    slackChannel,
    cron,
    timeZone,
    startAt,
    durationSec,
    url: url === null ? null : shownUrl(url),
    leadSec,
    enabled,
    createdAt,
    lastPolledAt,
    lastChangedAt,
    problem,
  }
}

/** The stored occurrence in the shape of the contract. */
export function toOccurrence(record: OccurrenceRecord): z.infer<typeof OccurrenceList>['items'][number] {
  const { id, startAt, endAt, title, room, roomProblem, state, reason, meetingId } = record
  return { id, startAt, endAt, title, room, roomProblem, state, reason, meetingId }
}
