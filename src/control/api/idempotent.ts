import { createHash } from 'node:crypto'
import type { MiddlewareHandler } from 'hono'
import { InputError, toError } from '../../core/errors.js'
import type { Logger } from '../../observe/logger.js'
import type { AccessBook } from '../../records/access.js'
import type { ApiEnv } from '../auth/caller.js'
import { actorOf } from '../auth/caller.js'
import { PROBLEM_TYPE, problem, problemText } from './problem.js'

const HEADER = 'idempotency-key'
const LONGEST_KEY = 255
/** Nothing was done, and another time it may be. */
const REFUSED_FOR_NOW: readonly number[] = [409, 429]
const SHOWN_ONCE =
  'this request was carried out; its answer holds a secret, which was shown once and is not kept: send it without this Idempotency-Key for another'

/**
 * A POST with an `Idempotency-Key` is carried out once in 24 h: whoever sends it again gets the same answer, with
 * `idempotency-replayed: true`. Another request under the same key is refused; so is one while the first still runs.
 * What failed on our side, or was refused for now (429, 409: a meeting that is being deleted), may be sent again. An answer that says `no-store` holds a secret: it is not kept, and
 * whoever sends its request again is told that it was carried out.
 */
export function idempotent(access: Pick<AccessBook, 'begin' | 'settle'>, logger: Logger): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const key = c.req.method === 'POST' ? c.req.header(HEADER) : undefined
    if (key === undefined) return next()
    if (key.length === 0 || key.length > LONGEST_KEY) {
      throw new InputError(`the header Idempotency-Key has 1 to ${LONGEST_KEY} characters`)
    }
    const body = await c.req.text()
    const hash = createHash('sha256')
      .update(`${c.req.method} ${c.req.path}${new URL(c.req.url).search}\n${body}`)
      .digest('hex')
    const id = actorOf(c.get('caller'))
    const standing = await access.begin(id, key, hash)
    if (standing.kind === 'other') {
      return problem(c, 409, 'idempotency_key_reused', 'this Idempotency-Key belongs to another request')
    }
    if (standing.kind === 'running') {
      c.header('retry-after', '1')
      return problem(c, 409, 'idempotency_in_progress', 'the first request with this Idempotency-Key is still being carried out')
    }
    if (standing.kind === 'done') {
      const { status, contentType, body: kept } = standing.answer
      return c.body(kept, status as 200, { 'content-type': contentType, 'idempotency-replayed': 'true' })
    }
    const settle = (answer: Parameters<AccessBook['settle']>[2]) =>
      access.settle(id, key, answer).catch((thrown: unknown) => logger.warn({ err: toError(thrown) }, 'answer could not be kept'))
    await next()
    const { status } = c.res
    if (status >= 500 || REFUSED_FOR_NOW.includes(status)) {
      await settle(null)
      return
    }
    if (c.res.headers.get('cache-control')?.includes('no-store') === true) {
      await settle({ status: 409, contentType: PROBLEM_TYPE, body: problemText(409, 'idempotency_secret', SHOWN_ONCE) })
      return
    }
    const answer = await c.res.clone().text()
    await settle({ status, contentType: c.res.headers.get('content-type') ?? '', body: answer })
  }
}
