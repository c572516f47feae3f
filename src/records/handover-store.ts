import { ClaimLostError } from '../core/errors.js'
import type { ClaimBook } from './claims.js'
import type { Claim, MeetingStore } from './port.js'

/** A claim taken between two looks makes one more attempt; so many in a row are no accident. */
const ATTEMPTS = 5

/**
 * The store as a bot sees it that may have to hand its meeting over: what it heard before another one joined is taken even after the
 * other one's claim, as long as the own one had been released first. A claim that was taken without that stays fenced: nothing passes.
 * States, people and coverage are the new owner's from its claim on; of what it heard itself it leaves a share.
 */
export function handoverStore(store: MeetingStore, claims: Pick<ClaimBook, 'standIn'>): MeetingStore {
  async function written<T>(claim: Claim, write: (claim: Claim) => Promise<T>): Promise<T> {
    let current = claim
    for (let attempt = 1; ; attempt++) {
      try {
        return await write(current)
      } catch (thrown) {
        if (!(thrown instanceof ClaimLostError) || attempt === ATTEMPTS) throw thrown
        current = await claims.standIn(claim)
      }
    }
  }
  return {
    create: (request) => store.create(request),
    meeting: (id) => store.meeting(id),
    meetingWithStep: (id) => store.meetingWithStep(id),
    meetings: (filter) => store.meetings(filter),
    lastOf: (room) => store.lastOf(room),
    requestStop: (id) => store.requestStop(id),
    setPaused: (id, paused) => store.setPaused(id, paused),
    requestDelete: (id) => store.requestDelete(id),
    deleted: (limit) => store.deleted(limit),
    purge: (id) => store.purge(id),
    claim: (id) => store.claim(id),
    setState: (claim, state, reason, times) => store.setState(claim, state, reason, times),
    saveParticipants: async (claim, participants) => {
      try {
        await store.saveParticipants(claim, participants)
      } catch (thrown) {
        if (!(thrown instanceof ClaimLostError)) throw thrown
        // the new owner knows better; thrown again when there was no release
        await claims.standIn(claim)
      }
    },
    saveSession: (claim, session) => written(claim, (current) => store.saveSession(current, session)),
    saveSpans: (claim, spans) => written(claim, (current) => store.saveSpans(current, spans)),
    appendSegments: (claim, segments, spans) => written(claim, (current) => store.appendSegments(current, segments, spans)),
    adopt: (claim, left) => store.adopt(claim, left),
    appendGaps: (claim, gaps) => written(claim, (current) => store.appendGaps(current, gaps)),
    saveCoverage: (claim, coverage, complete, doubts) => store.saveCoverage(claim, coverage, complete, doubts),
    saveShare: (claim, share) => written(claim, (current) => store.saveShare(current, share)),
    segments: (id, afterSeq, limit) => store.segments(id, afterSeq, limit),
    numberedGaps: (id, after) => store.numberedGaps(id, after),
    feedPosition: (id) => store.feedPosition(id),
    gaps: (id) => store.gaps(id),
    spans: (id) => store.spans(id),
    sessions: (id) => store.sessions(id),
    coverage: (id) => store.coverage(id),
    shares: (id) => store.shares(id),
    receipt: (id) => store.receipt(id),
    saveSummary: (summary) => store.saveSummary(summary),
    summary: (id) => store.summary(id),
    intendDelivery: (id, destination, part) => store.intendDelivery(id, destination, part),
    markDelivered: (id, destination, part, reference) => store.markDelivered(id, destination, part, reference),
    deliveries: (id) => store.deliveries(id),
    finish: (id) => store.finish(id),
    subscribe: (id, listener, after) => store.subscribe(id, listener, after),
    ping: () => store.ping(),
    close: () => store.close(),
  }
}
