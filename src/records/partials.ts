import type { Identity, MeetingId } from '../core/ids.js'

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

/** Partials from whoever runs a meeting to whoever watches it. Nothing is kept: a partial that is lost is replaced by the next. */
export interface PartialFeed {
  /** Never throws. What comes faster than it can be passed on replaces what waits. */
  publish(id: MeetingId, partials: readonly LivePartial[]): void
  /** @returns the unsubscribe function */
  subscribe(id: MeetingId, listener: (partials: readonly LivePartial[]) => void): () => void
}
