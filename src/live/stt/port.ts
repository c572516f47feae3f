import type { MeetingId, SessionId } from '../../core/ids.js'

/** A word with its place on the session's timeline; both times are NaN when the service gave none that makes sense. */
export interface UtteranceWord {
  readonly text: string
  readonly startSec: number
  readonly endSec: number
  /** 0..1 */
  readonly confidence: number
}

/** What the STT service returns: one channel, seconds of the session's audio from its first sample. */
export interface Utterance {
  readonly sessionId: SessionId
  /** unique within the session, shared by the interim and final versions */
  readonly utteranceId: string
  readonly isFinal: boolean
  /** as the service said it: may be out of range, whoever looks up spans decides */
  readonly channel: number
  readonly startSec: number
  readonly endSec: number
  /** when it was said is not known: its times are no more than within the audio */
  readonly isUndated?: boolean
  /** trimmed */
  readonly text: string
  readonly words: readonly UtteranceWord[]
  readonly language: string | null
  readonly confidence: number
}

/** Why audio of a session is not known to have been understood, closed list. */
export type SttGapReason =
  /** memory and disk took no more, the oldest went; or the disk gave it back broken */
  | 'buffer_full'
  /** the session died with audio unacknowledged */
  | 'session_lost'
  /** the end was not confirmed before the deadline */
  | 'drain_timeout'

/** A run of frames (samples per channel) of one session that did not reach the service. */
export interface SttGap {
  readonly fromFrame: number
  readonly toFrame: number
  readonly reason: SttGapReason
}

/** Why a session ended, closed list. `done` is the only good one. */
export type SttEndReason =
  | 'done'
  | 'drain_timeout'
  | 'unauthorized'
  | 'payment_required'
  | 'rejected'
  | 'session_lost'
  | 'unreachable'
  | 'aborted'

/** Where a session is. */
export type SttPhase = 'opening' | 'live' | 'waiting' | 'draining' | 'ended'

/** What a session reports, in order. Calls are synchronous and must not throw. */
export interface SttEvents {
  /** interim and final; a final is reported once, and nothing of the same id after it */
  utterance(utterance: Utterance): void
  /** every frame below `frames` has been acknowledged; only grows */
  acknowledged(frames: number): void
  gap(gap: SttGap): void
  /** a connection was lost and another goes on: texts of these acknowledged frames that have not come may come at the end only */
  pending?(run: { readonly fromFrame: number; readonly toFrame: number }): void
  phase(phase: SttPhase, detail?: string): void
  /** once, after the last utterance. `replaceable`: another session may be opened for the audio that follows */
  ended(reason: SttEndReason, replaceable: boolean, error?: Error): void
}

/**
 * Interleaved audio that nobody has acknowledged, in memory and on disk, numbered 0..`frames`. It belongs to whoever holds it, who hands it
 * to another session (`SttOpenOptions.backlog`) or lets it go. Runs that were lost on the way are in the numbering, but not in the audio.
 */
export interface Backlog {
  readonly channels: number
  /** samples per channel */
  readonly frames: number
  /** Forgets the first `frames`, fewer than it has: what follows them is numbered from 0. */
  skip(frames: number): void
  /** Deletes it, files included; may be called twice, and does nothing once a session owns it. */
  discard(): Promise<void>
  /**
   * Brings it to disk for whoever owns the meeting next (`SttPort.left`), as much as the disk takes, and lets go of it, in the place of `discard`.
   * @returns false when none of it can be there: it is still yours, or nothing was left
   */
  leave?(): Promise<boolean>
  /**
   * It waits for long: from now on memory has of it what the disk has not taken, and of that the newest `maxBytes`, to a block; the rest is lost. To be
   * called again now and then, for a disk that refused.
   * @returns bytes in memory
   */
  rest?(maxBytes: number): number
}

/** What a process that is gone left of one session's audio. The backlog is yours. */
export interface LeftAudio {
  readonly sessionId: SessionId
  readonly channels: number
  /** frame of that session that is frame 0 of the backlog */
  readonly fromFrame: number
  readonly backlog: Backlog
  readonly vendorId: string | null
}

/** A session that another process had opened, to ask the service about. */
export interface ForeignSession {
  readonly vendorId: string
  readonly sessionId: SessionId
  readonly channels: number
  readonly sampleRate: number
  /** frames that it had been sent: no time of an utterance is later */
  readonly sentFrames: number
}

/** How to open a session. */
export interface SttOpenOptions {
  readonly meetingId: MeetingId
  readonly sessionId: SessionId
  /** 1 to 8, fixed for the life of the session */
  readonly channels: number
  /** samples per second and channel */
  readonly sampleRate: number
  /** ISO 639-1, or null to let the service detect it */
  readonly language: string | null
  /** names and words worth knowing */
  readonly vocabulary: readonly string[]
  /** the service is not asked for a session before that, or `finish`, whichever is first; audio is kept meanwhile. At once by default */
  readonly holdMs?: number
  /** becomes frames 0.. of the session, which owns it from now on; `send` appends after it. Of the same number of channels */
  readonly backlog?: Backlog
}

/** One session: opened and ended once, over one connection or many. */
export interface SttSession {
  readonly sessionId: SessionId
  readonly channels: number
  /** the service's own id once it is known: resumes, results and bills go by it */
  readonly vendorId: string | null
  /** frames (samples per channel) accepted by `send` so far, those of the backlog it was opened with included */
  readonly sentFrames: number
  readonly acknowledgedFrames: number
  /** connections made so far, the first included */
  readonly connections: number
  /** inbound messages that failed their schema, counted and dropped */
  readonly malformedMessages: number
  /** false: texts of audio that was acknowledged may be missing; known once the session has ended */
  readonly hasAllTexts?: boolean
  /**
   * Takes a block of interleaved samples, at any phase before `finish`: what cannot be sent waits in the replay buffer.
   * @param block s16, a multiple of `channels` long; owned by the session afterwards
   */
  send(block: Int16Array): void
  /**
   * Ends the audio, waits for the last texts until the deadline, fills in what the socket did not deliver; `ended` has been called when it
   * resolves. Called again it can only shorten the wait.
   * @param deadlineMs how long from now, in ms
   */
  finish(deadlineMs: number): Promise<void>
  /** Closes everything at once; `ended('aborted')` unless ended before. */
  close(): Promise<void>
  /**
   * The audio that the service never acknowledged, for another session to send again: yours, from `fromFrame`. Nothing is copied.
   * Callable inside `ended` only, once; null before, afterwards, and when nothing is left. What is not taken there is told as a `gap`
   * right after `ended` returns, the one event that can follow it.
   */
  takeUnacknowledged?(): { readonly fromFrame: number; readonly backlog: Backlog } | null
}

/** Opens sessions. */
export interface SttPort {
  /**
   * Returns at once in phase `opening`; failures are told by `ended`.
   * @throws {StateError} the backlog is not of this adapter, of another number of channels, or already taken
   */
  open(options: SttOpenOptions, events: SttEvents): SttSession
  /**
   * What dead processes left of a meeting's audio on this disk, each once. Sessions of this process and of another living one of this host
   * are left alone (one that is stopped counts as dead).
   * @param isClaimed the caller holds the claim on the meeting, or it is over; else processes of another host are taken to live. True by default
   */
  left?(meetingId: MeetingId, isClaimed?: boolean): Promise<readonly LeftAudio[]>
  /** The meetings of which something lies on this disk that is of no living process; `left` may still find it gone. */
  leftMeetings?(): Promise<readonly MeetingId[]>
  /** Tells when another service than that of open sessions is preferred again: they may be rolled. Returns the unsubscribe function. */
  onPreferred?(listener: () => void): () => void
  /**
   * The texts of a session that another process had opened, waited for a bounded time; null when the service does not know it.
   * `isWhole`: there will be no more. Times are seconds of the service's own stream: what the service heard twice stands there twice.
   */
  results?(
    of: ForeignSession,
    signal: AbortSignal,
  ): Promise<{ readonly utterances: readonly Utterance[]; readonly isWhole: boolean } | null>
}
