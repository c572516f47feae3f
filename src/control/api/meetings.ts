import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi'
import { asMeetingId } from '../../core/ids.js'
import type { Clock } from '../../core/time.js'
import { ForbiddenError, InputError } from '../../core/errors.js'
import type { JobQueue } from '../../followup/port.js'
import { MEETING_STATES, type MeetingRecord, type MeetingStore, type WorkBook } from '../../records/port.js'
import { mayRoom, type ApiEnv } from '../auth/caller.js'
import { emptyIsNone } from './empty-body.js'
import { common, failure, idParam, json, newRoutes } from './routes.js'
import { Meeting, MeetingList, StartMeeting, StopMeeting, toMeeting } from './schemas.js'
import { visibleMeeting, visibleWithStep } from './visible.js'

/** What the routes need. */
export interface MeetingRoutesDeps {
  readonly store: MeetingStore
  /** keeps what is asked for, and puts it into the queue when that answers */
  readonly queue: Pick<JobQueue, 'attend'>
  /** which step of a meeting is stuck */
  readonly work: Pick<WorkBook, 'stuck'>
  readonly defaultLanguage: string | null
  readonly clock: Pick<Clock, 'nowMs'>
  /** a meeting is to be purged: soon, rather than at the next look */
  readonly deletedSoon: () => void
}

const noMeeting = { 404: failure('no such meeting') }
const anyState = { params: idParam }

const start = createRoute({
  method: 'post',
  path: '/meetings',
  description:
    'A room has one bot at a time. Without `startAt`, or with one that is past, a bot is sent now; a room whose meeting runs keeps that one, ' +
    'which is answered with 200, until its bot has left (`finalising`). With a `startAt` to come the meeting is `scheduled`, one of any number that the room may have at different ' +
    'times, whatever runs now; the same room and `startAt` again is the same meeting (200). When it comes due while another meeting of its room ' +
    'runs, it waits for a minute: if that one is over by then, or on its way out, it begins when the room is free, until its `endAt`; if that one ' +
    'goes on, it has the transcript, and the one that waited is `cancelled` with the reason `room_taken`. A meeting that no bot has taken by its ' +
    '`endAt`, because roomscribe was down or every bot was busy, is `missed` with the reason `no_bot_in_time`.',
  request: {
    body: { content: { 'application/json': { schema: StartMeeting } }, required: true },
    headers: z.object({
      'idempotency-key': z.string().min(1).max(255).optional().describe('the same request under the same key has one effect in 24 h'),
    }),
  },
  responses: {
    ...common,
    201: json(Meeting, 'a bot is on its way, or will be at `startAt`'),
    200: json(Meeting, 'the running meeting of that room, or the one that is scheduled for that `startAt`'),
    409: failure('the Idempotency-Key belongs to another request or one that still runs, or the meeting of that room is being deleted'),
    413: failure('the body is too large'),
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
  responses: { ...common, 200: json(MeetingList, 'meetings, newest first') },
})

const get = createRoute({
  method: 'get',
  path: '/meetings/{id}',
  request: anyState,
  responses: { ...common, 200: json(Meeting, 'the meeting'), ...noMeeting },
})

const stop = createRoute({
  method: 'post',
  path: '/meetings/{id}/stop',
  middleware: emptyIsNone,
  request: { params: idParam, body: { content: { 'application/json': { schema: StopMeeting } } } },
  responses: { ...common, 202: json(Meeting, 'the bot leaves, also when it already has'), ...noMeeting },
})

const pause = createRoute({
  method: 'post',
  path: '/meetings/{id}/pause',
  request: anyState,
  responses: { ...common, 202: json(Meeting, 'nobody is heard until it is resumed'), ...noMeeting, 409: failure('it is over') },
})

const resume = createRoute({
  method: 'post',
  path: '/meetings/{id}/resume',
  request: anyState,
  responses: { ...common, 202: json(Meeting, 'everybody is heard again'), ...noMeeting, 409: failure('it is over') },
})

const remove = createRoute({
  method: 'delete',
  path: '/meetings/{id}',
  request: anyState,
  responses: { ...common, 202: { description: 'nobody is shown it any more; it is gone from every store within 60 s' }, ...noMeeting },
})

/** Routes of meetings, to be mounted under /v1. */
export function meetingRoutes(deps: MeetingRoutesDeps): OpenAPIHono<ApiEnv> {
  const { store, work } = deps
  const shown = async (meeting: MeetingRecord) => toMeeting(meeting, (await work.stuck([meeting.id])).get(meeting.id) ?? null)
  const app = newRoutes()
  app.openapi(start, async (c) => {
    const body = c.req.valid('json')
    if (!mayRoom(c.get('caller'), body.room)) throw new ForbiddenError('this key may not start a meeting in that room')
    if (body.endAt !== undefined && Date.parse(body.endAt) <= deps.clock.nowMs())
      throw new InputError('the meeting is over', [{ path: 'endAt', message: 'is over' }])
    const { meeting, created } = await store.create({
      room: body.room,
      title: body.title ?? null,
      language: body.language ?? deps.defaultLanguage,
      vocabulary: body.vocabulary ?? [],
      slackChannel: body.slackChannel ?? null,
      startAt: body.startAt ?? null,
      endAt: body.endAt ?? null,
      botName: body.botName ?? null,
    })
    c.set('touched', meeting.id)
    // also for a meeting that was there: adding is deduplicated. One that is asked for later has no work before its time
    if (meeting.state !== 'scheduled') await deps.queue.attend(meeting.id)
    return c.json(await shown(meeting), created ? 201 : 200)
  })
  app.openapi(list, async (c) => {
    const { state, room, cursor, limit } = c.req.valid('query')
    const { rooms } = c.get('caller')
    const found = await store.meetings({
      ...(state === undefined ? {} : { state }),
      ...(room === undefined ? {} : { room }),
      ...(rooms === null ? {} : { rooms }),
      ...(cursor === undefined ? {} : { before: asMeetingId(cursor) }),
      limit: limit + 1,
    })
    const items = found.slice(0, limit)
    const stuck = await work.stuck(items.map(({ id }) => id))
    const next = found.length > limit ? (items.at(-1)?.id ?? null) : null
    return c.json({ items: items.map((meeting) => toMeeting(meeting, stuck.get(meeting.id) ?? null)), next }, 200)
  })
  app.openapi(get, async (c) => {
    const { meeting, stuck } = await visibleWithStep(store, c.get('caller'), c.req.valid('param').id)
    return c.json(toMeeting(meeting, stuck), 200)
  })
  app.openapi(stop, async (c) => {
    const { id } = await visibleMeeting(store, c.get('caller'), c.req.valid('param').id)
    const { reason } = c.req.valid('json')
    if (reason !== undefined) c.set('note', reason)
    return c.json(await shown(await store.requestStop(id)), 202)
  })
  app.openapi(pause, async (c) => {
    const { id } = await visibleMeeting(store, c.get('caller'), c.req.valid('param').id)
    return c.json(await shown(await store.setPaused(id, true)), 202)
  })
  app.openapi(resume, async (c) => {
    const { id } = await visibleMeeting(store, c.get('caller'), c.req.valid('param').id)
    return c.json(await shown(await store.setPaused(id, false)), 202)
  })
  app.openapi(remove, async (c) => {
    const { id } = await visibleMeeting(store, c.get('caller'), c.req.valid('param').id)
    await store.requestDelete(id)
    deps.deletedSoon()
    return c.body(null, 202)
  })
  return app
}
