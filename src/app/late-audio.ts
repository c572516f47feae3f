import { NotFoundError, toError, UpstreamError } from '../core/errors.js'
import type { MeetingId } from '../core/ids.js'
import { sendLateAudio, type LateAudioParts } from '../live/bot/late-audio.js'
import type { ClaimBook, Standing } from '../records/claims.js'
import { hasEnded } from '../records/port.js'

/** How often the meetings of such audio are looked at. */
const LOOK_MS = 5_000
/** A bot that shares this disk takes what it finds at its start by itself: it is given so long. */
const SETTLED_MS = 15_000
/** A meeting that nobody goes on with in this time is left to a later start of a process. */
const LONGEST_MS = 3600_000
/** A bot of this process may leave some too, and a process may die beside it: the disk is looked through so often, */
const LIST_MS = 60_000
/** and of a meeting whose audio was asked for, no sooner than after so long. */
const AGAIN_MS = 10 * 60_000

/** What the search works with, and who has the meetings. */
interface LeftAudioParts extends LateAudioParts {
  readonly claims: Pick<ClaimBook, 'standing' | 'holder'>
}

/** Who was seen to run a meeting at the last look, and since when, monotonic ms. */
interface Seen extends Pick<Standing, 'epoch' | 'beat'> {
  readonly sinceMs: number
}

/**
 * What becomes of audio that a dead process left on this disk, one meeting after the other. A bot that takes such a meeting over takes it
 * along (`Legacy`). Of one that goes on in another process, or is over, it is sent from here; while nobody has the meeting it waits.
 * @param stop ends it
 */
export async function sendLeftAudio(parts: LeftAudioParts, stop: AbortSignal): Promise<void> {
  const { clock, logger } = parts
  const waiting = new Set<MeetingId>()
  const seen = new Map<MeetingId, Seen>()
  const foundMs = new Map<MeetingId, number>()
  const againMs = new Map<MeetingId, number>()
  for (let listMs = -Infinity; !stop.aborted; await clock.sleep(LOOK_MS, stop).catch(() => undefined)) {
    const nowMs = clock.monotonicMs()
    if (nowMs - listMs >= LIST_MS) {
      listMs = nowMs
      const ids = await listed(parts)
      if (ids !== null) {
        waiting.clear()
        // what is left of a meeting later is given its own hour
        for (const map of [foundMs, seen]) for (const id of map.keys()) if (!ids.has(id)) map.delete(id)
        for (const [id, ms] of againMs) if (nowMs >= ms) againMs.delete(id)
        for (const id of ids) {
          if (!foundMs.has(id)) foundMs.set(id, nowMs)
          if (nowMs - foundMs.get(id)! < LONGEST_MS && nowMs >= (againMs.get(id) ?? nowMs)) waiting.add(id)
        }
      }
    }
    for (const id of waiting) {
      if (stop.aborted) return
      try {
        const fate = await fateOf(id, parts, seen)
        if (fate !== 'wait') waiting.delete(id)
        if (fate === 'ours') foundMs.delete(id)
        if (fate === 'wait' || fate === 'ours') continue
        againMs.set(id, nowMs + AGAIN_MS)
        const fromMs = clock.monotonicMs()
        await sendLateAudio(parts, id, fate === 'over', stop).finally(() => {
          // a service that was away for hours is no time in which nobody went on with the others
          for (const [other, ms] of foundMs) if (other !== id) foundMs.set(other, ms + clock.monotonicMs() - fromMs)
        })
      } catch (thrown) {
        if (thrown instanceof UpstreamError) {
          // it is not known whether somebody goes on with it
          foundMs.delete(id)
          continue
        }
        // what belongs to no meeting of this store goes a day later (`Spool.sweep`)
        waiting.delete(id)
        if (!(thrown instanceof NotFoundError))
          logger.error({ err: toError(thrown), meeting: id }, 'audio left on this disk cannot be sent')
      }
    }
  }
}

/** A disk that cannot be looked through now (null) is looked through later. */
async function listed({ stt, logger }: LeftAudioParts): Promise<ReadonlySet<MeetingId> | null> {
  try {
    return new Set(await stt.leftMeetings?.())
  } catch (thrown) {
    logger.warn({ err: toError(thrown) }, 'audio left on this disk cannot be listed')
    return null
  }
}

async function fateOf(
  id: MeetingId,
  { claims, clock }: LeftAudioParts,
  seen: Map<MeetingId, Seen>,
): Promise<'over' | 'elsewhere' | 'wait' | 'ours'> {
  const { state, epoch, holder, beat } = await claims.standing(id)
  if (hasEnded(state)) return 'over'
  if (holder === null || beat === null) return 'wait'
  if (holder === claims.holder) return 'ours'
  const nowMs = clock.monotonicMs()
  const last = seen.get(id)
  const before = last?.epoch === epoch ? last : { beat, sinceMs: nowMs }
  seen.set(id, { epoch, beat, sinceMs: before.sinceMs })
  return before.beat !== beat && nowMs - before.sinceMs >= SETTLED_MS ? 'elsewhere' : 'wait'
}
