import { assert, double, integer, property } from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  ClaimLostError,
  ConfigError,
  ConflictError,
  InputError,
  ProtocolError,
  StateError,
  UpstreamError,
} from '../../../../src/core/errors.js'
import { newMeetingId } from '../../../../src/core/ids.js'
import { parsePayload, payloadOf } from '../../../../src/followup/jobs/payload.js'
import { isRetryable, retryDelayMs } from '../../../../src/followup/jobs/policy.js'
import { within } from '../../../../src/core/within.js'
import { ManualClock } from '../../../support/manual-clock.js'

const upstream = (retryable: boolean, retryAfterMs?: number) =>
  new UpstreamError('code', 'text', { service: 'slack', retryable, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) })

describe('retrying a job', () => {
  test('our errors say themselves whether another attempt may help', () => {
    expect(isRetryable(upstream(true))).toBe(true)
    expect(isRetryable(upstream(false))).toBe(false)
    const never = [
      new ConfigError([]),
      new InputError(''),
      new ConflictError(''),
      new StateError(''),
      new ProtocolError(''),
      new ClaimLostError(''),
    ]
    expect(never.filter(isRetryable)).toEqual([])
  })

  test('an unknown fault is tried again, and several when one of them may pass', () => {
    expect(isRetryable(new TypeError('x'))).toBe(true)
    expect(isRetryable('x')).toBe(true)
    expect(isRetryable(new AggregateError([upstream(false), upstream(true)]))).toBe(true)
    expect(isRetryable(new AggregateError([upstream(false), new InputError('')]))).toBe(false)
  })

  test('the wait stays within its bound and never undercuts what the service asked for, up to an hour', () => {
    const policy = { firstMs: 1_000, maxMs: 60_000 }
    assert(
      property(
        integer({ min: 1, max: 50 }),
        double({ min: 0, max: 0.999, noNaN: true }),
        integer({ min: 0, max: 10_000_000 }),
        (attempt, dice, askedMs) => {
          const plain = retryDelayMs(policy, attempt, new Error('x'), () => dice)
          expect(plain).toBeLessThanOrEqual(Math.min(60_000, 1_000 * 2 ** (attempt - 1)))
          const asked = retryDelayMs(policy, attempt, upstream(true, askedMs), () => dice)
          expect(asked).toBe(Math.max(plain, Math.min(askedMs, 3_600_000)))
        },
      ),
    )
  })
})

describe('the payload of a job', () => {
  test('comes back as it was put in', () => {
    const id = newMeetingId()
    expect(parsePayload(JSON.parse(JSON.stringify(payloadOf(id))))).toBe(id)
  })
  test.each([null, {}, { v: 2, meetingId: newMeetingId() }, { v: 1, meetingId: '../x' }, { v: 1 }, 'x'])('%j is refused', (raw) => {
    expect(() => parsePayload(raw)).toThrow(InputError)
  })
})

describe('a bounded wait', () => {
  test('gives up when the time is over and leaves no timer when it is not', async () => {
    const clock = new ManualClock()
    await expect(within(clock, 10, Promise.resolve(7), () => new Error('late'))).resolves.toBe(7)
    await expect(within(clock, 10, Promise.reject(new Error('own')), () => new Error('late'))).rejects.toThrow('own')
    expect(clock.pending).toBe(0)
    const waiting = within(clock, 10, new Promise(() => undefined), () => new Error('late'))
    const outcome = expect(waiting).rejects.toThrow('late')
    await clock.advance(10)
    await outcome
    expect(clock.pending).toBe(0)
  })
})
