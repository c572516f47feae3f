import { createHash, timingSafeEqual } from 'node:crypto'
import { OpenAPIHono } from '@hono/zod-openapi'
import { secureHeaders } from 'hono/secure-headers'
import { problem, RETRY_AFTER_SEC } from './problem.js'

/** What a process without an API answers. */
export interface OpsDeps {
  /** the one bearer key, for metrics */
  readonly apiKey: string
  /** null when work is taken, else one sentence that says why not */
  readonly notReady: () => Promise<string | null>
  readonly metrics: () => Promise<{ readonly contentType: string; readonly body: string }>
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Health, readiness and metrics, and nothing else: what an orchestrator asks a process that runs bots. Without a socket. */
export function createOps(deps: OpsDeps): OpenAPIHono {
  const app = new OpenAPIHono()
  const expected = digest(deps.apiKey)
  app.use('*', secureHeaders())
  app.notFound((c) => problem(c, 404, 'not_found', 'there is nothing at this address: meetings are started at `roomscribe serve`'))
  app.get('/healthz', (c) => c.json({ status: 'alive' }))
  app.get('/readyz', async (c) => {
    const missing = await deps.notReady()
    if (missing === null) return c.json({ status: 'ready' })
    return c.json({ status: 'not ready', detail: missing }, 503, { 'retry-after': String(RETRY_AFTER_SEC) })
  })
  app.get('/metrics', async (c) => {
    const given = /^Bearer (.+)$/.exec(c.req.header('authorization') ?? '')?.[1]
    if (given === undefined || !timingSafeEqual(digest(given), expected)) {
      c.header('www-authenticate', 'Bearer')
      return problem(c, 401, 'unauthorized', 'send Authorization: Bearer <key> with a valid key')
    }
    const { contentType, body } = await deps.metrics()
    return c.text(body, 200, { 'content-type': contentType })
  })
  return app
}
