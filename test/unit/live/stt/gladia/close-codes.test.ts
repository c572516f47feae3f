import { describe, expect, it } from 'vitest'
import { judge, type DropCause } from '../../../../../src/live/stt/gladia/close-codes.js'

const closed = (code: number): DropCause => ({ kind: 'closed', code })
const verdict = (cause: DropCause, fruitless = 1) => {
  const judged = judge(cause, fruitless)
  return judged.kind === 'fatal' ? judged.reason : judged.kind
}

describe('close codes', () => {
  it.each([
    [1000, 'new_session'],
    [1001, 'retry'],
    [1002, 'retry'],
    [1006, 'retry'],
    [1009, 'retry'],
    [1011, 'retry'],
    [1015, 'retry'],
    [3000, 'retry'],
    [4000, 'retry'],
    [4399, 'retry'],
    [4400, 'new_session'],
    [4401, 'unauthorized'],
    [4402, 'payment_required'],
    [4403, 'new_session'],
    [4408, 'new_session'],
    [4499, 'new_session'],
    [4500, 'retry'],
    [4999, 'retry'],
  ])('%i: %s', (code, expected) => {
    expect(verdict(closed(code))).toBe(expected)
  })

  it.each([
    [1001, 3],
    [1009, 2],
    [4000, 2],
  ])('%i is given up after %i connections without progress', (code, patience) => {
    expect(verdict(closed(code), patience - 1)).toBe('retry')
    expect(verdict(closed(code), patience)).toBe('new_session')
  })

  it('1006 is never given up by count: a deadline does that', () => {
    expect(verdict(closed(1006), 1000)).toBe('retry')
  })

  it.each([
    [401, 'new_session'],
    [402, 'payment_required'],
    [403, 'new_session'],
    [404, 'new_session'],
    [429, 'retry'],
    [500, 'retry'],
    [503, 'retry'],
  ])('a handshake answered %i: %s', (status, expected) => {
    expect(verdict({ kind: 'handshake', status })).toBe(expected)
  })

  it('a refused chunk is tried again on another connection, unless the account is the reason', () => {
    expect(verdict({ kind: 'refused', status: null })).toBe('retry')
    expect(verdict({ kind: 'refused', status: null }, 3)).toBe('new_session')
    expect(verdict({ kind: 'refused', status: 402 })).toBe('payment_required')
  })
})
