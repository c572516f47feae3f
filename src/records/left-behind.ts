import { notRetold } from '../live/transcript/retold.js'
import type { Claim, FinalsBatch, MeetingStore, PendingText, SessionRecord } from './port.js'

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
    await store.saveSession(claim, known ? joined(session, known) : session)
  }
  const told = segments.length > 0 ? await store.segments(meetingId) : []
  return (await store.appendSegments(claim, notRetold(segments, told), spans)).length
}

/** Of two versions nobody knows which is newer: what waits for its text in either waits, unless the session is over. */
function joined(left: SessionRecord, known: SessionRecord): SessionRecord {
  if (known.endReason !== null) return known
  if (left.endReason !== null) return left
  const waits = known.pendingTexts ?? []
  const isKnown = (piece: PendingText) =>
    waits.some((one) => one.identity === piece.identity && one.fromMs <= piece.fromMs && one.toMs >= piece.toMs)
  const pendingTexts = [...waits, ...(left.pendingTexts ?? []).filter((piece) => !isKnown(piece))]
  return { ...known, vendorId: known.vendorId ?? left.vendorId, ...(pendingTexts.length > 0 && { pendingTexts }) }
}
