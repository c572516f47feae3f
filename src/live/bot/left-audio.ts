import type { SessionId } from '../../core/ids.js'
import type { SessionRecord } from '../../records/port.js'
import type { LeftAudio } from '../stt/port.js'
import type { Segment } from '../transcript/segment.js'
import { FRAMES_PER_MS, type SpanIndex } from '../transcript/span-index.js'

/** What is stored of the meeting. */
export interface Stored {
  /** in the order in which they were opened */
  readonly sessions: readonly SessionRecord[]
  readonly segments: readonly Segment[]
  /** of the spans of these sessions */
  readonly index: Pick<SpanIndex, 'frameOf' | 'copiedFrom'>
}

/** A session that audio was sent in. */
export interface Carrier {
  readonly sessionId: SessionId
  /** where its frame 0 lies in the session that the disk names */
  readonly fromFrame: number
}

/** Up to which frame of a session the service had it: as far as that is stored, and where the last word lies that was told. */
export function reachOf(sessionId: SessionId, { sessions, segments, index }: Stored): number {
  const stored = sessions.find((one) => one.sessionId === sessionId)?.acknowledgedFrames ?? 0
  const told = segments.map((segment) => {
    const { startMs, endMs } = segment.words.at(-1) ?? segment
    const frame = segment.sessionId === sessionId ? index.frameOf({ ...segment, startMs, endMs }) : null
    return frame === null ? 0 : Math.round(frame + (endMs - startMs) * FRAMES_PER_MS)
  })
  return told.reduce((most, frame) => Math.max(most, frame), stored)
}

/**
 * What became of left audio before. The disk may name a session that is long over, and say less than the service had: a disk that is full
 * takes no word of the session that went on with its audio, and marks are written now and then.
 * @returns `carriers`: the session that the disk names, and those that repeated it, the `newest` of them last; `reachFrame`: up to which
 * frame of the first one the service had the audio, in whichever of them, and at least where what was left begins
 */
export function historyOf(
  { sessionId, fromFrame }: Pick<LeftAudio, 'sessionId' | 'fromFrame'>,
  stored: Stored,
): { readonly carriers: readonly Carrier[]; readonly newest: Carrier; readonly reachFrame: number } {
  const named: Carrier = { sessionId, fromFrame: 0 }
  const at = stored.sessions.findIndex((one) => one.sessionId === sessionId)
  const repeats = (at < 0 ? [] : stored.sessions.slice(at + 1)).flatMap((later): Carrier[] => {
    const frame = stored.index.copiedFrom(sessionId, later.sessionId)
    return frame === null ? [] : [{ sessionId: later.sessionId, fromFrame: frame }]
  })
  const carriers = [named, ...repeats]
  const reached = carriers.map((one) => one.fromFrame + reachOf(one.sessionId, stored))
  return { carriers, newest: repeats.at(-1) ?? named, reachFrame: Math.max(fromFrame, ...reached) }
}

/** What is to be sent of left audio when the service has all below `reachFrame`; null: nothing, and it is deleted. */
export async function unsentOf(left: LeftAudio, reachFrame: number): Promise<LeftAudio | null> {
  const { fromFrame, backlog } = left
  if (reachFrame <= fromFrame) return left
  if (reachFrame >= fromFrame + backlog.frames) {
    await backlog.discard()
    return null
  }
  backlog.skip(reachFrame - fromFrame)
  return { ...left, fromFrame: reachFrame }
}
