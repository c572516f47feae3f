/**
 * The errors of roomscribe: one base, few classes, a stable `code`.
 * Retry, HTTP status and log level follow from the class.
 */

interface Cause {
  readonly cause?: unknown
}

/** The base of every error that we throw on purpose. `code` is stable and never translated. */
export abstract class RoomscribeError extends Error {
  readonly code: string

  constructor(code: string, message: string, options?: Cause) {
    super(message, options)
    this.code = code
    this.name = new.target.name
  }
}

/** Settings are missing or wrong. Found at boot, all of them at once: one sentence a problem. */
export class ConfigError extends RoomscribeError {
  readonly problems: readonly string[]

  constructor(problems: readonly string[], options?: Cause) {
    super('config', problems.join('\n'), options)
    this.problems = problems
  }
}

/** One wrong place in the caller's data; `path` is dotted, empty for the whole. */
export interface InputProblem {
  readonly path: string
  readonly message: string
}

/** The caller's data is wrong. */
export class InputError extends RoomscribeError {
  readonly problems: readonly InputProblem[]

  constructor(message: string, problems: readonly InputProblem[] = [], options?: Cause) {
    super('input', message, options)
    this.problems = problems
  }
}

/** There is no such thing. */
export class NotFoundError extends RoomscribeError {
  constructor(message: string, options?: Cause) {
    super('not_found', message, options)
  }
}

/** The thing is there, but not in a state that allows this. */
export class ConflictError extends RoomscribeError {
  constructor(message: string, options?: Cause) {
    super('conflict', message, options)
  }
}

/** The caller is known and may not do this. */
export class ForbiddenError extends RoomscribeError {
  constructor(message: string, options?: Cause) {
    super('forbidden', message, options)
  }
}

/** Called after close or in the wrong state: a bug of ours. */
export class StateError extends RoomscribeError {
  constructor(message: string, options?: Cause) {
    super('state', message, options)
  }
}

/** Facts about a failed call to a service. */
export interface UpstreamFacts {
  /** who failed: `livekit`, `speech`, `slack`, `database`, `queue` */
  readonly service: string
  /** HTTP status, when there was one */
  readonly status?: number
  /** whether the same call may succeed later; stated, never assumed */
  readonly retryable: boolean
  /** how long the service asked us to wait */
  readonly retryAfterMs?: number
}

/** A service failed. The message is one sentence that says what and how to put it right. */
export class UpstreamError extends RoomscribeError {
  readonly service: string
  readonly status: number | undefined
  readonly retryable: boolean
  readonly retryAfterMs: number | undefined

  constructor(code: string, message: string, facts: UpstreamFacts, options?: Cause) {
    super(code, message, options)
    this.service = facts.service
    this.status = facts.status
    this.retryable = facts.retryable
    this.retryAfterMs = facts.retryAfterMs
  }
}

/** A peer broke its contract. */
export class ProtocolError extends RoomscribeError {
  constructor(message: string, options?: Cause) {
    super('protocol', message, options)
  }
}

/** Another process owns the meeting: stop at once, write nothing more. */
export class ClaimLostError extends RoomscribeError {
  constructor(message: string, options?: Cause) {
    super('claim_lost', message, options)
  }
}

/** Why a claim is worth nothing any more: another process owns the meeting, or it was deleted and purged. */
export type ClaimLoss = 'taken' | 'purged'

/** What an error of the store says of the claim under which it was asked; null: nothing. */
export function claimLossOf(thrown: unknown): ClaimLoss | null {
  if (thrown instanceof ClaimLostError) return 'taken'
  return thrown instanceof NotFoundError ? 'purged' : null
}

/** The impossible case of an exhaustive switch. */
export function assertNever(value: never): never {
  throw new StateError(`impossible case: ${JSON.stringify(value)}`)
}

/** The code that the system, or a library, gave a failure: ENOENT, a SQLSTATE; undefined: none. */
export function codeOf(thrown: unknown): string | undefined {
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown)) return undefined
  return typeof thrown.code === 'string' ? thrown.code : undefined
}

/** Any thrown value as an Error. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}
