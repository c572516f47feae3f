import { describe, expect, test } from 'vitest'
import { AFTER_FAILURE_MS, decide, type RoomCase, type RoomView } from '../../../../src/control/webhooks/livekit/policy.js'
import { asMeetingId } from '../../../../src/core/ids.js'
import type { RoomMemory } from '../../../../src/records/auto-join.js'
import { MEETING_STATES, type MeetingReason, type MeetingState } from '../../../../src/records/port.js'

const OLD = asMeetingId('01990000-0000-7000-8000-000000000001')
const NEW = asMeetingId('01990000-0000-7000-8000-000000000002')
const ENDED_MS = 1_000_000

const view = (given: Partial<RoomView> = {}): RoomView => ({ sid: 'RM_1', createdMs: 500_000, people: 1, ...given })
const last = (state: MeetingState, reason: MeetingReason | null = null) => ({
  id: NEW,
  state,
  reason,
  startAt: null,
  endedAt: ['done', 'failed', 'cancelled'].includes(state) ? new Date(ENDED_MS).toISOString() : null,
})
const memory = (given: Partial<RoomMemory> = {}): RoomMemory => ({ meetingId: NEW, sid: 'RM_1', isOwn: true, isCleared: false, ...given })
const of = (given: Partial<RoomCase>) => decide({ view: view(), last: null, memory: null, minPeople: 1, nowMs: ENDED_MS + 1_000, ...given })

describe('who is joined', () => {
  test('J1 a room without a meeting is joined as soon as enough people are in it', () => {
    expect(of({}).act).toBe('start')
    expect(of({ minPeople: 2 }).act).toBe('nothing')
    expect(of({ minPeople: 2, view: view({ people: 2 }) }).act).toBe('start')
    expect(of({ view: view({ people: 0 }) }).act).toBe('nothing')
    expect(of({ view: null }).act).toBe('nothing')
  })

  test('J2 a running meeting, whatever its state, is the only one; an ending one is looked at again while people are there', () => {
    for (const state of MEETING_STATES.filter((one) => !['done', 'failed', 'cancelled', 'missed'].includes(one))) {
      const isEnding = state === 'draining' || state === 'finalising'
      expect(`${state} ${of({ last: last(state) }).act}`).toBe(`${state} ${isEnding ? 'look_again' : 'nothing'}`)
      expect(of({ last: last(state), view: view({ people: 0 }) }).act).toBe('nothing')
    }
  })

  test('J2 one that ended 10 s ago is over, also while what follows it is held up; how it ended counts', () => {
    const ended = (reason: MeetingReason) => ({ ...last('finalising', reason), endedAt: new Date(ENDED_MS).toISOString() })
    const after = (ms: number, reason: MeetingReason) => of({ last: ended(reason), memory: memory(), nowMs: ENDED_MS + ms }).act
    expect(after(9_999, 'everybody_left')).toBe('look_again')
    expect(after(10_000, 'everybody_left')).toBe('start')
    expect(after(10_000, 'stopped')).toBe('nothing')
  })

  test('an ordinary end is followed by a new meeting when people come again', () => {
    for (const reason of ['everybody_left', 'nobody_came', 'room_closed', 'shutdown'] as const) {
      expect(of({ last: last('done', reason), memory: memory() }).act).toBe('start')
    }
    expect(of({ last: last('missed') }).act).toBe('start')
  })
})

describe('who is not', () => {
  test('J3 a meeting stopped by a person is the last until the room has been empty', () => {
    const stopped = last('done', 'stopped')
    for (const reason of ['stopped', 'removed', 'too_long', 'duplicate_identity'] as const) {
      expect(of({ last: last('done', reason), memory: memory() }).act).toBe('nothing')
    }
    const empty = of({ last: stopped, memory: memory(), view: view({ people: 0 }) })
    expect(empty).toEqual({ act: 'nothing', memory: memory({ isCleared: true }) })
    expect(of({ last: stopped, memory: empty.memory }).act).toBe('start')
  })

  test('J3 or until it has ended: it is gone, or is another room of the same name', () => {
    const stopped = last('cancelled', 'stopped')
    const gone = of({ last: stopped, memory: memory(), view: null })
    expect(gone.memory).toEqual(memory({ isCleared: true }))
    expect(of({ last: stopped, memory: memory(), view: view({ sid: 'RM_2' }) }).act).toBe('start')
  })

  test('J3 a stop of which nothing is remembered holds in a room that is older than it, and not in a younger one', () => {
    const stopped = last('done', 'stopped')
    const held = of({ last: stopped, view: view({ createdMs: ENDED_MS - 1 }) })
    expect(held).toEqual({ act: 'nothing', memory: memory({ isOwn: false }) })
    expect(of({ last: stopped, memory: held.memory }).act).toBe('nothing')
    expect(of({ last: stopped, view: view({ createdMs: ENDED_MS + 1 }) }).act).toBe('start')
  })

  test('J3 a meeting whose record was deleted counts as stopped, whatever there was before it', () => {
    for (const before of [null, { ...last('done', 'everybody_left'), id: OLD }]) {
      expect(of({ last: before, memory: memory() })).toEqual({ act: 'nothing', memory: memory() })
      const cleared = of({ last: before, memory: memory(), view: view({ people: 0 }) })
      expect(of({ last: before, memory: cleared.memory }).act).toBe('start')
    }
  })

  test('J3 a meeting that was asked for before the one that is remembered, and began after it, is the last: its stop holds', () => {
    const madeMs = Number.parseInt('019900000000', 16)
    const began = (ms: number) => ({ ...last('done', 'stopped'), id: OLD, startAt: new Date(ms).toISOString() })
    const cleared = memory({ isCleared: true })
    const held = of({ last: began(madeMs + 1), memory: cleared })
    expect(held).toEqual({ act: 'nothing', memory: memory({ meetingId: OLD, isOwn: false }) })
    expect(of({ last: began(madeMs + 1), memory: held.memory }).act).toBe('nothing')
    // one that began before it is what is left of the room: the newer one was deleted, and the room empty since
    expect(of({ last: began(madeMs), memory: cleared }).act).toBe('start')
  })

  test('J4 a failed meeting is tried again after five minutes, or once the room was empty', () => {
    const failed = last('failed', 'livekit_unauthorized')
    expect(of({ last: failed, memory: memory(), nowMs: ENDED_MS + AFTER_FAILURE_MS - 1 }).act).toBe('nothing')
    expect(of({ last: failed, memory: memory(), nowMs: ENDED_MS + AFTER_FAILURE_MS }).act).toBe('start')
    expect(of({ last: failed, memory: memory({ isCleared: true }) }).act).toBe('start')
  })
})

describe('ends', () => {
  test('J5 a meeting of ours that waits for a bot is cancelled when its room has ended, and holds nobody back', () => {
    const cancelled = of({ last: last('queued'), memory: memory(), view: null })
    expect(cancelled).toEqual({ act: 'cancel', memory: memory({ isCleared: true }) })
    expect(of({ last: last('cancelled', 'stopped'), memory: cancelled.memory }).act).toBe('start')
  })

  test('J5 one that somebody asked for, or that a bot runs, is not', () => {
    expect(of({ last: last('queued'), memory: memory({ isOwn: false }), view: null }).act).toBe('nothing')
    expect(of({ last: last('queued'), view: null }).act).toBe('nothing')
    expect(of({ last: last('joining'), memory: memory(), view: null }).act).toBe('nothing')
    expect(of({ last: last('queued'), memory: memory(), view: view({ people: 0 }) }).act).toBe('nothing')
  })

  test('what is remembered is the same object while nothing changes', () => {
    const known = memory()
    expect(of({ last: last('live'), memory: known }).memory).toBe(known)
    expect(of({ last: last('done', 'stopped'), memory: known }).memory).toBe(known)
    expect(of({ last: last('live'), memory: memory({ sid: null }) }).memory).toEqual(known)
  })
})
