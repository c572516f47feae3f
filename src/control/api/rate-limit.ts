import type { MiddlewareHandler } from 'hono'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { actorOf, type ApiEnv } from '../auth/caller.js'
import { problem } from './problem.js'

/** Requests are counted in windows of so many seconds. */
const WINDOW_SEC = 10

/** A limit of so many a second, counted over ten. @param perSec at least 1 */
export function newLimit(perSec: number): RateLimiterMemory {
  return new RateLimiterMemory({ points: perSec * WINDOW_SEC, duration: WINDOW_SEC })
}

/** Takes one from somebody's allowance. @returns null, or the seconds after which there is more */
export async function spend(limit: RateLimiterMemory, whose: string): Promise<number | null> {
  try {
    await limit.consume(whose)
    return null
  } catch (thrown) {
    if (!(thrown instanceof RateLimiterRes)) throw thrown
    return Math.max(1, Math.ceil(thrown.msBeforeNext / 1000))
  }
}

/** Refuses what a key, or whoever holds its links to a meeting, asks beyond its allowance. @param limit null: no limit */
export function rateLimited(limit: RateLimiterMemory | null): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const waitSec = limit === null ? null : await spend(limit, actorOf(c.get('caller')))
    if (waitSec === null) return next()
    c.header('retry-after', String(waitSec))
    return problem(c, 429, 'rate_limited', 'this key has asked too often: come again after Retry-After seconds')
  }
}
