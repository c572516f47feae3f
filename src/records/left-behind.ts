import { united } from '../live/transcript/pieces.js'
import { notRetold } from '../live/transcript/retold.js'
import type { Claim, FinalsBatch, MeetingStore, SessionRecord } from './port.js'

/** What storing of it takes. */
export type LeftStore = Pick<MeetingStore, 'appendGaps' | 'appendSegments' | 'saveSession' | 'segments' | 'sessions'>

/**
 * Stores what a log of finals holds, which its writer did not live to store; twice is fine. First what the texts must not be without. The
 * store may have newer versions of the sessions, and whoever came in between may have had the same texts from the service's result.
 * @returns how many segments were new @throws what the store throws
 */
export async function storeLeft(store: LeftStore, claim: Claim, left: FinalsBatch): Promise<number> {
  const { segments, spans, gaps = [], sessions = [] } = left
  const { meetingId } = claim
  if (gaps.length > 0) await store.appendGaps(claim, gaps)
  const stored = sessions.length > 0 ? await store.sessions(meetingId) : []
  for (const session of sessions) {
    const known = stored.find(({ sessionId }) => sessionId === session.sessionId)
    // one that is over has its texts, or they are known to be missing
    if (!known || known.endReason === null) await store.saveSession(claim, known ? joined(session, known) : session)
  }
  const told = segments.length > 0 ? await store.segments(meetingId) : []
  return (await store.appendSegments(claim, notRetold(segments, told), spans)).length
}

/** Of two versions nobody knows which is newer: what waits for its text in either waits, unless the session is over. */
function joined(left: SessionRecord, known: SessionRecord): SessionRecord {
  const pendingTexts = left.endReason === null ? united([...(known.pendingTexts ?? []), ...(left.pendingTexts ?? [])]) : []
  return {
    ...left,
    vendorId: left.vendorId ?? known.vendorId,
    sentFrames: Math.max(left.sentFrames, known.sentFrames),
    acknowledgedFrames: Math.max(left.acknowledgedFrames, known.acknowledgedFrames),
    ...(pendingTexts.length > 0 && { pendingTexts }),
  }
}
