import type { AudioSourceKind, Identity, TrackKey } from '../../core/ids.js'

/** Rate of every frame that a room yields: 16 kHz mono s16. */
export const SAMPLE_RATE = 16_000

/**
 * What an open microphone lacks at its beginning is recorded as a gap when it is longer than this, ms: a microphone has to be subscribed to
 * before anything of it can come (0.2 to 0.4 s measured, some 1.5 s on a busy machine), and nobody gets around that.
 */
export const LATE_START_MS = 1_500

/** Sound is placed by the arrival of its frames: what every bot's library holds back is no loss, ms. */
export const USUAL_HELD_BACK_MS = 80

/** Who is in the room. Agents and egress are never reported. */
export interface RoomParticipant {
  readonly identity: Identity
  /** display name; the identity when the participant has none */
  readonly name: string
}

/** A track that can be heard. */
export interface RoomTrack {
  readonly key: TrackKey
  readonly identity: Identity
  readonly source: AudioSourceKind
}

/** Why a connection ended, closed list. */
export type RoomEndReason =
  /** we asked for it */
  | 'left'
  /** somebody joined with our identity: another owner, yield */
  | 'duplicate_identity'
  /** an admin removed the bot */
  | 'removed'
  /** the room was deleted or closed by the server */
  | 'room_closed'
  /** the connection is lost for good, or the server went away: a rejoin may work */
  | 'connection_lost'
  /** an exception in handling room events: this meeting ends, no other */
  | 'fault'

/** Why an open microphone is not heard at all: this process hears as many as it may; or it was asked for and does not come. */
export type RefusalReason = 'over_capacity' | 'not_received'

/** Why a track yields no frames though it is not muted. */
export type StallReason = 'no_frames' | 'no_packets'

/**
 * What happens in a room, in order. Every call is synchronous; an exception in one ends this connection
 * with `fault` and nothing else.
 */
export interface RoomEvents {
  participantJoined(participant: RoomParticipant): void
  participantRenamed(participant: RoomParticipant): void
  participantLeft(identity: Identity): void
  /**
   * The track can be heard from now on: frames follow. A muted track is not announced until it is unmuted,
   * and a republished or rejoined one is announced again under the same key after `trackEnded`. Ends a refusal of the key.
   * @param sinceMs monotonic clock: since when its microphone is open, this connection stands, and nothing of the key is heard; absent: now
   */
  trackStarted(track: RoomTrack, sinceMs?: number): void
  /** No more frames of this key until the next `trackStarted`. */
  trackEnded(key: TrackKey, why: 'muted' | 'unpublished' | 'left' | 'reconnecting' | 'superseded' | 'revoked'): void
  /**
   * The track is unmuted, and yet not heard: it waits for a place, or has not come for `LATE_START_MS` and is asked for. `trackStarted` may follow
   * at any time. Never between `trackStarted` and `trackEnded` of its key.
   * @param forMs since so long already
   */
  trackRefused(track: RoomTrack, why: RefusalReason, forMs: number): void
  /** A refused track is muted, or gone. */
  trackRefusalEnded(key: TrackKey): void
  /**
   * 50 ms of audio of a started track.
   * @param samples 800 samples s16 at 16 kHz; yours
   * @param arrivedMs monotonic clock at arrival: frames carry no time of their own
   */
  frame(key: TrackKey, samples: Int16Array, arrivedMs: number): void
  /**
   * An unmuted track stopped delivering (publisher revoked permission, media frozen) or delivers again. Frames in between are made up.
   * @param sinceMs monotonic clock: what came since then may have been made up too
   */
  trackStalled(key: TrackKey, why: StallReason, sinceMs?: number): void
  trackResumed(key: TrackKey): void
  /** The connection is being restored: absences from here to `reconnected` are not departures. */
  reconnecting(): void
  reconnected(): void
  /** Exactly once, the last call. */
  ended(reason: RoomEndReason, error?: Error): void
}

/** How to join. */
export interface JoinOptions {
  readonly room: string
  /** deterministic: one bot per room */
  readonly botIdentity: string
  readonly botName: string
  /** whether screen-share audio is heard too, as a track of its own of the same identity; default false */
  readonly screenShareAudio?: boolean
}

/** A joined room. */
export interface RoomConnection {
  /** ms of sound, of the track with most, that were received and not yielded as frames yet, at the last look; kept after the end */
  readonly heldBackMs: number
  /** Sends a caption in the speaker's name; resolves although nobody may have heard it. */
  caption(caption: Caption): Promise<void>
  /** Shows by the bot's name, or shows no more, that nobody is heard now. Rejects when the server does not let the bot. */
  showPaused(isPaused: boolean): Promise<void>
  /** Leaves and frees every stream, listener and socket; may be called twice; `ended('left')` follows unless ended before. */
  close(): Promise<void>
}

/** Text shown in the room in the name of the speaker. */
export interface Caption {
  readonly segmentId: string
  readonly identity: Identity
  readonly text: string
  readonly isFinal: boolean
}

/** Joins rooms. */
export interface RoomPort {
  /**
   * Joins as a visible, silent participant of kind agent. Events may come before this resolves.
   * Aborting `signal` while the join is pending waits for it to settle, disconnects, and rejects with the reason.
   * @throws UpstreamError service `livekit`; codes `livekit_unreachable`, `livekit_unauthorized`, `livekit_room_full`, `livekit_refused`; no token in any text
   */
  join(options: JoinOptions, events: RoomEvents, signal: AbortSignal): Promise<RoomConnection>
}
