import { createBullBoard } from '@bull-board/api'
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter'
import { HonoAdapter } from '@bull-board/hono'
import { serveStatic } from '@hono/node-server/serve-static'
import { Hono, type MiddlewareHandler } from 'hono'
import { toError } from '../../core/errors.js'
import type { BoardQueue } from '../../followup/port.js'
import type { Logger } from '../../observe/logger.js'
import { toolPolicy } from '../api/tool-policy.js'

/** What the view of queues needs. */
export interface BoardDeps {
  readonly queues: readonly BoardQueue[]
  readonly logger: Logger
}

const BASE = '/queues'
const ABOUT: Readonly<Record<string, string>> = {
  attend: 'bots: one job a meeting, until it is over',
  followup: 'after meetings: finalise, summarise, deliver',
}

const POLICY = toolPolicy("'self'")

/** A tag that makes the browser ask another host. */
const FOREIGN = /<(?:link|script|img)\b[^>]*\s(?:href|src)="(?:https?:)?\/\/[^"]*"[^>]*>/g

/**
 * The queues as bull-board shows them, to be mounted at /queues behind a check for admins. For reading only: a job is run again by
 * `POST /v1/dead-letters/:id/retry`, which tells its meeting, and nothing else is for hands.
 */
export function boardRoutes({ queues, logger }: BoardDeps): Hono {
  const adapter = new HonoAdapter(serveStatic)
  adapter.setBasePath(BASE)
  createBullBoard({
    // the queue as its library made it; a board for its SQL backend is not in the types
    queues: queues.map(
      (queue) =>
        new BullMQAdapter(queue as unknown as ConstructorParameters<typeof BullMQAdapter>[0], {
          readOnlyMode: true,
          description: ABOUT[queue.name] ?? '',
        }),
    ),
    serverAdapter: adapter,
    options: {
      uiConfig: { boardTitle: 'roomscribe', hideRedisDetails: true, miscLinks: [{ text: 'roomscribe', url: '/' }] },
    },
  })
  // its own tells of addresses and stacks
  adapter.setErrorHandler((error) => {
    logger.warn({ err: toError(error) }, 'queues cannot be shown')
    return { status: 500, body: { error: 'the queue does not answer' } }
  })
  const app = new Hono()
  app.use('*', ownHostOnly)
  app.route('/', adapter.registerPlugin())
  return app
}

/** The board's page asks another host for a font: that tag is taken out, and the policy allows none. */
const ownHostOnly: MiddlewareHandler = async (c, next) => {
  await next()
  c.header('content-security-policy', POLICY)
  if (!(c.res.headers.get('content-type') ?? '').startsWith('text/html')) return
  const html = (await c.res.text()).replace(FOREIGN, '')
  c.res = new Response(html, { status: c.res.status, headers: c.res.headers })
}
