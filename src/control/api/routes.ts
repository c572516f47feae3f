import { OpenAPIHono, z } from '@hono/zod-openapi'
import { InputError } from '../../core/errors.js'
import type { ApiEnv } from '../auth/caller.js'
import { ProblemSchema } from './schemas.js'

/** An answer of a shape. */
export const json = <T extends z.ZodType>(schema: T, description: string) => ({ description, content: { 'application/json': { schema } } })

/** An answer that is a problem. */
export const failure = (description: string) => ({ description, content: { 'application/problem+json': { schema: ProblemSchema } } })

/** What every route under /v1 may answer. */
export const common = {
  400: failure('the request is wrong'),
  401: failure('no valid key'),
  403: failure('the key may not do this'),
  408: failure('the request took too long to come'),
  409: failure(
    'not in a state for this; or the Idempotency-Key belongs to another request, or to one that still runs, or to one whose answer held a secret',
  ),
  429: failure('too many requests of this key; Retry-After tells when to come again'),
  503: failure('the database or the queue does not answer; Retry-After tells when to come again'),
}

/** Header of a POST whose answer holds a secret. */
export const onceHeader = z.object({
  'idempotency-key': z
    .string()
    .min(1)
    .max(255)
    .optional()
    .describe(
      'carried out once in 24 h; the answer holds a secret and is not kept: the same request under the same key again is answered 409 ' +
        '`idempotency_secret`',
    ),
})

/** Path parameter of one thing. */
export const idParam = z.object({ id: z.string().max(200) })

/** Routes whose requests are checked against their schemas. */
export function newRoutes(): OpenAPIHono<ApiEnv> {
  return new OpenAPIHono<ApiEnv>({
    defaultHook: (result) => {
      if (result.success) return
      const problems = result.error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message }))
      throw new InputError('the request is wrong', problems)
    },
  })
}
