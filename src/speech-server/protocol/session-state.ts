import { assertNever } from '../../core/errors.js'

/**
 * The life of a live session.
 *
 *   created --connect--> attached <--connect-- detached
 *                        attached --lost--> detached
 *   created, attached, detached --stop | expired | limit--> finishing --finished--> ended(done)
 *   any but ended --failed--> ended(error)
 *
 * P1 one socket at a time: a new one takes over from the old.
 * P2 a close with code 1000 by the client counts as stop; any other loss leaves the session detached.
 * P3 while finishing, a socket may come back for the rest of the messages; audio is refused.
 * P4 an ended session takes nothing more.
 */
export type SessionState =
  | { readonly kind: 'created' }
  | { readonly kind: 'attached' }
  | { readonly kind: 'detached' }
  | { readonly kind: 'finishing'; readonly asked: boolean }
  | { readonly kind: 'ended'; readonly outcome: 'done' | 'error'; readonly asked: boolean }

/** What can happen to a session. `stop`: the client asked (message, or close 1000). `expired`: too long without a socket. */
export type SessionEvent = 'connect' | 'lost' | 'stop' | 'expired' | 'limit' | 'finished' | 'failed'

/** The state after an event; the same object when the event changes nothing. */
export function nextState(state: SessionState, event: SessionEvent): SessionState {
  if (state.kind === 'ended') return state
  if (event === 'failed') return { kind: 'ended', outcome: 'error', asked: false }
  if (state.kind === 'finishing') return event === 'finished' ? { kind: 'ended', outcome: 'done', asked: state.asked } : state
  switch (event) {
    case 'connect':
      return state.kind === 'attached' ? state : { kind: 'attached' }
    case 'lost':
      return state.kind === 'attached' ? { kind: 'detached' } : state
    case 'stop':
      return { kind: 'finishing', asked: true }
    case 'limit':
      return { kind: 'finishing', asked: false }
    case 'expired':
      return state.kind === 'attached' ? state : { kind: 'finishing', asked: false }
    case 'finished':
      return state
    default:
      return assertNever(event)
  }
}

/** `status` of the job object. */
export function jobStatus(state: SessionState): 'queued' | 'processing' | 'done' | 'error' {
  if (state.kind === 'created') return 'queued'
  return state.kind === 'ended' ? state.outcome : 'processing'
}
