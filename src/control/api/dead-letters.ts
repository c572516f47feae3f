import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi'
import type { DeadLetters } from '../../followup/port.js'
import type { ApiEnv } from '../auth/caller.js'
import { common, failure, json, newRoutes } from './routes.js'
import { DeadLetterList, DeadLetterSchema, toDeadLetter } from './schemas.js'

/** What the routes need. */
export interface DeadLetterRoutesDeps {
  readonly deadLetters: Pick<DeadLetters, 'list' | 'retry'>
}

const list = createRoute({
  method: 'get',
  path: '/dead-letters',
  request: { query: z.object({ limit: z.coerce.number().int().min(1).max(1000).default(100) }) },
  responses: { ...common, 200: json(DeadLetterList, 'jobs that were given up and wait for a person, newest first') },
})

const retry = createRoute({
  method: 'post',
  path: '/dead-letters/{id}/retry',
  request: { params: z.object({ id: z.string().max(200) }) },
  responses: {
    ...common,
    202: json(DeadLetterSchema, 'it runs again, with all its attempts'),
    404: failure('no such job'),
    409: failure('it is not given up (any more)'),
  },
})

/** Routes of dead letters, to be mounted under /v1. */
export function deadLetterRoutes(deps: DeadLetterRoutesDeps): OpenAPIHono<ApiEnv> {
  const app = newRoutes()
  app.openapi(list, async (c) => c.json({ items: (await deps.deadLetters.list(c.req.valid('query').limit)).map(toDeadLetter) }, 200))
  app.openapi(retry, async (c) => c.json(toDeadLetter(await deps.deadLetters.retry(c.req.valid('param').id)), 202))
  return app
}
