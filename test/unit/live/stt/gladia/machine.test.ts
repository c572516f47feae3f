import { describe, expect, it } from 'vitest'
import { FIRST_STATE, HELD_STATE, next, phaseOf, type SessionEvent, type SessionState } from '../../../../../src/live/stt/gladia/machine.js'

type StateKind = SessionState['kind']
type EventKind = SessionEvent['kind']

const base = { attempt: 1, fruitless: 0, finishing: false }
const STATES: { readonly [K in StateKind]: Extract<SessionState, { kind: K }> } = {
  opening: { kind: 'opening', ...base },
  waiting: { kind: 'waiting', target: 'socket', ...base },
  connecting: { kind: 'connecting', ...base },
  probing: { kind: 'probing', ...base },
  replaying: { kind: 'replaying', ...base, finishing: true },
  live: { kind: 'live', ...base, finishing: true },
  draining: { kind: 'draining', stopAcknowledged: false, ...base, finishing: true },
  collecting: { kind: 'collecting', finishing: true, otherwise: { reason: 'drain_timeout', replaceable: false } },
  ended: { kind: 'ended', reason: 'done', replaceable: false },
}
const EVENTS: { readonly [K in EventKind]: Extract<SessionEvent, { kind: K }> } = {
  posted: { kind: 'posted' },
  post_failed: { kind: 'post_failed', verdict: 'retry', retryAfterMs: 7 },
  opened: { kind: 'opened', mustProbe: true },
  resumed: { kind: 'resumed', backlog: true },
  caught_up: { kind: 'caught_up' },
  flushed: { kind: 'flushed' },
  dropped: { kind: 'dropped', cause: { kind: 'closed', code: 1006 }, progressed: true },
  stable: { kind: 'stable' },
  wait_over: { kind: 'wait_over' },
  give_up: { kind: 'give_up' },
  finish: { kind: 'finish', empty: false },
  stop_acknowledged: { kind: 'stop_acknowledged' },
  session_end: { kind: 'session_end' },
  drain_deadline: { kind: 'drain_deadline' },
  collected: { kind: 'collected', complete: true, unacknowledged: false },
  abort: { kind: 'abort' },
}

// a dash: the state stays as it is and nothing is done
type Cell = StateKind | '-'
const TABLE: Record<StateKind, Record<EventKind, Cell>> = {
  // prettier-ignore
  opening: { posted: 'connecting', post_failed: 'waiting', opened: '-', resumed: '-', caught_up: '-', flushed: '-', dropped: '-', stable: '-',
    wait_over: '-', give_up: 'ended', finish: 'opening', stop_acknowledged: '-', session_end: '-', drain_deadline: '-', collected: '-', abort: 'ended' },
  // prettier-ignore
  waiting: { posted: '-', post_failed: '-', opened: '-', resumed: '-', caught_up: '-', flushed: '-', dropped: '-', stable: '-',
    wait_over: 'connecting', give_up: 'collecting', finish: 'waiting', stop_acknowledged: '-', session_end: '-', drain_deadline: '-', collected: '-', abort: 'ended' },
  // prettier-ignore
  connecting: { posted: '-', post_failed: '-', opened: 'probing', resumed: '-', caught_up: '-', flushed: '-', dropped: 'waiting', stable: '-',
    wait_over: '-', give_up: 'collecting', finish: 'connecting', stop_acknowledged: '-', session_end: '-', drain_deadline: '-', collected: '-', abort: 'ended' },
  // prettier-ignore
  probing: { posted: '-', post_failed: '-', opened: '-', resumed: 'replaying', caught_up: '-', flushed: '-', dropped: 'waiting', stable: 'probing',
    wait_over: '-', give_up: '-', finish: 'probing', stop_acknowledged: '-', session_end: 'collecting', drain_deadline: '-', collected: '-', abort: 'ended' },
  // prettier-ignore
  replaying: { posted: '-', post_failed: '-', opened: '-', resumed: '-', caught_up: 'live', flushed: 'draining', dropped: 'waiting', stable: 'replaying',
    wait_over: '-', give_up: '-', finish: 'replaying', stop_acknowledged: '-', session_end: 'collecting', drain_deadline: 'collecting', collected: '-', abort: 'ended' },
  // prettier-ignore
  live: { posted: '-', post_failed: '-', opened: '-', resumed: '-', caught_up: '-', flushed: 'draining', dropped: 'waiting', stable: 'live',
    wait_over: '-', give_up: '-', finish: 'live', stop_acknowledged: '-', session_end: 'collecting', drain_deadline: 'collecting', collected: '-', abort: 'ended' },
  // prettier-ignore
  draining: { posted: '-', post_failed: '-', opened: '-', resumed: '-', caught_up: '-', flushed: '-', dropped: 'waiting', stable: 'draining',
    wait_over: '-', give_up: '-', finish: 'draining', stop_acknowledged: 'draining', session_end: 'collecting', drain_deadline: 'collecting', collected: '-', abort: 'ended' },
  // prettier-ignore
  collecting: { posted: '-', post_failed: '-', opened: '-', resumed: '-', caught_up: '-', flushed: '-', dropped: '-', stable: '-',
    wait_over: '-', give_up: '-', finish: 'collecting', stop_acknowledged: '-', session_end: '-', drain_deadline: '-', collected: 'ended', abort: 'ended' },
  // prettier-ignore
  ended: { posted: '-', post_failed: '-', opened: '-', resumed: '-', caught_up: '-', flushed: '-', dropped: '-', stable: '-',
    wait_over: '-', give_up: '-', finish: '-', stop_acknowledged: '-', session_end: '-', drain_deadline: '-', collected: '-', abort: '-' },
}

const states = Object.keys(STATES) as StateKind[]
const events = Object.keys(EVENTS) as EventKind[]
const kinds = (state: SessionState, event: SessionEvent) => next(state, event).effects.map(({ kind }) => kind)
const dropped = (code: number, progressed = false): SessionEvent => ({ kind: 'dropped', cause: { kind: 'closed', code }, progressed })

describe('every state and event', () => {
  it.each(states.flatMap((state) => events.map((event) => [state, event, TABLE[state][event]] as const)))(
    '%s, %s: %s',
    (state, event, cell) => {
      const step = next(STATES[state], EVENTS[event])
      if (cell === '-') expect(step).toEqual({ state: STATES[state], effects: [] })
      else expect(step.state.kind).toBe(cell)
    },
  )
})

describe('rules', () => {
  it('S1 only a retry tries to create again, and the wait it was asked for is handed on', () => {
    expect(next(STATES.opening, EVENTS.post_failed).effects).toEqual([{ kind: 'wait', attempt: 1, retryAfterMs: 7 }])
    for (const verdict of ['unauthorized', 'payment_required', 'rejected'] as const) {
      expect(next(STATES.opening, { kind: 'post_failed', verdict }).state).toEqual({ kind: 'ended', reason: verdict, replaceable: false })
    }
    const waiting: SessionState = { kind: 'waiting', target: 'session', ...base }
    expect(next(waiting, { kind: 'wait_over' })).toMatchObject({ state: { kind: 'opening' }, effects: [{ kind: 'post' }] })
  })

  it('S6 a creation that was to wait is tried at once when the end is asked for', () => {
    expect(next(HELD_STATE, { kind: 'finish', empty: false })).toEqual({
      state: { ...HELD_STATE, finishing: true },
      effects: [{ kind: 'wait', attempt: 0, retryAfterMs: 0 }],
    })
    expect(next(HELD_STATE, { kind: 'finish', empty: true }).state).toMatchObject({ kind: 'ended', reason: 'done' })
    expect(next(HELD_STATE, { kind: 'wait_over' }).effects).toEqual([{ kind: 'post' }])
  })

  it('S2 a first connection is live at once, a later one is probed first', () => {
    expect(next(STATES.connecting, { kind: 'opened', mustProbe: false })).toMatchObject({
      state: { kind: 'live' },
      effects: [{ kind: 'pump' }],
    })
    expect(kinds(STATES.connecting, { kind: 'opened', mustProbe: true })).toEqual(['probe'])
    expect(next(STATES.probing, { kind: 'resumed', backlog: false }).state.kind).toBe('live')
  })

  it('S4 a dead session hangs up and collects, then asks to be replaced', () => {
    const live: SessionState = { ...STATES.live, finishing: false }
    const { state, effects } = next(live, dropped(4403))
    expect(effects.map(({ kind }) => kind)).toEqual(['hang_up', 'collect'])
    expect(next(state, { kind: 'collected', complete: true, unacknowledged: false }).state).toEqual({
      kind: 'ended',
      reason: 'session_lost',
      replaceable: true,
    })
  })

  it('S4 a retry cuts the socket without the close frame that would end the recording', () => {
    expect(kinds(STATES.live, dropped(1006))).toEqual(['abandon', 'wait'])
  })

  it('S5 attempts grow with each loss, progress forgives fruitlessness only, stable forgives both', () => {
    let state: SessionState = { ...STATES.live, attempt: 0 }
    const lose = (progressed: boolean) => {
      state = next(state, dropped(1006, progressed)).state
      const told = state
      state = next(state, { kind: 'wait_over' }).state
      state = next(state, { kind: 'opened', mustProbe: true }).state
      return told
    }
    expect(lose(false)).toMatchObject({ attempt: 1, fruitless: 1 })
    expect(lose(false)).toMatchObject({ attempt: 2, fruitless: 2 })
    expect(lose(true)).toMatchObject({ attempt: 3, fruitless: 0 })
    expect(next(state, { kind: 'stable' }).state).toMatchObject({ attempt: 0, fruitless: 0 })
  })

  it('S6 a finish is remembered in every state that goes on', () => {
    for (const kind of ['opening', 'waiting', 'connecting', 'probing'] as const) {
      expect(next(STATES[kind], EVENTS.finish).state).toMatchObject({ kind, finishing: true })
    }
    expect(kinds({ ...STATES.live, finishing: false }, EVENTS.finish)).toEqual(['pump'])
    expect(kinds({ ...STATES.live, finishing: false }, EVENTS.flushed)).toEqual([])
    expect(kinds(STATES.live, EVENTS.flushed)).toEqual(['send_stop'])
  })

  it('S6 a finish without any audio ends a session that is not created', () => {
    expect(next(STATES.opening, { kind: 'finish', empty: true }).state).toMatchObject({ kind: 'ended', reason: 'done' })
    expect(next(STATES.connecting, { kind: 'finish', empty: true }).state.kind).toBe('connecting')
  })

  it('S7 a loss while draining reconnects only while the stop is not acknowledged, and not for ever', () => {
    const acknowledged = next(STATES.draining, { kind: 'stop_acknowledged' }).state
    expect(next(acknowledged, dropped(1006)).state.kind).toBe('collecting')
    expect(next(STATES.draining, dropped(1006)).state).toMatchObject({ kind: 'waiting', finishing: true })
    expect(next({ ...STATES.draining, fruitless: 2 }, dropped(1006)).state.kind).toBe('collecting')
    expect(next(STATES.draining, dropped(1000)).state.kind).toBe('collecting')
  })

  it.each([
    [true, false, 'done'],
    [false, false, 'drain_timeout'],
    [true, true, 'drain_timeout'],
  ])('S8 results complete %s, frames unacknowledged %s: %s', (complete, unacknowledged, reason) => {
    expect(next(STATES.collecting, { kind: 'collected', complete, unacknowledged }).state).toMatchObject({ kind: 'ended', reason })
  })

  it('S8 a session that was not to end is not done however complete its result is', () => {
    const state: SessionState = { kind: 'collecting', finishing: false, otherwise: { reason: 'session_lost', replaceable: true } }
    expect(next(state, EVENTS.collected).state).toMatchObject({ reason: 'session_lost' })
    expect(next(next(state, EVENTS.finish).state, EVENTS.collected).state).toMatchObject({ reason: 'done' })
  })

  it('S9 the deadline ends a session that was never created as unreachable', () => {
    expect(next({ ...STATES.opening, finishing: true }, EVENTS.drain_deadline).state).toMatchObject({ reason: 'unreachable' })
  })

  it('begins with opening, and every state has a phase or keeps the last', () => {
    expect(phaseOf(FIRST_STATE)).toBe('opening')
    expect(states.map((state) => phaseOf(STATES[state]))).toEqual([
      'opening',
      'waiting',
      null,
      null,
      'live',
      'live',
      'draining',
      'draining',
      'ended',
    ])
  })
})
