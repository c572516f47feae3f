import { toError } from '../../core/errors.js'
import { FINAL_STATES, type MeetingRecord } from '../../records/port.js'
import type { Ground } from './ground.js'

/** Deleted meetings are looked at so often; also at once when this process was asked to delete one. */
const LOOK_MS = 5000
const BATCH = 50
/** A bot that has not left by then is dead, or stuck: what it still writes finds nothing to write to. */
const LEAVE_MS = 40_000

/** Whether everything of a deleted meeting may go now. */
export function mayPurge({ state, deletedAt }: Pick<MeetingRecord, 'state' | 'deletedAt'>, nowMs: number): boolean {
  if (deletedAt === null) return false
  return FINAL_STATES.includes(state) || state === 'finalising' || nowMs - Date.parse(deletedAt) >= LEAVE_MS
}

/** Purges deleted meetings until the scope closes, one look at a time. @returns asks for a look soon */
export function purgeDeleted(ground: Pick<Ground, 'scope' | 'records' | 'clock' | 'logger'>): () => void {
  const { scope, records, clock, logger } = ground
  let isLooking = false
  const look = () => {
    if (isLooking || scope.signal.aborted) return
    isLooking = true
    scope.run('purge', async () => {
      try {
        for (const meeting of await records.store.deleted(BATCH)) {
          if (!mayPurge(meeting, clock.nowMs())) continue
          await records.store.purge(meeting.id)
          logger.info({ meeting: meeting.id }, 'deleted meeting is purged')
        }
      } catch (thrown) {
        logger.warn({ err: toError(thrown) }, 'deleted meetings could not be purged')
      } finally {
        isLooking = false
      }
    })
  }
  scope.defer('purge', clock.every(LOOK_MS, look))
  return () => look()
}
