import type { MiddlewareHandler } from 'hono'
import { routePath } from 'hono/route'
import { traced } from '../../observe/trace.js'

/** A span for each request, named by its route: paths carry ids. An answer that goes on (the live feed) ends it when it begins. */
export const requestSpans: MiddlewareHandler = (c, next) => {
  const { method } = c.req
  const attributes = { 'http.request.method': method }
  return traced(method, { attributes, headers: c.req.header() }, async (span) => {
    await next()
    const route = routePath(c, -1)
    span.rename(`${method} ${route}`)
    span.set({ 'http.route': route, 'http.response.status_code': c.res.status })
  })
}
