import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { bodyLimit } from 'hono/body-limit'
import { asMeetingId } from '../../core/ids.js'
import { ConflictError, InputError } from '../../core/errors.js'
import type { JobQueue } from '../../followup/port.js'
import { MEETING_STATES, type MeetingRecord, type MeetingStore, type WorkBook } from '../../records/port.js'
import { problem } from './problem.js'
import { Meeting, MeetingList, ProblemSchema, StartMeeting, StopMeeting, toMeeting } from './schemas.js'
import { Transcript } from './transcript-schema.js'

/** Formats of a transcript, closed list. */
export const TRANSCRIPT_FORMATS = ['json', 'txt', 'md', 'srt', 'vtt'] as const
export type TranscriptFormat = (typeof TRANSCRIPT_FORMATS)[number]

/** What the routes need. */
export interface MeetingRoutesDeps {
  readonly store: MeetingStore
  /** keeps what is asked for, and puts it into the queue when that answers */
  readonly queue: Pick<JobQueue, 'attend'>
  /** which step of a meeting is stuck */
  readonly work: Pick<WorkBook, 'stuck'>
  /** @throws NotFoundError */
  readonly renderTranscript: (id: string, format: TranscriptFormat) => Promise<{ body: string; contentType: string; complete: boolean }>
  readonly defaultLanguage: string | null
}

const BODY_LIMIT_BYTES = 64 * 1024

/** An answer of a shape. */
export const json = <T extends z.ZodType>(schema: T, description: string) => ({ description, content: { 'application/json': { schema } } })
/** An answer that is a problem. */
export const failure = (description: string) => ({ description, content: { 'application/problem+json': { schema: ProblemSchema } } })
const idParam = z.object({ id: z.string() })
export const UNAVAILABLE = { 503: failure('the database or the queue does not answer; Retry-After tells when to come again') }
const common = { 400: failure('the request is wrong'), 401: failure('no valid key'), ...UNAVAILABLE }

const start = createRoute({
  method: 'post',
  path: '/meetings',
  request: { body: { content: { 'application/json': { schema: StartMeeting } }, required: true } },
  responses: {
    201: json(Meeting, 'a bot is on its way'),
    200: json(Meeting, 'the running meeting of that room'),
    413: failure('the body is too large'),
    ...common,
  },
})

const list = createRoute({
  method: 'get',
  path: '/meetings',
  request: {
    query: z.object({
      state: z.enum(MEETING_STATES).optional(),
      room: z.string().max(256).optional(),
      cursor: z.uuid().optional(),
      limit: z.coerce.number().int().min(1).max(100).default(20),
    }),
  },
  responses: { 200: json(MeetingList, 'meetings, newest first'), ...common },
})

const get = createRoute({
  method: 'get',
  path: '/meetings/{id}',
  request: { params: idParam },
  responses: { 200: json(Meeting, 'the meeting'), 404: failure('no such meeting'), ...common },
})

const stop = createRoute({
  method: 'post',
  path: '/meetings/{id}/stop',
  request: { params: idParam, body: { content: { 'application/json': { schema: StopMeeting } } } },
  responses: { 202: json(Meeting, 'the bot leaves, also when it already has'), 404: failure('no such meeting'), ...common },
})

const transcript = createRoute({
  method: 'get',
  path: '/meetings/{id}/transcript',
  request: { params: idParam, query: z.object({ format: z.enum(TRANSCRIPT_FORMATS).default('json') }) },
  responses: {
    200: {
      description: 'the transcript; header roomscribe-complete says whether all speech is in it',
      content: { 'application/json': { schema: Transcript }, 'text/plain': { schema: z.string() } },
    },
    404: failure('no such meeting'),
    ...common,
  },
})

const summary = createRoute({
  method: 'get',
  path: '/meetings/{id}/summary',
  request: { params: idParam },
  responses: { 200: { description: 'the summary' }, 404: failure('no such meeting'), 409: failure('not yet'), ...common },
})

/** Routes whose requests are checked against their schemas. */
export function newRoutes(): OpenAPIHono {
  return new OpenAPIHono({
    defaultHook: (result) => {
      if (result.success) return
      const problems = result.error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message }))
      throw new InputError('the request is wrong', problems)
    },
  })
}

/** Routes of meetings, to be mounted under /v1. */
export function meetingRoutes(deps: MeetingRoutesDeps): OpenAPIHono {
  const shown = async (meeting: MeetingRecord) => toMeeting(meeting, (await deps.work.stuck([meeting.id])).get(meeting.id) ?? null)
  const app = newRoutes()
  app.use(
    '*',
    bodyLimit({
      maxSize: BODY_LIMIT_BYTES,
      onError: (c) => problem(c, 413, 'too_large', `the body may have ${BODY_LIMIT_BYTES} bytes at most`),
    }),
  )
  app.openapi(start, async (c) => {
    const body = c.req.valid('json')
    const { meeting, created } = await deps.store.create({
      room: body.room,
      title: body.title ?? null,
      language: body.language ?? deps.defaultLanguage,
      vocabulary: body.vocabulary ?? [],
      slackChannel: body.slackChannel ?? null,
      startAt: body.startAt ?? null,
      endAt: body.endAt ?? null,
      botName: body.botName ?? null,
    })
    // also for a meeting that was there: adding is deduplicated
    await deps.queue.attend(meeting.id)
    return c.json(await shown(meeting), created ? 201 : 200)
  })
  app.openapi(list, async (c) => {
    const { state, room, cursor, limit } = c.req.valid('query')
    const found = await deps.store.meetings({
      ...(state === undefined ? {} : { state }),
      ...(room === undefined ? {} : { room }),
      ...(cursor === undefined ? {} : { before: asMeetingId(cursor) }),
      limit: limit + 1,
    })
    const items = found.slice(0, limit)
    const stuck = await deps.work.stuck(items.map(({ id }) => id))
    const next = found.length > limit ? (items.at(-1)?.id ?? null) : null
    return c.json({ items: items.map((meeting) => toMeeting(meeting, stuck.get(meeting.id) ?? null)), next }, 200)
  })
  app.openapi(get, async (c) => c.json(await shown(await deps.store.meeting(asMeetingId(c.req.valid('param').id))), 200))
  app.openapi(stop, async (c) => c.json(await shown(await deps.store.requestStop(asMeetingId(c.req.valid('param').id))), 202))
  app.openapi(transcript, async (c) => {
    const { format } = c.req.valid('query')
    const { body, contentType, complete } = await deps.renderTranscript(c.req.valid('param').id, format)
    const headers = { 'content-type': contentType, 'roomscribe-complete': String(complete) }
    // rendered already: the types of this library know only bodies that it makes itself
    return c.body(body, 200, headers) as never
  })
  app.openapi(summary, async (c) => {
    const meeting = await deps.store.meeting(asMeetingId(c.req.valid('param').id))
    const found = await deps.store.summary(meeting.id)
    if (!found) throw new ConflictError(`the meeting is ${meeting.state}: it has no summary yet`)
    return c.json(found, 200)
  })
  return app
}
