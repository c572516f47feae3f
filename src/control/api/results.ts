import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi'
import { ConflictError, ForbiddenError } from '../../core/errors.js'
import type { Clock } from '../../core/time.js'
import { FINAL_STATES, hasEnded, type MeetingRecord, type MeetingStore } from '../../records/port.js'
import type { Authenticator } from '../auth/authenticator.js'
import { holds, type ApiEnv } from '../auth/caller.js'
import { emptyIsNone } from './empty-body.js'
import { common, failure, idParam, json, newRoutes, onceHeader } from './routes.js'
import { line } from './schemas.js'
import { Transcript } from './transcript-schema.js'
import { visibleMeeting } from './visible.js'

/** Formats of a transcript, closed list. */
export const TRANSCRIPT_FORMATS = ['json', 'txt', 'md', 'srt', 'vtt'] as const
export type TranscriptFormat = (typeof TRANSCRIPT_FORMATS)[number]

/** With what somebody joins a room in a browser. */
export interface Guest {
  /** address of the LiveKit server */
  readonly url: string
  readonly token: string
  readonly identity: string
}

/** What the routes need. */
export interface ResultRoutesDeps {
  readonly store: MeetingStore
  /** @throws NotFoundError */
  readonly renderTranscript: (
    meeting: MeetingRecord,
    format: TranscriptFormat,
  ) => Promise<{ body: string; contentType: string; complete: boolean }>
  readonly authenticator: Authenticator
  readonly clock: Clock
  /** Makes a token for a person with a microphone; null: there is no LiveKit server to join. */
  readonly guest: ((meeting: MeetingRecord, name: string) => Promise<Guest>) | null
}

const LINK_SEC = 7 * 86_400
const LONGEST_LINK_SEC = 90 * 86_400

const Summary = z
  .object({
    meetingId: z.string(),
    model: z.string(),
    createdAt: z.string(),
    sections: z.array(
      z.object({
        kind: z.enum(['overview', 'decisions', 'actions', 'questions']),
        lines: z.array(
          z.object({ text: z.string(), owner: z.string().nullable(), segmentIds: z.array(z.string()).describe('what the line rests on') }),
        ),
      }),
    ),
  })
  .openapi('Summary')
const DeliveryList = z
  .object({
    items: z.array(
      z.object({ destination: z.string(), part: z.string(), state: z.enum(['intended', 'sent']), reference: z.string().nullable() }),
    ),
  })
  .openapi('DeliveryList')
const CreateLink = z
  .strictObject({
    expiresSec: z.int().min(60).max(LONGEST_LINK_SEC).default(LINK_SEC),
    guest: z.boolean().default(false).describe('its holder may join the room'),
  })
  .openapi('CreateLink')
const Link = z.object({ url: z.string(), token: z.string(), expiresAt: z.string() }).openapi('Link')
const JoinAsGuest = z.strictObject({ name: line(100).min(1) }).openapi('JoinAsGuest')
const GuestSchema = z.object({ url: z.string(), token: z.string(), identity: z.string() }).openapi('Guest')

const text = { schema: z.string() }
const TEXTS = { 'text/plain': text, 'text/markdown': text, 'application/x-subrip': text, 'text/vtt': text }
const noMeeting = { 404: failure('no such meeting') }
const transcript = createRoute({
  method: 'get',
  path: '/meetings/{id}/transcript',
  request: { params: idParam, query: z.object({ format: z.enum(TRANSCRIPT_FORMATS).default('json') }) },
  responses: {
    ...common,
    200: {
      description: 'the transcript; header roomscribe-complete says whether all speech is in it',
      content: { 'application/json': { schema: Transcript }, ...TEXTS },
    },
    ...noMeeting,
  },
})
const summary = createRoute({
  method: 'get',
  path: '/meetings/{id}/summary',
  request: { params: idParam },
  responses: { ...common, 200: json(Summary, 'the summary'), ...noMeeting, 409: failure('not yet') },
})
const deliveries = createRoute({
  method: 'get',
  path: '/meetings/{id}/deliveries',
  request: { params: idParam },
  responses: { ...common, 200: json(DeliveryList, 'what was posted where'), ...noMeeting },
})
const link = createRoute({
  method: 'post',
  path: '/meetings/{id}/links',
  middleware: emptyIsNone,
  request: { params: idParam, headers: onceHeader, body: { content: { 'application/json': { schema: CreateLink } } } },
  responses: { ...common, 201: json(Link, 'whoever has the link sees this meeting in the page'), ...noMeeting },
})
const guest = createRoute({
  method: 'post',
  path: '/meetings/{id}/guest',
  request: { params: idParam, headers: onceHeader, body: { content: { 'application/json': { schema: JoinAsGuest } }, required: true } },
  responses: {
    ...common,
    201: json(GuestSchema, 'with this a browser joins the room'),
    ...noMeeting,
    409: failure('it is over; or as for every Idempotency-Key'),
  },
})

/** What a meeting has left, and who else may see it; to be mounted under /v1. */
export function resultRoutes(deps: ResultRoutesDeps): OpenAPIHono<ApiEnv> {
  const { store, clock, authenticator } = deps
  const app = newRoutes()
  app.openapi(transcript, async (c) => {
    const meeting = await visibleMeeting(store, c.get('caller'), c.req.valid('param').id)
    const { body, contentType, complete } = await deps.renderTranscript(meeting, c.req.valid('query').format)
    const headers = { 'content-type': contentType, 'roomscribe-complete': String(complete) }
    // rendered already: the types of this library know only bodies that it makes itself
    return c.body(body, 200, headers) as never
  })
  app.openapi(summary, async (c) => {
    const meeting = await visibleMeeting(store, c.get('caller'), c.req.valid('param').id)
    const found = await store.summary(meeting.id)
    if (!found)
      throw new ConflictError(`the meeting is ${meeting.state}: it has no summary${FINAL_STATES.includes(meeting.state) ? '' : ' yet'}`)
    const sections = found.sections.map(({ kind, lines }) => ({
      kind,
      lines: lines.map(({ text, owner, segmentIds }) => ({ text, owner, segmentIds: [...segmentIds] })),
    }))
    return c.json({ meetingId: found.meetingId, model: found.model, createdAt: found.createdAt, sections }, 200)
  })
  app.openapi(deliveries, async (c) => {
    const { id } = await visibleMeeting(store, c.get('caller'), c.req.valid('param').id)
    return c.json({ items: (await store.deliveries(id)).map((delivery) => ({ ...delivery })) }, 200)
  })
  app.openapi(link, async (c) => {
    const meeting = await visibleMeeting(store, c.get('caller'), c.req.valid('param').id)
    const given = c.req.valid('json')
    const expiresMs = clock.nowMs() + (given.expiresSec ?? LINK_SEC) * 1000
    const token = await authenticator.link(c.get('caller'), meeting.id, given.guest ?? false, expiresMs)
    c.header('cache-control', 'no-store')
    return c.json({ url: `${new URL(c.req.url).origin}/#link=${token}`, token, expiresAt: new Date(expiresMs).toISOString() }, 201)
  })
  app.openapi(guest, async (c) => {
    const caller = c.get('caller')
    const meeting = await visibleMeeting(store, caller, c.req.valid('param').id)
    if (!caller.mayJoin && !holds(caller, 'meetings:write')) throw new ForbiddenError('this link does not let its holder join')
    if (hasEnded(meeting.state)) throw new ConflictError(`the meeting is ${meeting.state}`)
    if (deps.guest === null) throw new ConflictError('no LiveKit server is configured here')
    c.header('cache-control', 'no-store')
    return c.json(await deps.guest(meeting, c.req.valid('json').name), 201)
  })
  return app
}
