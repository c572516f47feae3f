import { describe, expect, it } from 'vitest'
import { asIdentity, newSessionId } from '../../../../src/core/ids.js'
import { WaitingGaps } from '../../../../src/live/bot/waiting.js'
import { WaitingSessions } from '../../../../src/live/bot/waiting-sessions.js'
import { WaitingSpans } from '../../../../src/live/bot/waiting-spans.js'
import { gapFrom, sessionWith, spanOf } from '../../../support/records.js'

const sessionId = newSessionId()
const pendingTexts = [{ identity: asIdentity('ana'), fromMs: 0, toMs: 50 }]
const at = (sec: number) => sessionWith(sessionId, sec * 16_000)

describe('sessions that wait for the store', () => {
  it('what waits for its text is kept until the store has a version as it is, however many come in between', () => {
    const waiting = new WaitingSessions()
    waiting.put({ ...at(1), pendingTexts })
    waiting.put(at(2))
    expect(waiting.before().map(({ session }) => session)).toEqual([{ ...at(0), pendingTexts }])
    for (const write of waiting.whole()) waiting.stored(write)
    waiting.put(at(3))
    expect(waiting.before()).toEqual([])
  })

  it('that one is over is not undone, also where it is put again while that is on its way', () => {
    const waiting = new WaitingSessions()
    waiting.put({ ...at(1), pendingTexts })
    for (const write of waiting.before()) waiting.stored(write)
    waiting.put({ ...at(2), endReason: 'session_lost' })
    const writes = waiting.whole()
    waiting.put({ ...at(2), endReason: 'session_lost' })
    for (const write of writes) waiting.stored(write)
    expect([waiting.size, waiting.before()]).toEqual([1, []])
  })

  it('the log is told again how far one came every five seconds, and only where it has all finals', () => {
    const waiting = new WaitingSessions()
    const log = (isMeasured: boolean) => {
      const sessions = waiting.unlogged(isMeasured)
      waiting.logged(sessions)
      return sessions
    }
    waiting.put(at(1))
    expect(log(false)).toEqual([at(0)])
    waiting.put(at(4.9))
    expect(log(true)).toEqual([])
    waiting.put(at(5))
    expect([log(false), log(true)]).toEqual([[], [at(5)]])
    waiting.put(at(9))
    expect(log(true)).toEqual([])
    waiting.put(at(10))
    expect(log(true)).toEqual([at(10)])
  })

  it('the log has more than the store until that knows how far they came', () => {
    const waiting = new WaitingSessions()
    waiting.put(at(10))
    expect(waiting.isLogOnly).toBe(false)
    waiting.logged(waiting.unlogged(true))
    for (const write of waiting.before()) waiting.stored(write)
    expect(waiting.isLogOnly).toBe(true)
    const writes = waiting.whole()
    waiting.put(at(11))
    for (const write of writes) waiting.stored(write)
    expect(waiting.isLogOnly).toBe(false)
  })
})

it('what memory had no room for may be in the log alone from then on', () => {
  const gaps = new WaitingGaps()
  expect([gaps.put(gapFrom(0), 1), gaps.isLogOnly, gaps.put(gapFrom(200), 1), gaps.isLogOnly]).toEqual([true, false, false, true])
  const spans = new WaitingSpans()
  spans.put(spanOf(sessionId, 0, 800))
  expect(spans.isLogOnly).toBe(false)
  spans.drop(spans.first(1))
  expect([spans.size, spans.isLogOnly]).toEqual([0, true])
})
