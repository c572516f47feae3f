import { toError } from '../../core/errors.js'
import { LastingFault } from '../../observe/lasting-fault.js'
import { hasEnded, type MeetingRecord } from '../../records/port.js'
import type { Ground } from './ground.js'

/** Deleted meetings are looked at so often; also at once when this process was asked to delete one. */
const LOOK_MS = 5000
const BATCH = 50
/** A bot that has not left by then is dead, or stuck: what it still writes finds nothing to write to. */
const LEAVE_MS = 40_000
/** A speech service that has not forgotten by then is told of in the log, with its own ids: the rest goes all the same. */
const FORGET_MS = 50_000

/** What purging works with. */
export interface PurgeParts extends Pick<Ground, 'scope' | 'clock' | 'logger'> {
  readonly records: { readonly store: Pick<Ground['records']['store'], 'deleted' | 'purge' | 'sessions'> }
  /** Makes the speech service forget a session of its own id; null: it keeps none. @throws UpstreamError */
  readonly forget: ((vendorId: string) => Promise<void>) | null
}

/** Whether everything of a deleted meeting may go now. */
export function mayPurge({ state, deletedAt }: Pick<MeetingRecord, 'state' | 'deletedAt'>, nowMs: number): boolean {
  if (deletedAt === null) return false
  return hasEnded(state) || nowMs - Date.parse(deletedAt) >= LEAVE_MS
}

/** Purges deleted meetings until the scope closes, one look at a time. @returns looks at once */
export function purgeDeleted(parts: PurgeParts): () => void {
  const { scope, records, clock } = parts
  const fault = new LastingFault(parts, {
    failed: 'deleted meetings could not be purged',
    lasts: 'deleted meetings have not been purged for a minute',
    over: 'deleted meetings are purged again',
  })
  let isLooking = false
  const look = () => {
    if (isLooking || scope.signal.aborted) return
    isLooking = true
    scope.run('purge', async () => {
      try {
        for (const meeting of await records.store.deleted(BATCH)) {
          if (mayPurge(meeting, clock.nowMs())) await purgeOne(parts, meeting)
        }
        fault.worked()
      } catch (thrown) {
        fault.failed(thrown)
      } finally {
        isLooking = false
      }
    })
  }
  scope.defer('purge', clock.every(LOOK_MS, look))
  return look
}

async function purgeOne({ records, clock, logger, forget }: PurgeParts, meeting: MeetingRecord): Promise<void> {
  const kept: string[] = []
  for (const { vendorId } of forget === null ? [] : await records.store.sessions(meeting.id)) {
    if (vendorId === null || forget === null) continue
    try {
      await forget(vendorId)
    } catch (thrown) {
      kept.push(vendorId)
      logger.warn({ meeting: meeting.id, err: toError(thrown) }, 'the speech service has not forgotten a session yet')
    }
  }
  const isLate = clock.nowMs() - Date.parse(meeting.deletedAt ?? '') >= FORGET_MS
  if (kept.length > 0 && !isLate) return
  if (kept.length > 0)
    logger.error({ meeting: meeting.id, sessions: kept }, 'the speech service keeps sessions of a deleted meeting: delete them there')
  await records.store.purge(meeting.id)
  logger.info({ meeting: meeting.id }, 'deleted meeting is purged')
}
