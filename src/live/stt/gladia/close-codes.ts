import { assertNever, UpstreamError } from '../../../core/errors.js'

/** How a connection was lost. */
export type DropCause =
  /** close code of a socket that had been open; 1006 when there was none */
  | { readonly kind: 'closed'; readonly code: number }
  /** the upgrade was answered with an HTTP status */
  | { readonly kind: 'handshake'; readonly status: number }
  /** refused, reset, timed out before it opened */
  | { readonly kind: 'network' }
  /** open, but acknowledgements did not advance */
  | { readonly kind: 'stalled' }
  /** a chunk was answered `acknowledged: false`, with a status when the service gave one */
  | { readonly kind: 'refused'; readonly status: number | null }

/** What a lost connection means for the session. */
export type Verdict =
  | { readonly kind: 'retry' }
  | { readonly kind: 'new_session' }
  | { readonly kind: 'fatal'; readonly reason: 'unauthorized' | 'payment_required' }

const RETRY: Verdict = { kind: 'retry' }
const NEW_SESSION: Verdict = { kind: 'new_session' }
const UNAUTHORIZED: Verdict = { kind: 'fatal', reason: 'unauthorized' }
const PAYMENT: Verdict = { kind: 'fatal', reason: 'payment_required' }

interface Row {
  readonly from: number
  readonly to: number
  readonly verdict: Verdict
  /** for `retry`: how many connections in a row may be lost this way without progress before the session counts as dead */
  readonly patience?: number
}

/**
 * Close codes, first match. Where published readings contradict each other (1001, 4000-4399: reconnect or not) both are served: the
 * same URL is tried again, and given up for a new session when that brings nothing.
 * Source: Gladia's guide, SDK 2.1.0 and an operator's report, as collected in our contract reference, section 5.1.
 */
const CLOSE_TABLE: readonly Row[] = [
  // normal end that we did not ask for: the time limit, or a stop by somebody else
  { from: 1000, to: 1000, verdict: NEW_SESSION },
  { from: 1001, to: 1001, verdict: RETRY, patience: 3 },
  // a frame over 1 MiB: ours are smaller, so sending it again can only fail again
  { from: 1009, to: 1009, verdict: RETRY, patience: 2 },
  { from: 1002, to: 1015, verdict: RETRY },
  { from: 4000, to: 4399, verdict: RETRY, patience: 2 },
  // 44xx looks like 4000 + HTTP status
  { from: 4401, to: 4401, verdict: UNAUTHORIZED },
  { from: 4402, to: 4402, verdict: PAYMENT },
  // 4403 the job has ended, 4408 idle or time limit, 4429: all say that this session takes no more
  { from: 4400, to: 4499, verdict: NEW_SESSION },
  { from: 4500, to: 4999, verdict: RETRY },
]

/** HTTP statuses of a refused upgrade. 401, 403, 404, 410: this URL is dead (after repeated 1009, or the session has ended). */
const HANDSHAKE_TABLE: readonly Row[] = [
  { from: 402, to: 402, verdict: PAYMENT },
  { from: 408, to: 408, verdict: RETRY },
  { from: 425, to: 425, verdict: RETRY },
  { from: 429, to: 429, verdict: RETRY },
  { from: 400, to: 499, verdict: NEW_SESSION },
]

/** `acknowledged: false` for a chunk: quota is the reported cause. */
const REFUSED_TABLE: readonly Row[] = [
  { from: 401, to: 401, verdict: UNAUTHORIZED },
  { from: 402, to: 403, verdict: PAYMENT },
  { from: 0, to: 999, verdict: RETRY, patience: 3 },
]

function look(table: readonly Row[], code: number, fruitless: number): Verdict {
  const row = table.find(({ from, to }) => code >= from && code <= to)
  if (!row) return RETRY
  return row.verdict.kind === 'retry' && fruitless >= (row.patience ?? Infinity) ? NEW_SESSION : row.verdict
}

/**
 * Sorts a lost connection.
 * @param fruitless connections lost in a row without progress, this one included
 */
export function judge(cause: DropCause, fruitless: number): Verdict {
  switch (cause.kind) {
    case 'closed':
      return look(CLOSE_TABLE, cause.code, fruitless)
    case 'handshake':
      return look(HANDSHAKE_TABLE, cause.status, fruitless)
    case 'refused':
      return look(REFUSED_TABLE, cause.status ?? 0, fruitless)
    case 'network':
    case 'stalled':
      return RETRY
    default:
      return assertNever(cause)
  }
}

/** A lost connection as an error. */
export function lostConnection(cause: DropCause): UpstreamError {
  const message = `the connection to the speech service was lost (${describeDrop(cause)})`
  return new UpstreamError('speech_connection', message, { service: 'speech', retryable: true })
}

/** A lost connection in a few words, for people. */
function describeDrop(cause: DropCause): string {
  switch (cause.kind) {
    case 'closed':
      return `close code ${cause.code}`
    case 'handshake':
      return `handshake answered ${cause.status}`
    case 'network':
      return 'not reachable'
    case 'stalled':
      return 'no acknowledgements'
    case 'refused':
      return 'audio refused'
    default:
      return assertNever(cause)
  }
}
