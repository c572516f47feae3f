import type { Identity, SessionId, TrackKey } from '../../core/ids.js'

/**
 * On channel `channel` of session `sessionId`, frames `fromFrame` to `toFrame` (half-open; samples of that channel)
 * came, unbroken, from `trackKey`, and frame `fromFrame` was spoken at `meetingMs`.
 */
export interface Span {
  readonly sessionId: SessionId
  readonly channel: number
  readonly fromFrame: number
  readonly toFrame: number
  readonly trackKey: TrackKey
  readonly identity: Identity
  /** ms from the meeting's start, with fractions */
  readonly meetingMs: number
}

/** Why speech of a person was not transcribed, closed list; every loss is written down as one. */
export type GapReason =
  /** more people than channels */
  | 'no_channel'
  /** more tracks than the process may hear */
  | 'over_capacity'
  /** the person's ring was full, the oldest went */
  | 'ring_full'
  /** frames did not arrive from an unmuted track */
  | 'not_received'
  /** the connection to the room was down */
  | 'reconnecting'
  /** the process that heard the meeting died or was replaced, and the next one was not there yet */
  | 'taken_over'
  /** the speech session's replay buffer was full, the oldest went */
  | 'buffer_full'
  /** the speech session died with audio unacknowledged */
  | 'session_lost'
  /** the speech service did not confirm the end in time */
  | 'drain_timeout'

/** Meeting time of a person without a transcript although there may have been speech. */
export interface Gap {
  readonly identity: Identity
  readonly fromMs: number
  readonly toMs: number
  readonly reason: GapReason
}
