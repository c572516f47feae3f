import { codeOf, ConfigError, RoomscribeError, toError, UpstreamError } from '../../core/errors.js'

/** SQLSTATE that our own SQL raises when the claim's epoch is not the meeting's. */
export const CLAIM_LOST = 'RS001'

// connection exceptions, operator intervention, too many connections; and the sockets' own codes
const UNREACHABLE = /^(08...|57P0[123]|53300|E[A-Z]+)$/
const UNREACHABLE_TEXT = /connection terminated|timeout exceeded when trying to connect|not queryable|timeout expired|query read timeout/i
// conflicts, and a disk or a memory that is full: that passes
const TRY_AGAIN = new Set(['40001', '40P01', '55P03', '53100', '53200', '58030'])
/** The server answers, and ended a statement that took too long: for a store under load that passes, for what is asked perhaps never. */
const TIMED_OUT = '57014'
/** The server answers, and takes no writes: it is a standby since a failover, or its disk is nearly full and whoever runs it has shut it. */
const READ_ONLY = '25006'

/** Whether the session, or the whole server, ended with this error. */
export function isFatal(thrown: unknown): boolean {
  return (
    typeof thrown === 'object' && thrown !== null && 'severity' in thrown && (thrown.severity === 'PANIC' || thrown.severity === 'FATAL')
  )
}

/** Whether the session takes no writes: another one may, on whichever server has the name by then. */
export const isReadOnly = (thrown: unknown): boolean => codeOf(thrown) === READ_ONLY

/** Translates what kysely or node-postgres threw, once, where it enters; our own errors pass. */
export function databaseError(thrown: unknown): RoomscribeError {
  if (thrown instanceof RoomscribeError) return thrown
  const error = toError(thrown)
  const code = codeOf(thrown)
  if ((code !== undefined && UNREACHABLE.test(code)) || UNREACHABLE_TEXT.test(error.message) || isFatal(thrown)) {
    const message = `the database does not answer (${code ?? error.message}): start it, or correct DATABASE_URL`
    return new UpstreamError('database_unreachable', message, { service: 'database', retryable: true }, { cause: error })
  }
  if (isReadOnly(thrown)) {
    const message = `the database takes no writes (${READ_ONLY}): it is a standby, or shut for writing: set DATABASE_URL to the primary`
    return new UpstreamError('database_unreachable', message, { service: 'database', retryable: true }, { cause: error })
  }
  if (code === TIMED_OUT) {
    const message = `the database ended a statement that took too long (${code}): it is under load, or locked`
    return new UpstreamError('database_timeout', message, { service: 'database', retryable: true }, { cause: error })
  }
  const facts = { service: 'database', retryable: code !== undefined && TRY_AGAIN.has(code) }
  return new UpstreamError('database_failed', `the database refused a statement (${code ?? error.message})`, facts, { cause: error })
}

/** Why a first connection failed, in one sentence; never the password. */
export function connectError(thrown: unknown, place: string): UpstreamError {
  const code = codeOf(thrown) ?? toError(thrown).message
  const facts = { service: 'database', retryable: true }
  const remedy = REMEDIES[code] ?? 'start it, or correct DATABASE_URL'
  return new UpstreamError('database_unreachable', `PostgreSQL at ${place} does not let us in (${code}): ${remedy}`, facts, {
    cause: thrown,
  })
}

const REMEDIES: Record<string, string> = {
  '28P01': 'correct the user or password in DATABASE_URL',
  '28000': 'correct the user in DATABASE_URL, or allow it in pg_hba.conf',
  '3D000': 'create that database, or correct the name in DATABASE_URL',
  '42501': 'grant the user the right to create schemas in that database',
  ENOTFOUND: 'correct the host in DATABASE_URL',
}

/** Host, port and database of a connection string, for messages. @throws {ConfigError} it is no PostgreSQL URL */
export function databasePlace(databaseUrl: string): string {
  try {
    const url = new URL(databaseUrl)
    if (!/^postgres(ql)?:$/.test(url.protocol)) throw new Error('protocol')
    return `${url.hostname || 'localhost'}:${url.port || '5432'}${url.pathname}`
  } catch {
    throw new ConfigError(['DATABASE_URL is not of the form postgres://user:password@host:5432/database'])
  }
}
