import { assertNever } from '../../../core/errors.js'
import type { SttEndReason, SttGapReason, SttPhase } from '../port.js'
import { judge, type DropCause } from './close-codes.js'

/**
 * What a speech session does next, as a pure function.
 *
 *              post_failed                     dropped: retry
 *   opening <---------------> waiting <--------------------------------+
 *      | posted      wait_over   | wait_over                           |
 *      +-----------> connecting <+                                     |
 *                     |      | opened, something was sent before       |
 *        opened, fresh|      +--> probing --resumed--> replaying ------+
 *                     v             | resumed, no backlog  | caught_up |
 *                    live <---------+----------------------+           |
 *                     | flushed (after finish; from replaying too)     |
 *                     v                                                |
 *                  draining --dropped, stop not acknowledged-----------+
 *                     | session_end, close 1000, drain_deadline, dropped after the stop was acknowledged
 *                     v
 *                 collecting --collected--> ended
 *
 * S1  A session is created once. Creating is tried again on `retry` failures until `give_up`, and ends the session on any other.
 * S2  A first connection is live at once; a later one is probed before anything else is sent (ledger.ts).
 * S3  A backlog is replayed at its own pace; new audio queues behind it.
 * S4  A lost connection is judged by one table (close-codes.ts): again, dead, or fatal. Dead and fatal collect what the service has.
 * S5  `attempt` grows with every loss and is reset by `stable` only, never by an open: an ended session accepts the handshake.
 *     `fruitless` counts losses in a row without an acknowledgement and is what the table's patience looks at.
 * S6  `finish` is remembered in every state; the stop is sent when the last frame has been, and again after a reconnect unless acknowledged.
 * S7  While draining, a loss after the stop was acknowledged goes to the results at once: the service has everything, a reconnect would
 *     bring nothing. Without the acknowledgement it reconnects, at most twice without progress, and sends the stop again.
 * S8  `done` is said only when the results are complete and every frame is acknowledged; else the reason that led to collecting stands.
 * S9  `drain_deadline` and `give_up` end every wait. With a session created they collect first, without one they end. What was lost in an
 *     outage is collected when the service can be reached again (`collectAwayMs`), unless `finish` is asked for.
 * S10 `abort` ends every state at once. `ended` is left by nothing.
 */
export type SessionState =
  | ({ readonly kind: 'opening' } & Try)
  | ({ readonly kind: 'waiting'; readonly target: 'session' | 'socket' } & Try)
  | ({ readonly kind: 'connecting' } & Try)
  | ({ readonly kind: 'probing' } & Try)
  | ({ readonly kind: 'replaying' } & Try)
  | ({ readonly kind: 'live' } & Try)
  | ({ readonly kind: 'draining'; readonly stopAcknowledged: boolean } & Try)
  | { readonly kind: 'collecting'; readonly finishing: boolean; readonly otherwise: End }
  | ({ readonly kind: 'ended' } & End)

interface Try {
  readonly attempt: number
  readonly fruitless: number
  readonly finishing: boolean
}

interface End {
  readonly reason: SttEndReason
  readonly replaceable: boolean
}

export type SessionEvent =
  | { readonly kind: 'posted' }
  | { readonly kind: 'post_failed'; readonly verdict: PostVerdict; readonly retryAfterMs?: number }
  | { readonly kind: 'opened'; readonly mustProbe: boolean }
  | { readonly kind: 'resumed'; readonly backlog: boolean }
  | { readonly kind: 'caught_up' }
  /** everything accepted so far has been sent */
  | { readonly kind: 'flushed' }
  | { readonly kind: 'dropped'; readonly cause: DropCause; readonly progressed: boolean }
  | { readonly kind: 'stable' }
  | { readonly kind: 'wait_over' }
  | { readonly kind: 'give_up' }
  /** `empty`: no audio was ever accepted */
  | { readonly kind: 'finish'; readonly empty: boolean }
  | { readonly kind: 'stop_acknowledged' }
  | { readonly kind: 'session_end' }
  | { readonly kind: 'drain_deadline' }
  | { readonly kind: 'collected'; readonly complete: boolean; readonly unacknowledged: boolean }
  | { readonly kind: 'abort' }

/** What a failed creation means. */
export type PostVerdict = 'retry' | 'unauthorized' | 'payment_required' | 'rejected'

export type SessionEffect =
  | { readonly kind: 'post' }
  | { readonly kind: 'wait'; readonly attempt: number; readonly retryAfterMs: number }
  | { readonly kind: 'dial' }
  | { readonly kind: 'probe' }
  | { readonly kind: 'pump' }
  | { readonly kind: 'send_stop' }
  /** cut the socket without a close frame: the session goes on */
  | { readonly kind: 'abandon' }
  /** close the socket with 1000, which ends the recording for the service too */
  | { readonly kind: 'hang_up' }
  | { readonly kind: 'collect' }
  | ({ readonly kind: 'end' } & End)

export interface Step {
  readonly state: SessionState
  readonly effects: readonly SessionEffect[]
}

/** The state a session begins in; its effect is to create the session. */
export const FIRST_STATE: SessionState = { kind: 'opening', attempt: 0, fruitless: 0, finishing: false }

const LOST: End = { reason: 'session_lost', replaceable: true }
const UNREACHABLE: End = { reason: 'unreachable', replaceable: true }
const LATE: End = { reason: 'drain_timeout', replaceable: false }
const ABORTED: End = { reason: 'aborted', replaceable: false }
const DONE: End = { reason: 'done', replaceable: false }

/** The state of a session that is not to be created yet; its effect is to wait. */
export const HELD_STATE: SessionState = { kind: 'waiting', target: 'session', attempt: 0, fruitless: 0, finishing: false }

/** The next state and what to do; the same state and nothing when the event means nothing there. */
export function next(state: SessionState, event: SessionEvent): Step {
  const stay: Step = { state, effects: [] }
  if (state.kind === 'ended') return stay
  if (event.kind === 'abort') return end(ABORTED)
  if (state.kind === 'collecting') {
    if (event.kind === 'finish') return { state: { ...state, finishing: true }, effects: [] }
    if (event.kind !== 'collected') return stay
    const done = state.finishing && event.complete && !event.unacknowledged
    return end(done ? DONE : state.otherwise)
  }
  switch (event.kind) {
    case 'posted':
      return state.kind === 'opening' ? { state: { ...bare(state), kind: 'connecting' }, effects: [{ kind: 'dial' }] } : stay
    case 'post_failed':
      return state.kind === 'opening' ? postFailed(state, event.verdict, event.retryAfterMs ?? 0) : stay
    case 'opened':
      if (state.kind !== 'connecting') return stay
      return event.mustProbe
        ? { state: { ...bare(state), kind: 'probing' }, effects: [{ kind: 'probe' }] }
        : { state: { ...bare(state), kind: 'live' }, effects: [{ kind: 'pump' }] }
    case 'resumed':
      if (state.kind !== 'probing') return stay
      return { state: { ...bare(state), kind: event.backlog ? 'replaying' : 'live' }, effects: [{ kind: 'pump' }] }
    case 'caught_up':
      return state.kind === 'replaying' ? { state: { ...bare(state), kind: 'live' }, effects: [] } : stay
    case 'flushed':
      if ((state.kind !== 'live' && state.kind !== 'replaying') || !state.finishing) return stay
      return { state: { ...bare(state), kind: 'draining', stopAcknowledged: false }, effects: [{ kind: 'send_stop' }] }
    case 'dropped':
      return dropped(state, event.cause, event.progressed)
    case 'stable':
      return isConnected(state) ? { state: { ...state, attempt: 0, fruitless: 0 }, effects: [] } : stay
    case 'wait_over':
      if (state.kind !== 'waiting') return stay
      return state.target === 'session'
        ? { state: { ...bare(state), kind: 'opening' }, effects: [{ kind: 'post' }] }
        : { state: { ...bare(state), kind: 'connecting' }, effects: [{ kind: 'dial' }] }
    case 'give_up':
      if (isUncreated(state)) return end(UNREACHABLE)
      return isConnected(state) ? stay : collect(state, LOST)
    case 'finish':
      if (event.empty && isUncreated(state)) return end(DONE)
      return { state: { ...state, finishing: true }, effects: finishing(state) }
    case 'stop_acknowledged':
      return state.kind === 'draining' ? { state: { ...state, stopAcknowledged: true }, effects: [] } : stay
    case 'session_end':
      if (!isConnected(state)) return stay
      return collect(state, state.kind === 'draining' ? LATE : LOST)
    case 'drain_deadline':
      if (!state.finishing) return stay
      return isUncreated(state) ? end(UNREACHABLE) : collect(state, LATE)
    case 'collected':
      return stay
    default:
      return assertNever(event)
  }
}

/** The phase to tell the outside, or null to leave it as it was. */
export function phaseOf(state: SessionState): SttPhase | null {
  switch (state.kind) {
    case 'opening':
    case 'waiting':
    case 'live':
    case 'draining':
    case 'ended':
      return state.kind
    case 'replaying':
      return 'live'
    case 'connecting':
    case 'probing':
      return null
    case 'collecting':
      return 'draining'
    default:
      return assertNever(state)
  }
}

/** Why what such an end left unacknowledged is a gap. */
export function gapReason(reason: SttEndReason): SttGapReason {
  return reason === 'done' || reason === 'drain_timeout' ? 'drain_timeout' : 'session_lost'
}

type Trying = Exclude<SessionState, { kind: 'collecting' | 'ended' }>

function bare({ attempt, fruitless, finishing }: Try): Try {
  return { attempt, fruitless, finishing }
}

function isConnected({ kind }: Trying): boolean {
  return kind === 'probing' || kind === 'replaying' || kind === 'live' || kind === 'draining'
}

/** S6: what can be sent is sent; a creation that was to wait is tried at once, for there is no later. */
function finishing(state: Trying): readonly SessionEffect[] {
  if (state.kind === 'live' || state.kind === 'replaying') return [{ kind: 'pump' }]
  return state.kind === 'waiting' && state.target === 'session' ? [{ kind: 'wait', attempt: 0, retryAfterMs: 0 }] : []
}

function isUncreated(state: Trying): boolean {
  return state.kind === 'opening' || (state.kind === 'waiting' && state.target === 'session')
}

function end(how: End): Step {
  return {
    state: { kind: 'ended', ...how },
    effects: [{ kind: 'hang_up' }, { kind: 'end', ...how }],
  }
}

function collect(state: Try, otherwise: End): Step {
  return { state: { kind: 'collecting', finishing: state.finishing, otherwise }, effects: [{ kind: 'hang_up' }, { kind: 'collect' }] }
}

function wait(state: Try, target: 'session' | 'socket', fruitless: number, retryAfterMs: number): Step {
  return {
    state: { kind: 'waiting', target, attempt: state.attempt + 1, fruitless, finishing: state.finishing },
    effects: [...(target === 'socket' ? [{ kind: 'abandon' } as const] : []), { kind: 'wait', attempt: state.attempt, retryAfterMs }],
  }
}

function postFailed(state: Try, verdict: PostVerdict, retryAfterMs: number): Step {
  return verdict === 'retry' ? wait(state, 'session', 0, retryAfterMs) : end({ reason: verdict, replaceable: false })
}

function dropped(state: Trying, cause: DropCause, progressed: boolean): Step {
  if (state.kind !== 'connecting' && !isConnected(state)) return { state, effects: [] }
  const fruitless = progressed ? 0 : state.fruitless + 1
  if (state.kind === 'draining') {
    const normal = cause.kind === 'closed' && cause.code === 1000
    if (normal || state.stopAcknowledged || fruitless > 2) return collect(state, LATE)
  }
  const verdict = judge(cause, fruitless)
  switch (verdict.kind) {
    case 'retry':
      return wait(state, 'socket', fruitless, 0)
    case 'new_session':
      return collect(state, LOST)
    case 'fatal':
      return collect(state, { reason: verdict.reason, replaceable: false })
    default:
      return assertNever(verdict)
  }
}
