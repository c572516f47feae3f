import { expect, test } from 'vitest'
import { timed } from '../../../src/app/store-time.js'
import { asMeetingId } from '../../../src/core/ids.js'
import type { TakenClaim } from '../../../src/records/claims.js'
import { ManualClock } from '../../support/manual-clock.js'

const STORE_MS = 1_700_000_000_000
const taken: TakenClaim = {
  claim: { meetingId: asMeetingId('01a22cda-86b6-7622-afe2-d9bcc8661c3f'), epoch: 2 },
  elapsedMs: 60_000,
  storeNowMs: STORE_MS,
  silentMs: null,
  isReleased: false,
}

/** A claim that took `tripMs`; the store's time, asked for again, `againMs`. */
async function told(tripMs: number, againMs: number, nowMs: number | null = STORE_MS) {
  const clock = new ManualClock(5_000)
  const askedMs = clock.monotonicMs()
  await clock.advance(tripMs)
  let asked = 0
  const claims = {
    nowMs: async () => {
      asked++
      await clock.sleep(againMs)
      if (nowMs === null) throw new Error('away')
      return nowMs
    },
  }
  const timing = timed(claims, taken, askedMs, clock)
  await clock.advance(5_000)
  const { elapsedMs, storeNowMs } = await timing
  return { elapsedMs, storeNowMs: storeNowMs - STORE_MS, asked }
}

test('the time of a claim was read on the way', async () => {
  expect(await told(400, 0)).toEqual({ elapsedMs: 60_200, storeNowMs: 200, asked: 0 })
})

test('41 a store that stood still while a claim was taken is asked for its time again, and does not move the meeting by seconds', async () => {
  // it took the claim at the end of 20 s, and answered at once
  expect(await told(20_000, 40, STORE_MS + 30)).toEqual({ elapsedMs: 60_050, storeNowMs: 50, asked: 1 })
})

test.each([
  ['does not answer again in time', 3_000, STORE_MS],
  ['is away', 1_000, null],
])('41 a store that %s is believed half way', async (_, againMs, nowMs) => {
  expect(await told(8_000, againMs, nowMs)).toEqual({ elapsedMs: 65_000, storeNowMs: 5_000, asked: 1 })
})
