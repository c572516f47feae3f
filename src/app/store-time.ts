import type { Clock } from '../core/time.js'
import { within } from '../core/within.js'
import type { ClaimBook, TakenClaim } from '../records/claims.js'

/** The store's time is asked for again when its answer took longer, and not waited for longer than that. */
const SLOW_TRIP_MS = 1_000

/**
 * A claim with the store's time as it is now. Its clock was read on the way: the error of meeting time is half a round trip at most. When
 * the store stood still meanwhile, a second answer tells it better.
 * @param askedMs when the claim was asked for, monotonic
 */
export async function timed(claims: Pick<ClaimBook, 'nowMs'>, taken: TakenClaim, askedMs: number, clock: Clock): Promise<TakenClaim> {
  const takenMs = clock.monotonicMs()
  const tripMs = takenMs - askedMs
  if (tripMs <= SLOW_TRIP_MS) return later(taken, tripMs / 2)
  const late = () => new Error('the store does not answer')
  const nowMs = await within(clock, SLOW_TRIP_MS, claims.nowMs(), late).catch(() => null)
  const tookMs = clock.monotonicMs() - takenMs
  return later(taken, nowMs === null ? tripMs / 2 + tookMs : nowMs - taken.storeNowMs + tookMs / 2)
}

/** A claim as it is so much later, ms. */
function later(taken: TakenClaim, ms: number): TakenClaim {
  const { elapsedMs, storeNowMs } = taken
  return { ...taken, elapsedMs: elapsedMs === null ? null : elapsedMs + ms, storeNowMs: storeNowMs + ms }
}
