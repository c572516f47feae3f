import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { bodyLimit } from 'hono/body-limit'
import { HTTPException } from 'hono/http-exception'
import { secureHeaders } from 'hono/secure-headers'
import { InputError, toError } from '../../core/errors.js'
import type { Clock } from '../../core/time.js'
import type { Logger } from '../../observe/logger.js'
import type { AccessBook } from '../../records/access.js'
import { Authenticator } from '../auth/authenticator.js'
import type { ApiEnv, Caller } from '../auth/caller.js'
import { OpenFeeds } from '../auth/open-feeds.js'
import type { LiveHub } from '../feed/hub.js'
import type { WebhookRoutes } from '../webhooks/livekit/routes.js'
import { audited } from './audited.js'
import { authenticated } from './authenticated.js'
import type { BoardQueue } from '../../followup/port.js'
import { boardRoutes } from '../queues/board.js'
import { docsRoutes } from './docs.js'
import { deadLetterRoutes, type DeadLetterRoutesDeps } from './dead-letters.js'
import { idempotent } from './idempotent.js'
import { keyRoutes } from './keys.js'
import { liveRoutes } from './live.js'
import { meetingRoutes, type MeetingRoutesDeps } from './meetings.js'
import { pageRoutes, type PageDeps } from '../web/page.js'
import { problem, problemOf, respond, RETRY_AFTER_SEC, retryAfterSec } from './problem.js'
import { DOCUMENT, publishHealth } from './published.js'
import { newLimit, rateLimited } from './rate-limit.js'
import { resultRoutes, type ResultRoutesDeps } from './results.js'
import { failure } from './routes.js'
import { sessionRoutes } from './session.js'
import { visibleMeeting } from './visible.js'
import { timelineRoutes } from './timeline.js'
import { requestSpans } from './traced.js'
import { scheduleRoutes, type ScheduleRoutesDeps } from './schedules.js'

/** What the HTTP API needs. */
export interface ApiDeps extends MeetingRoutesDeps, DeadLetterRoutesDeps, Omit<ResultRoutesDeps, 'authenticator'> {
  /** the first admin key */
  readonly apiKey: string
  readonly access: AccessBook
  readonly hub: Pick<LiveHub, 'read'>
  readonly clock: Clock
  /** requests a second that a key may send, on average over ten; 0: any number */
  readonly rateLimit: number
  /** null when meetings can be taken, else one sentence that says what is missing */
  readonly notReady: () => Promise<string | null>
  /** what Prometheus scrapes */
  readonly metrics: () => Promise<{ readonly contentType: string; readonly body: string }>
  readonly logger: Logger
  /** the page for browsers; absent: there is none */
  readonly page?: PageDeps | null
  /** absent: none are taken */
  readonly schedules?: ScheduleRoutesDeps | null
  /** for the view of queues; absent: there is none */
  readonly boards?: readonly BoardQueue[]
  /** LiveKit's webhooks, under no key: their signature is one; absent: none are taken */
  readonly webhooks?: WebhookRoutes | null
}

/** Wrong keys a second, from one address */
const FAILURES_PER_SEC = 10
const BODY_LIMIT_BYTES = 64 * 1024
/** calendars come in bodies of their own size */
const OWN_LIMIT = /^\/v1\/schedules\/(preview$|[^/]+\/feed$)/

const metrics = createRoute({
  method: 'get',
  path: '/metrics',
  responses: {
    200: { description: 'metrics of this process in the text format of Prometheus', content: { 'text/plain': { schema: z.string() } } },
    401: failure('no valid key'),
  },
})

/** The app without a socket, for tests. */
export function createApi(deps: ApiDeps): OpenAPIHono<ApiEnv> {
  const app = new OpenAPIHono<ApiEnv>()
  const { access, clock, logger, store } = deps
  const authenticator = new Authenticator(access, clock, deps.apiKey)
  const feeds = new OpenFeeds({ authenticator, clock, logger })
  const revoked = () => {
    authenticator.forget()
    return feeds.look()
  }
  const failures = newLimit(FAILURES_PER_SEC)
  app.use('*', requestSpans, secureHeaders())
  app.onError((error, c) => {
    if (error instanceof HTTPException) {
      // hono's own: a body that is not JSON
      return respond(c, problemOf(new InputError(error.status === 400 ? 'the body is not valid JSON' : 'the request is wrong')))
    }
    const body = problemOf(error)
    const facts = { err: toError(error), path: c.req.path }
    // a part that is away is told of by whoever looks after it; here it is one refused request
    if (body.status === 503) deps.logger.warn(facts, 'request refused for now')
    else if (body.status >= 500) deps.logger.error(facts, 'request failed')
    const waitSec = retryAfterSec(error)
    if (waitSec !== null) c.header('retry-after', String(waitSec))
    return respond(c, body)
  })
  app.notFound((c) => problem(c, 404, 'not_found', 'there is nothing at this address'))
  app.get('/healthz', (c) => c.json({ status: 'alive' }))
  app.get('/readyz', async (c) => {
    const missing = await deps.notReady()
    if (missing === null) return c.json({ status: 'ready' })
    return c.json({ status: 'not ready', detail: missing }, 503, { 'retry-after': String(RETRY_AFTER_SEC) })
  })
  const limited = bodyLimit({
    maxSize: BODY_LIMIT_BYTES,
    onError: (c) => problem(c, 413, 'too_large', `the body may have ${BODY_LIMIT_BYTES} bytes at most`),
  })
  app.use('/v1/*', (c, next) => (OWN_LIMIT.test(c.req.path) ? next() : limited(c, next)))
  app.use('/session', limited)
  const known = authenticated(authenticator, failures)
  const rated = rateLimited(deps.rateLimit === 0 ? null : newLimit(deps.rateLimit))
  app.use('/metrics', known, rated)
  app.use('/v1/*', known, rated, audited(access, logger), idempotent(access, logger))
  app.openapi(metrics, async (c) => {
    const { contentType, body } = await deps.metrics()
    return c.text(body, 200, { 'content-type': contentType })
  })
  // before the meetings, which bound every body that comes by: calendars are larger
  if (deps.schedules) app.route('/v1', scheduleRoutes(deps.schedules))
  app.route('/v1', meetingRoutes(deps))
  app.route('/v1', resultRoutes({ ...deps, authenticator }))
  const visible = async (caller: Caller, id: string) => (await visibleMeeting(store, caller, id)).id
  app.route('/v1', liveRoutes({ hub: deps.hub, feeds, visible }))
  app.route('/v1', keyRoutes({ access, revoked }))
  app.route('/v1', deadLetterRoutes(deps))
  app.route('/v1', timelineRoutes(deps))
  if (deps.page) app.route('/', pageRoutes(deps.page))
  app.route('/', sessionRoutes({ authenticator, clock, failures }))
  if (deps.webhooks) app.route('/webhooks', deps.webhooks)
  app.route('/docs', docsRoutes())
  if (deps.boards) {
    app.use('/queues/*', known, rated)
    app.route('/queues', boardRoutes({ queues: deps.boards, logger }))
  }
  app.openAPIRegistry.registerComponent('securitySchemes', 'key', { type: 'http', scheme: 'bearer' })
  publishHealth(app)
  app.doc31('/openapi.json', DOCUMENT)
  return app
}
