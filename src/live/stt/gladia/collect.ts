import type { Clock } from '../../../core/time.js'
import type { GladiaApi } from './api.js'
import type { Limits } from './limits.js'
import type { RawResult } from './messages.js'

/** A finished result, or why there is none. `isUnknown`: there never will be. */
export type Collected =
  | { readonly kind: 'result'; readonly result: RawResult }
  | { readonly kind: 'none'; readonly why: string; readonly isUnknown: boolean }

/** A service that cannot be reached is asked so often. */
const AWAY_POLL_MS = 5_000

/**
 * Asks for a session's result until it is finished, cannot come, or `collectMs` is up. Resolves early, with none, when aborted.
 * @param mayWait whether a service that cannot be reached is waited for, `collectAwayMs` at most: that time does not count
 */
export async function collectResult(
  api: GladiaApi,
  id: string,
  { clock, limits }: { readonly clock: Clock; readonly limits: Limits },
  signal: AbortSignal,
  mayWait: () => boolean = () => false,
): Promise<Collected> {
  const awayUntilMs = clock.monotonicMs() + limits.collectAwayMs
  let deadlineMs = clock.monotonicMs() + limits.collectMs
  while (!signal.aborted) {
    const look = await api.look(id, signal)
    if (look.kind === 'never') return { kind: 'none', why: look.why, isUnknown: !look.isRefused }
    if (look.kind === 'result' && (look.result.status === 'done' || look.result.status === 'error')) return look
    const isAway = look.kind === 'again' && look.isAway && mayWait() && clock.monotonicMs() < awayUntilMs
    if (isAway) deadlineMs = clock.monotonicMs() + AWAY_POLL_MS + limits.collectMs
    const leftMs = deadlineMs - clock.monotonicMs()
    if (leftMs <= limits.collectPollMs)
      return { kind: 'none', why: look.kind === 'result' ? `still ${look.result.status}` : 'no answer', isUnknown: false }
    await clock.sleep(isAway ? AWAY_POLL_MS : limits.collectPollMs, signal).catch(() => undefined)
  }
  return { kind: 'none', why: 'aborted', isUnknown: false }
}
