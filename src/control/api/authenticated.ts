import { getConnInfo } from '@hono/node-server/conninfo'
import type { Context, MiddlewareHandler } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import type { RateLimiterMemory } from 'rate-limiter-flexible'
import type { Authenticator } from '../auth/authenticator.js'
import type { ApiEnv, Caller } from '../auth/caller.js'
import { isWrite, verdictOn } from '../auth/policy.js'
import { problem } from './problem.js'
import { spend } from './rate-limit.js'

/** Cookie of the page's session. */
const COOKIE = 'roomscribe_session'
/** Header without which a request with the cookie changes nothing: no foreign page can send it. */
const OWN_HEADER = 'x-roomscribe'

/** Hands the page its cookie. @param maxAgeSec how long the browser keeps it */
export function giveCookie(c: Context, token: string, maxAgeSec: number): void {
  // over TLS, said by a proxy or not, the cookie stays there
  const secure = new URL(c.req.url).protocol === 'https:' || c.req.header('x-forwarded-proto') === 'https'
  setCookie(c, COOKIE, token, { httpOnly: true, sameSite: 'Strict', path: '/', maxAge: maxAgeSec, secure })
}

/** Takes the page's cookie back. */
export function takeCookie(c: Context): void {
  deleteCookie(c, COOKIE, { path: '/' })
}

/** Who sent a request, by bearer key or cookie; null: nobody known. */
export async function callerOf(c: Context, authenticator: Authenticator): Promise<Caller | null> {
  const header = c.req.header('authorization')
  if (header !== undefined) {
    const given = /^Bearer (\S{1,500})$/.exec(header)?.[1]
    return given === undefined ? null : authenticator.ofKey(given)
  }
  const cookie = getCookie(c, COOKIE)
  return cookie === undefined ? null : authenticator.ofToken(cookie, 'session')
}

const addressOf = (c: Context): string => {
  try {
    return getConnInfo(c).remote.address ?? 'unknown'
  } catch {
    // a request without a socket
    return 'unknown'
  }
}

/**
 * Lets requests through whose caller is known and may do what they ask for; sets `caller`.
 * @param failures counts wrong keys by address; a valid key is never refused for others' wrong ones
 */
export function authenticated(authenticator: Authenticator, failures: RateLimiterMemory): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const caller = await callerOf(c, authenticator)
    if (!caller) {
      const waitSec = await spend(failures, addressOf(c))
      if (waitSec !== null) {
        c.header('retry-after', String(waitSec))
        return problem(c, 429, 'rate_limited', 'too many requests without a valid key came from this address')
      }
      c.header('www-authenticate', 'Bearer')
      return problem(c, 401, 'unauthorized', 'send Authorization: Bearer <key> with a valid key')
    }
    const { method, path } = c.req
    if (c.req.header('authorization') === undefined && isWrite(method) && c.req.header(OWN_HEADER) === undefined) {
      return problem(c, 403, 'forbidden', `a request with the cookie of the page needs the header ${OWN_HEADER}: 1 to change anything`)
    }
    const verdict = verdictOn(caller, method, path)
    if (verdict === 'missing') return problem(c, 404, 'not_found', 'there is no such meeting')
    if (verdict === 'forbidden') return problem(c, 403, 'forbidden', 'this key may not do that')
    c.set('caller', caller)
    return next()
  }
}
