import type { Identity, SessionId } from '../../core/ids.js'
import type { SessionRecord } from '../../records/port.js'
import type { Span } from '../audio/span.js'
import { AUDIO_TUNABLES, blockMsOf } from '../audio/tunables.js'
import { FRAMES_PER_MS, meetingMsOf } from '../transcript/span-index.js'

/** What a ring holds of one person at most: no speech has waited for longer. */
export const RING_MS = AUDIO_TUNABLES.ringBlocks * blockMsOf(AUDIO_TUNABLES)
/** A channel that is silent for no longer is being handed on. */
const HANDED_ON_FRAMES = 1_000 * FRAMES_PER_MS

/** A stretch of a channel that somebody always had, frames of the session. */
interface Hold {
  readonly fromFrame: number
  readonly toFrame: number
}

/** Since when somebody always had a channel, up to a frame of the session; null: it was free then. */
function heldAt(spans: readonly Span[], frame: number): Hold | null {
  let hold: Hold | null = null
  for (const { fromFrame, toFrame } of spans.toSorted((a, b) => a.fromFrame - b.fromFrame)) {
    if (fromFrame > frame + HANDED_ON_FRAMES) break
    hold = hold && fromFrame <= hold.toFrame + HANDED_ON_FRAMES ? { fromFrame: hold.fromFrame, toFrame } : { fromFrame, toFrame }
  }
  return hold && hold.toFrame >= frame - HANDED_ON_FRAMES ? hold : null
}

/**
 * Speech that waited in the memory of a process that died, as far as the spans it left can tell. Pure.
 * Whoever had a channel may have been behind: nothing that they said after their last span was sent. Where more people were heard than there
 * are channels, and all of those were taken, whoever had none may have waited for as long as they had been.
 * @param spans of the meeting @param sessions of the meeting
 * @param inFlightMs before the end of what was sent: speech that was sent before it has its text
 * @returns from when on what a person said may not have been sent, meeting ms; null: it was sent up to `inFlightMs` before the end
 */
export function unsentFrom(
  spans: readonly Span[],
  sessions: readonly SessionRecord[],
  inFlightMs: number,
): (identity: Identity) => number | null {
  // the one that was opened last may repeat what an earlier one could not send
  const sentTo = new Map<SessionId, number>()
  // who died right after a session was opened may have left spans of it that nothing else is known of
  const stored = new Set(sessions.map(({ sessionId }) => sessionId))
  const known = spans.filter((span) => stored.has(span.sessionId))
  for (const span of known) sentTo.set(span.sessionId, Math.max(sentTo.get(span.sessionId) ?? 0, meetingMsOf(span, span.toFrame)))
  const newestMs = Math.max(0, ...sentTo.values())
  const session = sessions.findLast(({ sessionId }) => sentTo.get(sessionId) === newestMs)
  const own = spans.filter(({ sessionId }) => sessionId === session?.sessionId)
  // hours of a meeting have more spans than a call may have arguments
  const endFrame = own.reduce((end, { toFrame }) => Math.max(end, toFrame), 0)
  const fromFrame = endFrame - inFlightMs * FRAMES_PER_MS
  const channels = Array.from({ length: session?.channels ?? 0 }, (_, channel) => own.filter((span) => span.channel === channel))
  // one that was free could have been had
  const fullFrame = Math.max(...channels.map((all) => heldAt(all, fromFrame)?.fromFrame ?? fromFrame))
  const lastOf = new Map<Identity, Span>()
  for (const span of spans) {
    const last = lastOf.get(span.identity)
    if (!last || meetingMsOf(span, span.toFrame) > meetingMsOf(last, last.toFrame)) lastOf.set(span.identity, span)
  }
  const isShared = channels.length > 0 && lastOf.size > channels.length
  // taken from its first moment on: so they may have been in the session before it
  const isGoneOn = fullFrame < HANDED_ON_FRAMES && (fromFrame > fullFrame || fromFrame <= 0) && spans.length > own.length
  const takenMs = isGoneOn ? RING_MS : Math.min(RING_MS, Math.max(0, fromFrame - fullFrame) / FRAMES_PER_MS)
  const fullMs = isShared ? takenMs : 0
  // all of it is on its way: what waits has waited since some time in it
  const isYoung = isShared && fromFrame <= 0
  const endMs = Math.max(0, ...[...lastOf.values()].map((span) => meetingMsOf(span, span.toFrame)))
  return (identity) => {
    const last = lastOf.get(identity)
    const sentMs = last ? meetingMsOf(last, last.toFrame) : 0
    if (last && last.sessionId === session?.sessionId && last.toFrame >= endFrame - HANDED_ON_FRAMES) return sentMs
    return fullMs > 0 || isYoung ? Math.max(sentMs, endMs - inFlightMs - fullMs) : null
  }
}
