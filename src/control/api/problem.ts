import type { Context } from 'hono'
import {
  ClaimLostError,
  ConfigError,
  ConflictError,
  ForbiddenError,
  InputError,
  NotFoundError,
  ProtocolError,
  RoomscribeError,
  UpstreamError,
  type InputProblem,
} from '../../core/errors.js'

/** Body of every error answer: application/problem+json (RFC 9457). No stack, no secret, no internal address. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: string
  readonly detail: string
  readonly errors?: readonly InputProblem[]
}

type Status = 400 | 401 | 403 | 404 | 405 | 408 | 409 | 413 | 415 | 429 | 431 | 500 | 502 | 503

const TITLES: Readonly<Record<Status, string>> = {
  400: 'Bad request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not found',
  405: 'Method not allowed',
  408: 'Request timeout',
  409: 'Conflict',
  413: 'Content too large',
  415: 'Unsupported media type',
  429: 'Too many requests',
  431: 'Request header fields too large',
  500: 'Internal error',
  502: 'Bad gateway',
  503: 'Unavailable',
}

/** HTTP status of an error, by its class. */
function statusOf(error: unknown): Status {
  if (error instanceof InputError) return 400
  if (error instanceof ForbiddenError) return 403
  if (error instanceof NotFoundError) return 404
  if (error instanceof ConflictError || error instanceof ClaimLostError) return 409
  // what may answer the next time is away for now; what refuses is a fault between us and it
  if (error instanceof UpstreamError) return error.retryable ? 503 : 502
  if (error instanceof ProtocolError) return 502
  if (error instanceof ConfigError) return 503
  return 500
}

/** What a caller is asked to wait when a part that is away does not say so itself. */
export const RETRY_AFTER_SEC = 5

/** Seconds after which the same request may succeed; null: no waiting helps. */
export function retryAfterSec(error: unknown): number | null {
  if (!(error instanceof UpstreamError) || !error.retryable) return null
  return error.retryAfterMs === undefined ? RETRY_AFTER_SEC : Math.max(1, Math.ceil(error.retryAfterMs / 1000))
}

/** The problem document of an error; what is not ours to tell stays out of it. */
export function problemOf(error: unknown): Problem {
  const status = statusOf(error)
  const known = error instanceof RoomscribeError && status < 500
  return {
    type: `urn:roomscribe:problem:${known ? error.code : 'internal'}`,
    title: TITLES[status],
    status,
    code: error instanceof RoomscribeError && status !== 500 ? error.code : 'internal',
    detail: known
      ? error.message
      : status === 500
        ? 'something went wrong on our side; the log says what'
        : status === 503
          ? 'a part that is needed does not answer now; the same request may succeed later'
          : 'a service that is needed refused',
    ...(error instanceof InputError && error.problems.length > 0 ? { errors: error.problems } : {}),
  }
}

/** Media type of a problem document. */
export const PROBLEM_TYPE = 'application/problem+json'

const newProblem = (status: Status, code: string, detail: string): Problem => ({
  type: `urn:roomscribe:problem:${code}`,
  title: TITLES[status],
  status,
  code,
  detail,
})

/** A problem document of a given status and code, for whoever answers without a context. */
export const problemText = (status: Status, code: string, detail: string): string => JSON.stringify(newProblem(status, code, detail))

/** Answers with a problem of a given status and code. */
export function problem(c: Context, status: Status, code: string, detail: string): Response {
  return respond(c, newProblem(status, code, detail))
}

/** Answers with a problem document. */
export function respond(c: Context, body: Problem): Response {
  return c.body(JSON.stringify(body), body.status as Status, { 'content-type': PROBLEM_TYPE })
}
