import type { MeetingObserver } from '../live/bot/bot.js'
import type { Segment } from '../live/transcript/segment.js'
import type { MeetingReason, MeetingState } from '../records/port.js'

/** A line of talk, for a reader that knows nothing of segments. */
export interface SpokenLine {
  readonly key: string
  readonly identity: string | null
  readonly name: string
  readonly startMs: number
  readonly endMs: number
  readonly text: string
}

/** What a terminal is told of a meeting. */
export interface MeetingWatcher {
  interim?(line: SpokenLine): void
  final?(line: SpokenLine): void
  state?(state: MeetingState, reason: MeetingReason | null): void
  error?(error: Error): void
}

/** Name of a voice that no span explains. */
export const UNKNOWN_SPEAKER = '(unknown)'

function line(segment: Segment, nameOf: (identity: NonNullable<Segment['identity']>) => string): SpokenLine {
  const { identity, startMs, endMs, text } = segment
  const name = identity === null ? UNKNOWN_SPEAKER : nameOf(identity)
  return { key: `${segment.sessionId}/${segment.utteranceId}/${segment.part}`, identity, name, startMs, endMs, text }
}

/** An observer that hands lines to a watcher. */
export function observerOf(watcher: MeetingWatcher): MeetingObserver {
  return {
    state: (state, reason) => watcher.state?.(state, reason),
    error: (error) => watcher.error?.(error),
    interim: (segments, nameOf) => {
      for (const segment of segments) watcher.interim?.(line(segment, nameOf))
    },
    segment: (segment, nameOf) => watcher.final?.(line(segment, nameOf)),
  }
}
