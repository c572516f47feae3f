import { createHash, timingSafeEqual } from 'node:crypto'
import { serve } from '@hono/node-server'
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import type { MiddlewareHandler } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { secureHeaders } from 'hono/secure-headers'
import { ConfigError, InputError, toError } from '../../core/errors.js'
import type { Logger } from '../../observe/logger.js'
import { deadLetterRoutes, type DeadLetterRoutesDeps } from './dead-letters.js'
import { failure, meetingRoutes, type MeetingRoutesDeps } from './meetings.js'
import { problem, problemOf, respond, RETRY_AFTER_SEC, retryAfterSec } from './problem.js'

/** What the HTTP API needs. */
export interface ApiDeps extends MeetingRoutesDeps, DeadLetterRoutesDeps {
  /** the one bearer key */
  readonly apiKey: string
  /** null when meetings can be taken, else one sentence that says what is missing */
  readonly notReady: () => Promise<string | null>
  /** what Prometheus scrapes */
  readonly metrics: () => Promise<{ readonly contentType: string; readonly body: string }>
  readonly logger: Logger
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

const metrics = createRoute({
  method: 'get',
  path: '/metrics',
  responses: {
    200: { description: 'metrics of this process in the text format of Prometheus', content: { 'text/plain': { schema: z.string() } } },
    401: failure('no valid key'),
  },
})

/** The app without a socket, for tests. */
export function createApi(deps: ApiDeps): OpenAPIHono {
  const app = new OpenAPIHono()
  const expected = digest(deps.apiKey)
  app.use('*', secureHeaders())
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
  const withKey: MiddlewareHandler = async (c, next) => {
    const given = /^Bearer (.+)$/.exec(c.req.header('authorization') ?? '')?.[1]
    if (given === undefined || !timingSafeEqual(digest(given), expected)) {
      c.header('www-authenticate', 'Bearer')
      return problem(c, 401, 'unauthorized', 'send Authorization: Bearer <key> with a valid key')
    }
    return next()
  }
  app.use('/v1/*', withKey)
  app.use('/metrics', withKey)
  app.openapi(metrics, async (c) => {
    const { contentType, body } = await deps.metrics()
    return c.text(body, 200, { 'content-type': contentType })
  })
  app.route('/v1', meetingRoutes(deps))
  app.route('/v1', deadLetterRoutes(deps))
  app.doc31('/openapi.json', { openapi: '3.1.0', info: { title: 'roomscribe', version: '1' } })
  return app
}

/** A listening API. */
export interface ApiServer {
  readonly port: number
  close(): Promise<void>
}

/**
 * Listens.
 * @throws ConfigError the port is taken, or may not be bound
 */
export function listen(app: OpenAPIHono, host: string, port: number): Promise<ApiServer> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch: app.fetch, hostname: host, port }, (bound) => {
      resolve({
        port: bound.port,
        close: () =>
          new Promise((done) => {
            server.close(() => done())
            if ('closeAllConnections' in server) server.closeAllConnections()
          }),
      })
    })
    server.once('error', (error: NodeJS.ErrnoException) => {
      const text =
        error.code === 'EADDRINUSE'
          ? `port ${port} on ${host} is taken by another process: set ROOMSCRIBE_PORT to another one (0 picks a free one)`
          : `port ${port} on ${host} cannot be bound (${error.code ?? error.message}): set ROOMSCRIBE_PORT or ROOMSCRIBE_HOST`
      reject(new ConfigError([text], { cause: error }))
    })
  })
}
