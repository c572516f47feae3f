import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  begin,
  meetingState,
  next,
  type BotEffect,
  type BotEvent,
  type BotState,
  type LifecyclePolicy,
} from '../../../../src/live/bot/lifecycle.js'

const policy: LifecyclePolicy = { joinForMs: 20, rejoinForMs: 300, aloneMs: 60, nobodyMs: 900, tooLongMs: 4000 }

const states: Record<string, BotState> = {
  joining: { kind: 'joining', attempt: 0, again: false, wasLive: false },
  rejoining: { kind: 'joining', attempt: 2, again: true, wasLive: true },
  waiting: { kind: 'waiting' },
  live: { kind: 'live', people: 2 },
  alone: { kind: 'live', people: 0 },
  reconnecting: { kind: 'reconnecting', wasLive: true, people: 2 },
  draining: { kind: 'draining', reason: 'stopped', wasLive: true },
  ended: { kind: 'ended', reason: 'stopped', failed: false },
}

const events: Record<string, BotEvent> = {
  joined: { kind: 'joined', people: 1 },
  joinedEmpty: { kind: 'joined', people: 0 },
  refused: { kind: 'joinFailed', reason: 'livekit_unauthorized', retryable: false },
  unreachable: { kind: 'joinFailed', reason: 'livekit_unreachable', retryable: true },
  someone: { kind: 'people', count: 1 },
  nobody: { kind: 'people', count: 0 },
  reconnecting: { kind: 'reconnecting' },
  reconnected: { kind: 'reconnected', people: 1 },
  reconnectedEmpty: { kind: 'reconnected', people: 0 },
  removed: { kind: 'roomEnded', why: 'removed' },
  closed: { kind: 'roomEnded', why: 'room_closed' },
  lost: { kind: 'roomEnded', why: 'connection_lost' },
  duplicate: { kind: 'roomEnded', why: 'duplicate_identity' },
  roomFault: { kind: 'roomEnded', why: 'fault' },
  joinForOver: { kind: 'timer', timer: 'joinFor' },
  aloneOver: { kind: 'timer', timer: 'alone' },
  nobodyOver: { kind: 'timer', timer: 'nobody' },
  tooLong: { kind: 'timer', timer: 'tooLong' },
  stop: { kind: 'stop', reason: 'stopped' },
  speech: { kind: 'speechFailed', reason: 'speech_unauthorized' },
  fault: { kind: 'fault' },
  drained: { kind: 'drained' },
}

// state after each event: a name of the state, or `drain:<reason>`
const table: Record<keyof typeof states, Record<keyof typeof events, string>> = {
  joining: {
    joined: 'live',
    joinedEmpty: 'waiting',
    refused: 'drain:livekit_unauthorized',
    unreachable: 'joining',
    someone: 'joining',
    nobody: 'joining',
    reconnecting: 'joining',
    reconnected: 'joining',
    reconnectedEmpty: 'joining',
    removed: 'drain:removed',
    closed: 'joining',
    lost: 'joining',
    duplicate: 'drain:duplicate_identity',
    roomFault: 'drain:internal_fault',
    joinForOver: 'drain:livekit_unreachable',
    aloneOver: 'joining',
    nobodyOver: 'drain:nobody_came',
    tooLong: 'drain:too_long',
    stop: 'drain:stopped',
    speech: 'drain:speech_unauthorized',
    fault: 'drain:internal_fault',
    drained: 'joining',
  },
  rejoining: {
    joined: 'live',
    joinedEmpty: 'live',
    refused: 'joining',
    unreachable: 'joining',
    someone: 'joining',
    nobody: 'joining',
    reconnecting: 'joining',
    reconnected: 'joining',
    reconnectedEmpty: 'joining',
    removed: 'drain:removed',
    closed: 'joining',
    lost: 'joining',
    duplicate: 'drain:duplicate_identity',
    roomFault: 'drain:internal_fault',
    joinForOver: 'drain:connection_lost',
    aloneOver: 'joining',
    nobodyOver: 'joining',
    tooLong: 'drain:too_long',
    stop: 'drain:stopped',
    speech: 'drain:speech_unauthorized',
    fault: 'drain:internal_fault',
    drained: 'joining',
  },
  waiting: {
    joined: 'waiting',
    joinedEmpty: 'waiting',
    refused: 'waiting',
    unreachable: 'waiting',
    someone: 'live',
    nobody: 'waiting',
    reconnecting: 'reconnecting',
    reconnected: 'waiting',
    reconnectedEmpty: 'waiting',
    removed: 'drain:removed',
    closed: 'joining',
    lost: 'joining',
    duplicate: 'drain:duplicate_identity',
    roomFault: 'drain:internal_fault',
    joinForOver: 'waiting',
    aloneOver: 'waiting',
    nobodyOver: 'drain:nobody_came',
    tooLong: 'drain:too_long',
    stop: 'drain:stopped',
    speech: 'drain:speech_unauthorized',
    fault: 'drain:internal_fault',
    drained: 'waiting',
  },
  live: {
    joined: 'live',
    joinedEmpty: 'live',
    refused: 'live',
    unreachable: 'live',
    someone: 'live',
    nobody: 'live',
    reconnecting: 'reconnecting',
    reconnected: 'live',
    reconnectedEmpty: 'live',
    removed: 'drain:removed',
    closed: 'drain:room_closed',
    lost: 'joining',
    duplicate: 'drain:duplicate_identity',
    roomFault: 'drain:internal_fault',
    joinForOver: 'live',
    aloneOver: 'live',
    nobodyOver: 'live',
    tooLong: 'drain:too_long',
    stop: 'drain:stopped',
    speech: 'drain:speech_unauthorized',
    fault: 'drain:internal_fault',
    drained: 'live',
  },
  alone: {
    joined: 'live',
    joinedEmpty: 'live',
    refused: 'live',
    unreachable: 'live',
    someone: 'live',
    nobody: 'live',
    reconnecting: 'reconnecting',
    reconnected: 'live',
    reconnectedEmpty: 'live',
    removed: 'drain:removed',
    closed: 'drain:room_closed',
    lost: 'joining',
    duplicate: 'drain:duplicate_identity',
    roomFault: 'drain:internal_fault',
    joinForOver: 'live',
    aloneOver: 'drain:everybody_left',
    nobodyOver: 'live',
    tooLong: 'drain:too_long',
    stop: 'drain:stopped',
    speech: 'drain:speech_unauthorized',
    fault: 'drain:internal_fault',
    drained: 'live',
  },
  reconnecting: {
    joined: 'reconnecting',
    joinedEmpty: 'reconnecting',
    refused: 'reconnecting',
    unreachable: 'reconnecting',
    someone: 'reconnecting',
    nobody: 'reconnecting',
    reconnecting: 'reconnecting',
    reconnected: 'live',
    reconnectedEmpty: 'live',
    removed: 'drain:removed',
    closed: 'drain:room_closed',
    lost: 'joining',
    duplicate: 'drain:duplicate_identity',
    roomFault: 'drain:internal_fault',
    joinForOver: 'reconnecting',
    aloneOver: 'reconnecting',
    nobodyOver: 'reconnecting',
    tooLong: 'drain:too_long',
    stop: 'drain:stopped',
    speech: 'drain:speech_unauthorized',
    fault: 'drain:internal_fault',
    drained: 'reconnecting',
  },
  draining: Object.fromEntries(Object.keys(events).map((name) => [name, name === 'drained' ? 'ended' : 'drain:stopped'])),
  ended: Object.fromEntries(Object.keys(events).map((name) => [name, 'ended'])),
}

const nameOf = (state: BotState): string => (state.kind === 'draining' ? `drain:${state.reason}` : state.kind)

describe('life of a bot', () => {
  for (const [stateName, row] of Object.entries(table)) {
    it(`decides every event in state ${stateName}`, () => {
      for (const [eventName, event] of Object.entries(events)) {
        const { state } = next(policy, states[stateName] as BotState, event)
        expect(`${eventName}: ${nameOf(state)}`).toBe(`${eventName}: ${row[eventName]}`)
      }
    })
  }

  it('L1 starts to join at once and bounds the time it may take', () => {
    expect(begin(policy).effects).toEqual([
      { kind: 'start', timer: 'joinFor', ms: 20 },
      { kind: 'join', attempt: 0 },
    ])
  })

  it('L1 joins again with a growing attempt after a failure that may heal', () => {
    const once = next(policy, begin(policy).state, events['unreachable'] as BotEvent)
    expect(once.effects).toEqual([{ kind: 'join', attempt: 1 }])
    expect(next(policy, once.state, events['unreachable'] as BotEvent).effects).toEqual([{ kind: 'join', attempt: 2 }])
  })

  it('L1 joins again when the connection ends before the room is entered', () => {
    for (const name of ['lost', 'closed']) {
      const step = next(policy, states['rejoining'] as BotState, events[name] as BotEvent)
      expect(step).toMatchObject({
        state: { kind: 'joining', attempt: 3, again: true, wasLive: true },
        effects: [{ kind: 'join', attempt: 3 }],
      })
    }
  })

  it('L3 starts the alone timer once when the last person leaves and cancels it when somebody comes', () => {
    const left = next(policy, { kind: 'live', people: 1 }, { kind: 'people', count: 0 })
    expect(left.effects).toEqual([{ kind: 'start', timer: 'alone', ms: 60 }])
    expect(next(policy, left.state, { kind: 'people', count: 0 }).effects).toEqual([])
    expect(next(policy, left.state, { kind: 'people', count: 1 }).effects).toContainEqual({ kind: 'cancel', timer: 'alone' })
  })

  it('26 L3 waits alone again after coming back into an empty room', () => {
    const back = next(policy, { kind: 'reconnecting', wasLive: true, people: 2 }, { kind: 'reconnected', people: 0 })
    expect(back.effects).toContainEqual({ kind: 'start', timer: 'alone', ms: 60 })
  })

  it('L8 ends once, with the first reason, whatever comes in any order', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...Object.values(events)), { maxLength: 60 }), (sequence) => {
        let { state } = begin(policy)
        let drains = 0
        let first: string | null = null
        for (const event of sequence) {
          const step: { state: BotState; effects: readonly BotEffect[] } = next(policy, state, event)
          drains += step.effects.filter((effect) => effect.kind === 'drain').length
          state = step.state
          if (state.kind === 'draining') first ??= state.reason
          if (state.kind === 'ended') expect(state.reason).toBe(first)
        }
        expect(drains).toBeLessThanOrEqual(1)
      }),
    )
  })

  it('tells outsiders a lost meeting is reconnecting, and one that never began is joining', () => {
    expect(meetingState(states['rejoining'] as BotState)).toBe('reconnecting')
    expect(meetingState(states['joining'] as BotState)).toBe('joining')
  })

  it('keeps a meeting whose connection was lost for good out of the failed ones, when people had come', () => {
    const lost = next(policy, states['rejoining'] as BotState, events['joinForOver'] as BotEvent).state
    expect(next(policy, lost, { kind: 'drained' }).state).toEqual({ kind: 'ended', reason: 'connection_lost', failed: false })
    const never = next(policy, states['joining'] as BotState, events['joinForOver'] as BotEvent).state
    expect(next(policy, never, { kind: 'drained' }).state).toMatchObject({ failed: true })
  })
})
