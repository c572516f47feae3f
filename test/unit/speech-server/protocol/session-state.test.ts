import { describe, expect, it } from 'vitest'
import { jobStatus, nextState, type SessionEvent, type SessionState } from '../../../../src/speech-server/protocol/session-state.js'

const states: Record<SessionState['kind'], SessionState> = {
  created: { kind: 'created' },
  attached: { kind: 'attached' },
  detached: { kind: 'detached' },
  finishing: { kind: 'finishing', asked: true },
  ended: { kind: 'ended', outcome: 'done', asked: true },
}
const expected: Record<SessionState['kind'], Record<SessionEvent, SessionState['kind']>> = {
  created: {
    connect: 'attached',
    lost: 'created',
    stop: 'finishing',
    expired: 'finishing',
    limit: 'finishing',
    finished: 'created',
    failed: 'ended',
  },
  attached: {
    connect: 'attached',
    lost: 'detached',
    stop: 'finishing',
    expired: 'attached',
    limit: 'finishing',
    finished: 'attached',
    failed: 'ended',
  },
  detached: {
    connect: 'attached',
    lost: 'detached',
    stop: 'finishing',
    expired: 'finishing',
    limit: 'finishing',
    finished: 'detached',
    failed: 'ended',
  },
  finishing: {
    connect: 'finishing',
    lost: 'finishing',
    stop: 'finishing',
    expired: 'finishing',
    limit: 'finishing',
    finished: 'ended',
    failed: 'ended',
  },
  ended: { connect: 'ended', lost: 'ended', stop: 'ended', expired: 'ended', limit: 'ended', finished: 'ended', failed: 'ended' },
}
const cells = Object.entries(expected).flatMap(([from, row]) =>
  Object.entries(row).map(([event, to]) => ({ from: from as SessionState['kind'], event: event as SessionEvent, to })),
)

describe('nextState', () => {
  it.each(cells)('$from --$event--> $to', ({ from, event, to }) => {
    const next = nextState(states[from], event)
    expect(next.kind).toBe(to)
    if (from === to) expect(next).toBe(states[from])
  })

  it('remembers whether the client asked for the end', () => {
    expect(nextState(states.attached, 'stop')).toEqual({ kind: 'finishing', asked: true })
    expect(nextState(states.attached, 'limit')).toEqual({ kind: 'finishing', asked: false })
    expect(nextState({ kind: 'finishing', asked: false }, 'finished')).toEqual({ kind: 'ended', outcome: 'done', asked: false })
    expect(nextState(states.finishing, 'failed')).toEqual({ kind: 'ended', outcome: 'error', asked: false })
  })

  it('maps to the status of the job', () => {
    expect(Object.values(states).map(jobStatus)).toEqual(['queued', 'processing', 'processing', 'processing', 'done'])
    expect(jobStatus({ kind: 'ended', outcome: 'error', asked: false })).toBe('error')
  })
})
