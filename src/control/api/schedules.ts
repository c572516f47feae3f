import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi'
import type { MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { InputError } from '../../core/errors.js'
import { asScheduleId } from '../../core/ids.js'
import type { ApiEnv } from '../auth/caller.js'
import type { ScheduleDesk } from '../schedule/desk.js'
import { changedRequest, newRequest } from '../schedule/request.js'
import { problem } from './problem.js'
import { common, failure, idParam, json, newRoutes } from './routes.js'
import {
  MAX_CALENDAR,
  NewSchedule,
  OccurrenceList,
  PreviewAsk,
  PreviewList,
  Schedule,
  ScheduleList,
  SchedulePatch,
  toOccurrence,
  toSchedule,
} from './schedule-schemas.js'

/** What the routes need. */
export interface ScheduleRoutesDeps {
  readonly desk: ScheduleDesk
}

const BODY_BYTES = 64 * 1024
/** a calendar in UTF-8, as it is or as a string of JSON */
const FEED_BYTES = MAX_CALENDAR
const PREVIEW_BYTES = 2 * MAX_CALENDAR + BODY_BYTES

const body = <T extends z.ZodType>(schema: T) => ({ content: { 'application/json': { schema } }, required: true })
const missing = { 404: failure('no such schedule') }
const tooLarge = { 413: failure('the body is too large') }

const create = createRoute({
  method: 'post',
  path: '/schedules',
  request: { body: body(NewSchedule) },
  responses: { ...common, 201: json(Schedule, 'its occurrences are planned; those of a feed as soon as that has answered'), ...tooLarge },
})

const list = createRoute({
  method: 'get',
  path: '/schedules',
  request: { query: z.object({ cursor: z.uuid().optional(), limit: z.coerce.number().int().min(1).max(100).default(20) }) },
  responses: { ...common, 200: json(ScheduleList, 'schedules, newest first') },
})

const preview = createRoute({
  method: 'post',
  path: '/schedules/preview',
  request: { body: body(PreviewAsk), query: z.object({ limit: z.coerce.number().int().min(1).max(500).default(100) }) },
  responses: {
    ...common,
    200: json(PreviewList, 'the next occurrences and the room that each would join, or why none; nothing is written'),
    ...tooLarge,
  },
})

const get = createRoute({
  method: 'get',
  path: '/schedules/{id}',
  request: { params: idParam },
  responses: { ...common, 200: json(Schedule, 'the schedule'), ...missing },
})

const patch = createRoute({
  method: 'patch',
  path: '/schedules/{id}',
  request: { params: idParam, body: body(SchedulePatch) },
  responses: { ...common, 200: json(Schedule, 'the schedule as it is now; its occurrences are planned anew'), ...missing, ...tooLarge },
})

const remove = createRoute({
  method: 'delete',
  path: '/schedules/{id}',
  request: { params: idParam },
  responses: { ...common, 204: { description: 'gone with its planned occurrences; meetings that have begun stay' }, ...missing },
})

const feed = createRoute({
  method: 'put',
  path: '/schedules/{id}/feed',
  request: { params: idParam, body: { content: { 'text/calendar': { schema: z.string() } }, required: true } },
  responses: { ...common, 200: json(Schedule, 'the calendar is taken, and planned'), ...missing, ...tooLarge },
})

const occurrences = createRoute({
  method: 'get',
  path: '/schedules/{id}/occurrences',
  request: { params: idParam, query: z.object({ limit: z.coerce.number().int().min(1).max(500).default(50) }) },
  responses: { ...common, 200: json(OccurrenceList, 'the last few that are over, then those to come, by their time'), ...missing },
})

/** Routes of schedules, to be mounted under /v1 before routes that limit every body. */
export function scheduleRoutes({ desk }: ScheduleRoutesDeps): OpenAPIHono<ApiEnv> {
  const app = newRoutes()
  const limits = { small: limited(BODY_BYTES), feed: limited(FEED_BYTES), preview: limited(PREVIEW_BYTES) }
  app.use('/schedules/*', (c, next) => {
    if (c.req.path.endsWith('/preview')) return limits.preview(c, next)
    return (c.req.path.endsWith('/feed') ? limits.feed : limits.small)(c, next)
  })
  app.openapi(create, async (c) => {
    const { kind, ...fields } = c.req.valid('json')
    const request = newRequest(kind, fields, c.get('caller'), desk.defaultLeadSec, desk.nowMs())
    return c.json(toSchedule(await desk.create(request)), 201)
  })
  app.openapi(list, async (c) => {
    const { cursor, limit } = c.req.valid('query')
    const found = await desk.schedules(c.get('caller'), cursor === undefined ? undefined : asScheduleId(cursor), limit)
    const items = found.slice(0, limit)
    return c.json({ items: items.map(toSchedule), next: found.length > limit ? (items.at(-1)?.id ?? null) : null }, 200)
  })
  app.openapi(preview, async (c) => {
    const { kind, ics, ...fields } = c.req.valid('json')
    const isText = ics !== undefined
    if (isText && ((kind !== undefined && kind !== 'ics') || (fields.url ?? null) !== null)) {
      throw new InputError('the request is wrong', [{ path: 'ics', message: 'stands in place of a kind and its url' }])
    }
    if (!isText && kind === undefined) throw new InputError('the request is wrong', [{ path: 'kind', message: 'is needed, or ics' }])
    const request = newRequest(kind ?? 'ics', fields, c.get('caller'), desk.defaultLeadSec, desk.nowMs())
    const { items, problem } = await desk.preview(request, ics ?? null)
    return c.json({ items: items.slice(0, c.req.valid('query').limit).map((item) => ({ ...item })), problem }, 200)
  })
  app.openapi(get, async (c) => c.json(toSchedule(await desk.schedule(asScheduleId(c.req.valid('param').id), c.get('caller'))), 200))
  app.openapi(patch, async (c) => {
    const before = await desk.schedule(asScheduleId(c.req.valid('param').id), c.get('caller'))
    const request = changedRequest(before, c.req.valid('json'), c.get('caller'), desk.nowMs())
    return c.json(toSchedule(await desk.change(before.id, request)), 200)
  })
  app.openapi(remove, async (c) => {
    const { id } = await desk.schedule(asScheduleId(c.req.valid('param').id), c.get('caller'))
    await desk.remove(id)
    return c.body(null, 204)
  })
  app.openapi(feed, async (c) => {
    const schedule = await desk.schedule(asScheduleId(c.req.valid('param').id), c.get('caller'))
    return c.json(toSchedule(await desk.upload(schedule, await c.req.text())), 200)
  })
  app.openapi(occurrences, async (c) => {
    const { id } = await desk.schedule(asScheduleId(c.req.valid('param').id), c.get('caller'))
    return c.json({ items: (await desk.occurrences(id, c.req.valid('query').limit)).map(toOccurrence) }, 200)
  })
  return app
}

const limited = (maxSize: number): MiddlewareHandler =>
  bodyLimit({ maxSize, onError: (c) => problem(c, 413, 'too_large', `the body may have ${maxSize} bytes at most`) })
