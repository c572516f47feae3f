import { expect, test } from 'vitest'
import { RejoinLimit } from '../../../../../src/live/room/livekit/rejoin-limit.js'
import { ManualClock } from '../../../../support/manual-clock.js'

test('a room may be joined anew once in a while, each room by itself', async () => {
  const clock = new ManualClock(0)
  const limit = new RejoinLimit(clock, 1_000)
  expect([limit.take('a'), limit.take('a'), limit.take('b')]).toEqual([true, false, true])
  await clock.advance(999)
  expect([limit.take('a'), limit.take('b')]).toEqual([false, false])
  await clock.advance(1)
  expect([limit.take('a'), limit.take('a'), limit.take('b')]).toEqual([true, false, true])
})
