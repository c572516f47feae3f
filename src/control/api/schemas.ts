import { z } from '@hono/zod-openapi'
import { LANGUAGE_CODE, LANGUAGE_RULE } from '../../core/language.js'
import type { DeadLetter } from '../../followup/port.js'
import { utteranceKey } from '../../records/partials.js'
import {
  MEETING_REASONS,
  MEETING_STATES,
  type FeedEvent,
  type MeetingRecord,
  type StoredSegment,
  type StuckStep,
} from '../../records/port.js'

/** One line of text. @param max characters */
export const line = (max: number) =>
  z
    .string()
    .max(max)
    // a control character in a name ends up in terminals, logs and posts
    .refine((text) => !/\p{Cc}/u.test(text), 'must not contain control characters')

/** A moment, ISO-8601 with a zone. */
export const when = z.iso.datetime({ offset: true })

/** Body of `POST /v1/meetings`. */
export const StartMeeting = z
  .strictObject({
    room: line(256).min(1, 'must not be empty'),
    title: line(300).optional(),
    language: z.string().regex(LANGUAGE_CODE, LANGUAGE_RULE).optional(),
    vocabulary: z.array(line(100).min(1)).max(100).optional(),
    slackChannel: line(80).min(1).optional(),
    startAt: when.optional().describe('when the bot is to come; absent or past: now'),
    endAt: when
      .optional()
      .describe(
        'the end of the time in which a bot may come: later none does. It ends no meeting: a bot that is there stays until the people leave. ' +
          'Absent with a `startAt` to come: an hour after that',
      ),
    botName: line(100).min(1).optional(),
  })
  .refine(({ startAt, endAt }) => startAt === undefined || endAt === undefined || Date.parse(endAt) > Date.parse(startAt), {
    path: ['endAt'],
    message: 'must be after startAt',
  })
  .openapi('StartMeeting')

/** Body of `POST /v1/meetings/:id/stop`. */
export const StopMeeting = z
  .strictObject({ reason: line(300).optional().describe('for people: it stands in the log of writes') })
  .openapi('StopMeeting')

const Participant = z
  .object({ identity: z.string(), name: z.string(), joinedMs: z.int(), leftMs: z.int().nullable() })
  .openapi('Participant')

const stuck = {
  id: z.string(),
  step: z.enum(['attend', 'finalise', 'summarise', 'deliver']),
  attempts: z.int(),
  reason: z.string(),
  failedAt: z.string(),
}

/** A job that was given up. */
export const DeadLetterSchema = z.object({ ...stuck, meetingId: z.string().nullable() }).openapi('DeadLetter')

export const DeadLetterList = z.object({ items: z.array(DeadLetterSchema) }).openapi('DeadLetterList')

/** A meeting as outsiders see it. */
export const Meeting = z
  .object({
    id: z.string(),
    room: z.string(),
    title: z.string().nullable(),
    state: z.enum(MEETING_STATES),
    reason: z.enum(MEETING_REASONS).nullable(),
    paused: z.boolean().describe('nobody is heard until it is resumed'),
    createdAt: z.string(),
    startAt: z.string().nullable().describe('when it was asked for'),
    endAt: z.string().nullable().describe('no bot comes from then on; one that is there stays'),
    startedAt: z.string().nullable(),
    endedAt: z.string().nullable(),
    language: z.string().nullable(),
    participants: z.array(Participant),
    /** the step that was given up and holds the meeting in its state: `POST /v1/dead-letters/{id}/retry` runs it again */
    deadLetter: z.object(stuck).nullable(),
  })
  .openapi('Meeting')

export const MeetingList = z.object({ items: z.array(Meeting), next: z.string().nullable() }).openapi('MeetingList')

export const ProblemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string(),
    detail: z.string(),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  })
  .openapi('Problem')

/** The stored meeting in the shape of the contract. */
export function toMeeting(record: MeetingRecord, stuck: StuckStep | null): z.infer<typeof Meeting> {
  const { id, room, title, state, reason, paused, createdAt, startAt, endAt, startedAt, endedAt, language, participants } = record
  return {
    id,
    room,
    title,
    state,
    reason,
    paused,
    createdAt,
    startAt,
    endAt,
    startedAt,
    endedAt,
    language,
    participants: participants.map((person) => ({ ...person })),
    deadLetter: stuck === null ? null : { ...stuck },
  }
}

/** A dead letter in the shape of the contract. */
export function toDeadLetter({ id, step, meetingId, attempts, reason, failedAt }: DeadLetter): z.infer<typeof DeadLetterSchema> {
  return { id, step, meetingId, attempts, reason, failedAt }
}

/** A segment in the shape of the transcript, and its place in the live feed. */
export function toSegment(segment: StoredSegment, { participants }: Pick<MeetingRecord, 'participants'>): object {
  const { id, identity, startMs, endMs, text, words, language, confidence, sessionId, channel, seq } = segment
  const name = identity === null ? null : (participants.find((person) => person.identity === identity)?.name ?? identity)
  return {
    id,
    identity,
    name,
    startMs,
    endMs,
    text,
    words,
    language,
    confidence,
    session: sessionId,
    channel,
    seq,
    utterance: utteranceKey(segment),
  }
}

/** A gap in the shape of the live feed. */
export function toGap({ identity, fromMs, toMs, reason }: Extract<FeedEvent, { kind: 'gap' }>['gap']): object {
  return { identity, fromMs, toMs, reason }
}
