import { toError } from '../../core/errors.js'
import type { Clock } from '../../core/time.js'
import type { Logger } from '../../observe/logger.js'
import { BACK_WITHIN_MS } from '../../records/claims.js'
import type { Tenure } from './inheritance.js'

/** What became of the bot before: it died, or gave the meeting away and has seen to what it heard, died before that, or may still be at it. */
export type Fate = 'crashed' | 'settled' | 'died' | 'alive'

/** Bots that gave the meeting away and have not seen to what they heard, by the epochs of their claims. */
export interface Unseen {
  readonly dead: readonly number[]
  /** or not known to be dead */
  readonly living: readonly number[]
}

const LOOK_MS = 1_000
/** No bot takes longer: ten minutes of replay at its end, and fifteen for a store that is away. */
const LONGEST_MS = 30 * 60_000

/**
 * Waits until the bots that gave this meeting away have seen to what they heard, or are known to be dead. A store that does not answer
 * says nothing about anybody. After half an hour whoever is not done is taken for dead.
 * @param enough aborted: it is answered with what is known now; never rejects
 * @returns null: nothing is known of anybody
 */
export async function fateOfBefore(
  { tenure, clock, logger }: { readonly tenure: Pick<Tenure, 'before'>; readonly clock: Clock; readonly logger: Logger },
  enough: AbortSignal,
): Promise<Unseen | null> {
  const endMs = clock.monotonicMs() + LONGEST_MS
  /** by epoch, the last sign of life, and since when it is that */
  let seen = new Map<number, { readonly sign: string | null; readonly sinceMs: number }>()
  let unseen: Unseen | null = null
  while (!enough.aborted) {
    try {
      const before = await tenure.before()
      const nowMs = clock.monotonicMs()
      seen = new Map(
        before.map(({ epoch, sign }) => {
          const last = seen.get(epoch)
          return [epoch, last?.sign === sign ? last : { sign, sinceMs: nowMs }]
        }),
      )
      const isSilent = (epoch: number) => nowMs - (seen.get(epoch)?.sinceMs ?? nowMs) >= BACK_WITHIN_MS
      const dead = before.filter(({ epoch, isRevoked }) => isRevoked || isSilent(epoch) || nowMs >= endMs).map(({ epoch }) => epoch)
      unseen = { dead, living: before.map(({ epoch }) => epoch).filter((epoch) => !dead.includes(epoch)) }
      if (unseen.living.length === 0) return unseen
    } catch (thrown) {
      seen.clear()
      logger.debug({ err: toError(thrown) }, 'it is not known whether the bot before is done')
    }
    await clock.sleep(LOOK_MS, enough).catch(() => undefined)
  }
  return unseen
}
