import { z, type OpenAPIHono } from '@hono/zod-openapi'
import type { ApiEnv } from '../auth/caller.js'
import { ARRIVAL_LIMITS } from './listen.js'
import { json } from './routes.js'

const Alive = z.object({ status: z.literal('alive') }).openapi('Alive')
const Ready = z.object({ status: z.literal('ready') }).openapi('Ready')
const NotReady = z.object({ status: z.literal('not ready'), detail: z.string() }).openapi('NotReady')

/** The head of /openapi.json. */
export const DOCUMENT = {
  openapi: '3.1.0',
  info: {
    title: 'roomscribe',
    version: '1',
    description:
      'Every POST under /v1 takes a header `Idempotency-Key`: the same request under the same key has one effect in 24 h and the same ' +
      'answer again, with `idempotency-replayed: true`. Answers that hold a secret (keys, links, tokens of guests) are not kept: their ' +
      'request sent again is answered 409 `idempotency_secret`. Errors are application/problem+json; 429 and 503 say when to come again ' +
      `in \`Retry-After\`. A request whose headers are not here within ${ARRIVAL_LIMITS.headersMs / 1000} s, or whose body is not within ` +
      `${ARRIVAL_LIMITS.requestMs / 1000} s, is answered 408 and its connection is closed.`,
  },
  security: [{ key: [] }],
}

/** Publishes what an orchestrator asks, which takes no key. */
export function publishHealth(app: Pick<OpenAPIHono<ApiEnv>, 'openAPIRegistry'>): void {
  const open = { method: 'get' as const, security: [] }
  app.openAPIRegistry.registerPath({ ...open, path: '/healthz', responses: { 200: json(Alive, 'the process answers') } })
  app.openAPIRegistry.registerPath({
    ...open,
    path: '/readyz',
    responses: {
      200: json(Ready, 'meetings are taken'),
      503: json(NotReady, 'they are not, and why; Retry-After tells when to ask again'),
    },
  })
}
