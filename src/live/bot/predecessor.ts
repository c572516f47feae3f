import { toError } from '../../core/errors.js'
import type { Clock } from '../../core/time.js'
import type { Logger } from '../../observe/logger.js'
import { BACK_WITHIN_MS } from '../../records/claims.js'
import type { Tenure } from './inheritance.js'

/** What became of the bot before: it died, or gave the meeting away and has seen to what it heard, died before that, or may still be at it. */
export type Fate = 'crashed' | 'settled' | 'died' | 'alive'

const LOOK_MS = 1_000
/** No bot takes longer: ten minutes of replay at its end, and fifteen for a store that is away. */
const LONGEST_MS = 30 * 60_000

/**
 * Waits until the bots that gave this meeting away have seen to what they heard, or are known to be dead. A store that does not answer
 * says nothing about anybody. After half an hour whoever is not done is taken for dead.
 * @param enough aborted: it is answered with what is known now; never rejects
 */
export async function fateOfBefore(
  { tenure, clock, logger }: { readonly tenure: Pick<Tenure, 'before'>; readonly clock: Clock; readonly logger: Logger },
  enough: AbortSignal,
): Promise<Exclude<Fate, 'crashed'>> {
  const endMs = clock.monotonicMs() + LONGEST_MS
  let signs: string | null = null
  let sinceMs = 0
  while (!enough.aborted) {
    try {
      const before = await tenure.before()
      if (before.unsettled.length === 0) return 'settled'
      const nowMs = clock.monotonicMs()
      if (before.signs !== signs) sinceMs = nowMs
      signs = before.signs
      if (nowMs - sinceMs >= BACK_WITHIN_MS || nowMs >= endMs) return 'died'
    } catch (thrown) {
      signs = null
      logger.debug({ err: toError(thrown) }, 'it is not known whether the bot before is done')
    }
    await clock.sleep(LOOK_MS, enough).catch(() => undefined)
  }
  return 'alive'
}
