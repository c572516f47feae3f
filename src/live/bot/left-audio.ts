import type { SessionRecord } from '../../records/port.js'
import type { LeftAudio } from '../stt/port.js'
import type { Segment } from '../transcript/segment.js'
import { FRAMES_PER_MS, type SpanIndex } from '../transcript/span-index.js'

/** What is stored of the meeting. */
export interface Stored {
  readonly sessions: readonly SessionRecord[]
  readonly segments: readonly Segment[]
  readonly frameOf: SpanIndex['frameOf']
}

/**
 * Up to which frame of its session the service had the audio: at least where what was left begins, as far as it is stored, and where the
 * last word lies that was told. What the disk says may be older: a mark is written now and then, and not at all on a disk that refuses.
 */
export function reachOf(
  { sessionId, fromFrame }: Pick<LeftAudio, 'sessionId' | 'fromFrame'>,
  { sessions, segments, frameOf }: Stored,
): number {
  const stored = sessions.find((one) => one.sessionId === sessionId)?.acknowledgedFrames ?? 0
  const told = segments.map((segment) => {
    const { startMs, endMs } = segment.words.at(-1) ?? segment
    const frame = segment.sessionId === sessionId ? frameOf({ ...segment, startMs, endMs }) : null
    return frame === null ? 0 : Math.round(frame + (endMs - startMs) * FRAMES_PER_MS)
  })
  return told.reduce((most, frame) => Math.max(most, frame), Math.max(fromFrame, stored))
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
