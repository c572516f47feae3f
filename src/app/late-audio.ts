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

/** What is known of a meeting with such audio; monotonic ms. */
interface Known {
  /** since when nobody was seen to go on with it; null: it is not known, or there is nothing of it */
  foundMs: number | null
  seen: Seen | null
  /** before it its audio is not asked for */
  againMs: number
}

/**
 * What becomes of audio that a dead process left on this disk, one meeting after the other. A bot that takes such a meeting over takes it
 * along (`Legacy`). Of one that goes on in another process, or is over, it is sent from here; while nobody has the meeting it waits.
 * @param stop ends it
 */
export async function sendLeftAudio(parts: LeftAudioParts, stop: AbortSignal): Promise<void> {
  const { clock, logger } = parts
  const known = new Map<MeetingId, Known>()
  const waiting = new Map<MeetingId, Known>()
  for (let listMs = -Infinity; !stop.aborted; await clock.sleep(LOOK_MS, stop).catch(() => undefined)) {
    const nowMs = clock.monotonicMs()
    if (nowMs - listMs >= LIST_MS) {
      listMs = nowMs
      const ids = await listed(parts)
      if (ids !== null) {
        waiting.clear()
        for (const [id, one] of known) {
          if (ids.has(id)) continue
          // what is left of a meeting later is given its own hour
          if (nowMs >= one.againMs) known.delete(id)
          else Object.assign(one, { foundMs: null, seen: null })
        }
        for (const id of ids) {
          const one = known.get(id) ?? { foundMs: null, seen: null, againMs: -Infinity }
          known.set(id, one)
          one.foundMs ??= nowMs
          if (nowMs - one.foundMs < LONGEST_MS && nowMs >= one.againMs) waiting.set(id, one)
        }
      }
    }
    for (const [id, one] of waiting) {
      if (stop.aborted) return
      try {
        const fate = await fateOf(id, parts, one)
        if (fate !== 'wait') waiting.delete(id)
        if (fate === 'ours') one.foundMs = null
        if (fate === 'wait' || fate === 'ours') continue
        one.againMs = nowMs + AGAIN_MS
        const fromMs = clock.monotonicMs()
        await sendLateAudio(parts, id, fate === 'over', stop).finally(() => {
          // a service that was away for hours is no time in which nobody went on with the others
          const awayMs = clock.monotonicMs() - fromMs
          for (const other of known.values()) if (other !== one && other.foundMs !== null) other.foundMs += awayMs
        })
      } catch (thrown) {
        if (thrown instanceof UpstreamError) {
          // it is not known whether somebody goes on with it
          one.foundMs = null
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

async function fateOf(id: MeetingId, { claims, clock }: LeftAudioParts, known: Known): Promise<'over' | 'elsewhere' | 'wait' | 'ours'> {
  const { state, epoch, holder, beat } = await claims.standing(id)
  if (hasEnded(state)) return 'over'
  if (holder === null || beat === null) return 'wait'
  if (holder === claims.holder) return 'ours'
  const nowMs = clock.monotonicMs()
  const before = known.seen?.epoch === epoch ? known.seen : { beat, sinceMs: nowMs }
  known.seen = { epoch, beat, sinceMs: before.sinceMs }
  return before.beat !== beat && nowMs - before.sinceMs >= SETTLED_MS ? 'elsewhere' : 'wait'
}
