import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi'
import type { RateLimiterMemory } from 'rate-limiter-flexible'
import type { Clock } from '../../core/time.js'
import { PERMISSIONS } from '../../records/access.js'
import { SESSION_MS, type Authenticator } from '../auth/authenticator.js'
import type { ApiEnv, Caller } from '../auth/caller.js'
import { callerOf, giveCookie, takeCookie } from './authenticated.js'
import { problem } from './problem.js'
import { spend } from './rate-limit.js'
import { failure, json, newRoutes } from './routes.js'

/** What the routes of the page's session need. */
export interface SessionRoutesDeps {
  readonly authenticator: Authenticator
  readonly clock: Clock
  /** counts wrong keys, of everybody together */
  readonly failures: RateLimiterMemory
}

const Login = z
  .union([z.strictObject({ key: z.string().min(1).max(500) }), z.strictObject({ link: z.string().min(1).max(2000) })])
  .openapi('Login')
const Session = z
  .object({ name: z.string(), scopes: z.array(z.enum(PERMISSIONS)), meetingId: z.string().nullable(), mayJoin: z.boolean() })
  .openapi('Session')

const shown = ({ name, scopes, meetingId, mayJoin }: Caller) => ({ name, scopes: [...scopes], meetingId, mayJoin })
const refused = { 401: failure('no valid key or link') }

const logIn = createRoute({
  method: 'post',
  path: '/session',
  request: { body: { content: { 'application/json': { schema: Login } }, required: true } },
  responses: { 200: json(Session, 'logged in: the cookie stands for the key'), 400: failure('the request is wrong'), ...refused },
})
const look = createRoute({ method: 'get', path: '/session', responses: { 200: json(Session, 'who is logged in'), ...refused } })
const logOut = createRoute({ method: 'delete', path: '/session', responses: { 204: { description: 'the cookie is gone' } } })

/** Log in and out for the page: a key or a signed link becomes a cookie that scripts cannot read. */
export function sessionRoutes({ authenticator, clock, failures }: SessionRoutesDeps): OpenAPIHono<ApiEnv> {
  const app = newRoutes()
  app.openapi(logIn, async (c) => {
    const given = c.req.valid('json')
    const caller = 'key' in given ? await authenticator.ofKey(given.key) : await authenticator.ofToken(given.link, 'link')
    if (!caller) {
      const waitSec = await spend(failures, 'session')
      if (waitSec !== null) {
        c.header('retry-after', String(waitSec))
        return problem(c, 429, 'rate_limited', 'too many wrong keys: wait a little') as never
      }
      return problem(c, 401, 'unauthorized', 'key' in given ? 'this key is not valid' : 'this link is not valid any more') as never
    }
    const nowMs = clock.nowMs()
    const linkEndsMs = 'link' in given ? await authenticator.linkExpiresMs(given.link) : null
    const expiresMs = Math.min(nowMs + SESSION_MS, linkEndsMs ?? Number.POSITIVE_INFINITY)
    giveCookie(c, await authenticator.session(caller, expiresMs), Math.floor((expiresMs - nowMs) / 1000))
    return c.json(shown(caller), 200)
  })
  app.openapi(look, async (c) => {
    const caller = await callerOf(c, authenticator)
    return caller ? c.json(shown(caller), 200) : (problem(c, 401, 'unauthorized', 'nobody is logged in') as never)
  })
  app.openapi(logOut, (c) => {
    takeCookie(c)
    return c.body(null, 204)
  })
  return app
}
