import type { MiddlewareHandler } from 'hono'
import type { ApiEnv } from '../auth/caller.js'

/**
 * For routes whose body is optional: an empty one is none, whatever type it is said to have. Many clients send their
 * `content-type: application/json` with every POST.
 */
export const emptyIsNone: MiddlewareHandler<ApiEnv> = async (c, next) => {
  if ((await c.req.text()) === '') c.req.raw.headers.delete('content-type')
  return next()
}
