import { expect, it } from 'vitest'
import { DEFAULT_LIMITS } from '../../../../../src/live/stt/gladia/limits.js'
import { Outage } from '../../../../../src/live/stt/gladia/outage.js'

const { alarmMs, openDeadlineMs } = DEFAULT_LIMITS

it('a session that is held back is neither out of reach nor given up before it is asked for', () => {
  const heldMs = 10 * 60_000
  const outage = new Outage(DEFAULT_LIMITS, heldMs)
  for (const nowMs of [0, heldMs, heldMs + Math.min(alarmMs, openDeadlineMs) - 1])
    expect(outage.look(nowMs, false)).toEqual({ isStable: false, isOver: false, alarmMs: null })
  expect(outage.look(heldMs + alarmMs, false).alarmMs).toBe(alarmMs)
  expect(outage.look(heldMs + openDeadlineMs, false).isOver).toBe(true)
})
