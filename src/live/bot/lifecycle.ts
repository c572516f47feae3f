import { assertNever, RoomscribeError } from '../../core/errors.js'
import { MEETING_REASONS, type MeetingReason, type MeetingState } from '../../records/port.js'
import type { RoomEndReason } from '../room/port.js'

/*
 *            joined            somebody is there
 *  joining ----------> waiting -----------------> live
 *    ^  |                 ^   <--- (never back)    |  ^
 *    |  | refused         | reconnecting           |  | reconnected
 *    |  v                 v                        v  |
 *    |  ended          reconnecting <--------------+--+
 *    |                    | connection lost
 *    +--------------------+          any of them --stop, timers, removed, fault--> draining --> ended
 *
 * L1  The room is joined until it works or `joinForMs` has passed; a refusal that cannot heal ends at once, unless the meeting was live before.
 * L2  A meeting is live from the first person on; it never waits again.
 * L3  Alone for `aloneMs` after the last person left: everybody_left. Nobody for `nobodyMs` after the start: nobody_came.
 * L4  `tooLongMs` after the start: too_long.
 * L5  While nobody has come, a room that the server closes is joined again: an empty room times out, the meeting does not.
 * L6  A lost connection is joined again for `rejoinForMs`; timers of L3 stand still meanwhile, L4 does not.
 * L7  Duplicate identity is another owner: yield, never fight. Whether it is one the claim says, before this table is asked.
 * L9  A meeting taken over goes on where it was: once live it never waits, and L4 counts from its start.
 * L8  Everything ends through `draining`, once, with the first reason; what comes later changes nothing.
 */

/** How long things may take, ms. */
export interface LifecyclePolicy {
  readonly joinForMs: number
  readonly rejoinForMs: number
  readonly aloneMs: number
  readonly nobodyMs: number
  readonly tooLongMs: number
}

/** Where a bot is. */
export type BotState =
  | { readonly kind: 'joining'; readonly attempt: number; readonly again: boolean; readonly wasLive: boolean }
  | { readonly kind: 'waiting' }
  | { readonly kind: 'live'; readonly people: number }
  | { readonly kind: 'reconnecting'; readonly wasLive: boolean; readonly people: number }
  | { readonly kind: 'draining'; readonly reason: MeetingReason; readonly wasLive: boolean }
  | { readonly kind: 'ended'; readonly reason: MeetingReason; readonly failed: boolean }

/** What can happen to a bot. */
export type BotEvent =
  | { readonly kind: 'joined'; readonly people: number }
  | { readonly kind: 'joinFailed'; readonly reason: MeetingReason; readonly retryable: boolean }
  | { readonly kind: 'people'; readonly count: number }
  | { readonly kind: 'reconnecting' }
  | { readonly kind: 'reconnected'; readonly people: number }
  | { readonly kind: 'roomEnded'; readonly why: RoomEndReason }
  | { readonly kind: 'timer'; readonly timer: BotTimer }
  | { readonly kind: 'stop'; readonly reason: MeetingReason }
  | { readonly kind: 'speechFailed'; readonly reason: MeetingReason }
  | { readonly kind: 'fault' }
  | { readonly kind: 'drained' }

export type BotTimer = 'joinFor' | 'alone' | 'nobody' | 'tooLong'

/** What to do about it. */
export type BotEffect =
  | { readonly kind: 'start'; readonly timer: BotTimer; readonly ms: number }
  | { readonly kind: 'cancel'; readonly timer: BotTimer }
  /** join now (attempt 0) or after a backoff of that attempt */
  | { readonly kind: 'join'; readonly attempt: number }
  /** leave the room and bring everything that was heard to text */
  | { readonly kind: 'drain' }

/** Reasons that make a meeting `failed` instead of `done`. */
const FAILURES: readonly MeetingReason[] = [
  'livekit_unreachable',
  'livekit_unauthorized',
  'livekit_refused',
  'connection_lost',
  'speech_unauthorized',
  'speech_payment_required',
  'speech_unreachable',
  'speech_rejected',
  'internal_fault',
]

/** Whether an end for this reason is a failure. A room lost in mid-meeting is not: what was heard goes on to a summary. */
export const isFailure = (reason: MeetingReason, wasLive: boolean): boolean =>
  FAILURES.includes(reason) && !(wasLive && reason === 'connection_lost')

/** Why a room could not be joined, by the code of the error. */
export function joinFailure(error: Error): MeetingReason {
  const code = error instanceof RoomscribeError ? error.code : ''
  return MEETING_REASONS.find((reason) => reason === code) ?? 'livekit_refused'
}

/** The state that outsiders see. */
export function meetingState(state: BotState): MeetingState {
  switch (state.kind) {
    case 'joining':
      return state.wasLive ? 'reconnecting' : 'joining'
    case 'waiting':
    case 'live':
    case 'reconnecting':
    case 'draining':
      return state.kind
    case 'ended':
      return state.failed ? 'failed' : 'finalising'
    default:
      return assertNever(state)
  }
}

/** The first state and its effects. @param past of a meeting that another bot began (L9) */
export function begin(
  policy: LifecyclePolicy,
  past: { readonly wasLive: boolean; readonly elapsedMs: number } | null = null,
): { state: BotState; effects: readonly BotEffect[] } {
  if (past) {
    const tooLong = { kind: 'start', timer: 'tooLong', ms: Math.max(0, policy.tooLongMs - past.elapsedMs) } as const
    const nobody = { kind: 'start', timer: 'nobody', ms: Math.max(0, policy.nobodyMs - past.elapsedMs) } as const
    const step = rejoin(policy, past.wasLive)
    return { state: step.state, effects: [tooLong, ...(past.wasLive ? [] : [nobody]), ...step.effects] }
  }
  return {
    state: { kind: 'joining', attempt: 0, again: false, wasLive: false },
    effects: [
      { kind: 'start', timer: 'joinFor', ms: policy.joinForMs },
      { kind: 'join', attempt: 0 },
    ],
  }
}

type Step = { readonly state: BotState; readonly effects: readonly BotEffect[] }

const stay = (state: BotState): Step => ({ state, effects: [] })

function drain(reason: MeetingReason, wasLive: boolean): Step {
  return {
    state: { kind: 'draining', reason, wasLive },
    effects: [
      ...(['joinFor', 'alone', 'nobody', 'tooLong'] as const).map((timer) => ({ kind: 'cancel', timer }) as const),
      { kind: 'drain' },
    ],
  }
}

function rejoin(policy: LifecyclePolicy, wasLive: boolean): Step {
  return {
    state: { kind: 'joining', attempt: 0, again: true, wasLive },
    effects: [
      { kind: 'cancel', timer: 'alone' },
      { kind: 'start', timer: 'joinFor', ms: policy.rejoinForMs },
      { kind: 'join', attempt: 0 },
    ],
  }
}

function retry(state: Extract<BotState, { kind: 'joining' }>): Step {
  const attempt = state.attempt + 1
  return { state: { ...state, attempt }, effects: [{ kind: 'join', attempt }] }
}

/** Everybody who decides who is there comes through here (L2, L3). */
function withPeople(policy: LifecyclePolicy, wasLive: boolean, before: number, count: number): Step {
  if (count > 0) {
    return {
      state: { kind: 'live', people: count },
      effects: [
        { kind: 'cancel', timer: 'nobody' },
        { kind: 'cancel', timer: 'alone' },
      ],
    }
  }
  if (!wasLive) return stay({ kind: 'waiting' })
  return { state: { kind: 'live', people: 0 }, effects: before > 0 ? [{ kind: 'start', timer: 'alone', ms: policy.aloneMs }] : [] }
}

function onRoomEnded(policy: LifecyclePolicy, why: RoomEndReason, wasLive: boolean): Step {
  switch (why) {
    case 'left':
      return drain('stopped', wasLive)
    case 'duplicate_identity':
      return drain('duplicate_identity', wasLive)
    case 'removed':
      return drain('removed', wasLive)
    case 'room_closed':
      return wasLive ? drain('room_closed', wasLive) : rejoin(policy, wasLive)
    case 'connection_lost':
      return rejoin(policy, wasLive)
    case 'fault':
      return drain('internal_fault', wasLive)
    default:
      return assertNever(why)
  }
}

function onTimer(state: Exclude<BotState, { kind: 'draining' | 'ended' }>, timer: BotTimer, wasLive: boolean): Step {
  switch (timer) {
    case 'joinFor':
      return state.kind === 'joining' ? drain(state.again ? 'connection_lost' : 'livekit_unreachable', wasLive) : stay(state)
    case 'alone':
      return state.kind === 'live' && state.people === 0 ? drain('everybody_left', wasLive) : stay(state)
    case 'nobody':
      return wasLive ? stay(state) : drain('nobody_came', wasLive)
    case 'tooLong':
      return drain('too_long', wasLive)
    default:
      return assertNever(timer)
  }
}

function wasLive(state: BotState): boolean {
  if (state.kind === 'joining' || state.kind === 'reconnecting' || state.kind === 'draining') return state.wasLive
  return state.kind === 'live'
}

/** Decides. Pure: the class performs the effects. */
export function next(policy: LifecyclePolicy, state: BotState, event: BotEvent): Step {
  if (state.kind === 'ended') return stay(state)
  if (state.kind === 'draining') {
    if (event.kind !== 'drained') return stay(state)
    return stay({ kind: 'ended', reason: state.reason, failed: isFailure(state.reason, state.wasLive) })
  }
  const live = wasLive(state)
  switch (event.kind) {
    case 'joined': {
      if (state.kind !== 'joining') return stay(state)
      const step = withPeople(policy, live, 1, event.people)
      const first: readonly BotEffect[] = state.again
        ? []
        : [
            { kind: 'start', timer: 'nobody', ms: policy.nobodyMs },
            { kind: 'start', timer: 'tooLong', ms: policy.tooLongMs },
          ]
      return { state: step.state, effects: [{ kind: 'cancel', timer: 'joinFor' }, ...first, ...step.effects] }
    }
    case 'joinFailed':
      if (state.kind !== 'joining') return stay(state)
      // whose bot was let in before: a server that is being restarted behind its proxy, or a bot that was given the wrong key
      return event.retryable || live ? retry(state) : drain(event.reason, live)
    case 'people':
      if (state.kind === 'joining') return stay(state)
      if (state.kind === 'reconnecting') return stay({ ...state, people: event.count })
      return withPeople(policy, live, state.kind === 'live' ? state.people : 0, event.count)
    case 'reconnecting':
      if (state.kind !== 'waiting' && state.kind !== 'live') return stay(state)
      return {
        state: { kind: 'reconnecting', wasLive: live, people: state.kind === 'live' ? state.people : 0 },
        effects: [{ kind: 'cancel', timer: 'alone' }],
      }
    case 'reconnected':
      if (state.kind !== 'reconnecting') return stay(state)
      return withPeople(policy, live, 1, event.people)
    case 'roomEnded':
      // the attempt is given up with its connection
      if (state.kind === 'joining' && (event.why === 'connection_lost' || event.why === 'room_closed')) return retry(state)
      return onRoomEnded(policy, event.why, live)
    case 'timer':
      return onTimer(state, event.timer, live)
    case 'stop':
    case 'speechFailed':
      return drain(event.reason, live)
    case 'fault':
      return drain('internal_fault', live)
    case 'drained':
      return stay(state)
    default:
      return assertNever(event)
  }
}
