import type { Identity, MeetingId } from '../core/ids.js'
import type { Activity } from '../live/audio/activity.js'

/** What somebody seems to be saying: replaced by the next one of the same utterance, over when a segment of it is stored. */
export interface LivePartial {
  /** session and utterance, as `utteranceKey` writes them */
  readonly id: string
  readonly identity: Identity | null
  readonly name: string | null
  /** ms from the meeting's start */
  readonly startMs: number
  readonly endMs: number
  readonly text: string
}

/** Names an utterance over all sessions. */
export const utteranceKey = (segment: { readonly sessionId: string; readonly utteranceId: string }): string =>
  `${segment.sessionId}/${segment.utteranceId}`

/** Who speaks at a moment, and whose speech waits for a channel: replaced by the next one, over when it has not been told again for long. */
export type LiveActivity = Activity

/** What goes on, from whoever runs a meeting to whoever watches it. Nothing is kept: what is lost is replaced by the next. */
export interface PartialFeed {
  /** Never throws. What comes faster than it can be passed on replaces what waits. */
  publish(id: MeetingId, partials: readonly LivePartial[]): void
  /** Never throws. The newest one counts. */
  publishActivity(id: MeetingId, activity: LiveActivity): void
  /** @returns the unsubscribe function */
  subscribe(id: MeetingId, listener: (partials: readonly LivePartial[]) => void): () => void
  /** @returns the unsubscribe function */
  subscribeActivity(id: MeetingId, listener: (activity: LiveActivity) => void): () => void
}
