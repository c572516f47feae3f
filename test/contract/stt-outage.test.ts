import { expect, test } from 'vitest'
import { runOutage } from '../support/outage.js'

test('5 a service that creates no session for ten minutes: audio is kept from the first frame, with one alarm', async () => {
  const result = await runOutage({ minutes: 10, isFromStart: true })
  expect(result).toMatchObject({ isHashEqual: true, gaps: 0, alarms: 1, sessions: 1, filesLeft: 0 })
})

test('7 an outage of ten minutes costs nothing but disk, is told once, and is caught up with beside live audio', async () => {
  const result = await runOutage({ minutes: 10 })
  expect(result).toMatchObject({ isHashEqual: true, gaps: 0, alarms: 1, filesLeft: 0 })
  // 4 x real time, live audio behind it: 200 s, or a little more where the real disk is slow for the simulated clock
  expect(result.caughtUpSec).toBeLessThanOrEqual(300)
  // less than the audio: what is left of it is garbage of live audio, outage or not
  expect(result.outageBuffersMb).toBeLessThanOrEqual(24)
  expect(result.outageDiskMb).toBeLessThanOrEqual(48)
})
