import type { Identity } from '../../core/ids.js'
import type { Clock } from '../../core/time.js'
import type { BusinessEvents } from '../../observe/events.js'
import type { Logger } from '../../observe/logger.js'
import type { FinalsLogs, MeetingReason, MeetingState, MeetingStore } from '../../records/port.js'
import type { Activity } from '../audio/activity.js'
import type { ChannelPlan } from '../audio/lease/sizing.js'
import type { Gap } from '../audio/span.js'
import type { VoiceDetectorFactory } from '../audio/voice/detector.js'
import type { RoomPort } from '../room/port.js'
import type { SttPort } from '../stt/port.js'
import type { Segment } from '../transcript/segment.js'
import type { LifecyclePolicy } from './lifecycle.js'

/** Identity of the bot of a room: deterministic, so that a second one makes the first yield instead of doubling it. */
export const botIdentity = (room: string): string => `roomscribe:${room}`

/** Settings of a bot. */
export interface BotOptions {
  readonly policy: LifecyclePolicy
  readonly botName: string
  readonly screenShareAudio: boolean
  readonly captions: boolean
  /** how many channels the people share */
  readonly channels: ChannelPlan
  /** the speech session is closed after so long without speech */
  readonly idleCloseMs: number
  /** how long the end waits for the last texts */
  readonly drainMs: number
  /** words worth knowing in every meeting */
  readonly vocabulary: readonly string[]
}

/** The parts a bot is made of. */
export interface BotDeps {
  readonly room: RoomPort
  readonly stt: SttPort
  readonly store: MeetingStore
  /** where finals are kept until the store has them; absent: nowhere else */
  readonly finals?: FinalsLogs
  readonly clock: Clock
  readonly logger: Logger
  readonly random: () => number
  /** makes the voice detector of each track */
  readonly detector: VoiceDetectorFactory
  /** counts what an operator counts; log lines only when absent */
  readonly business?: BusinessEvents
}

/** Whoever watches a meeting live; calls are synchronous and must not throw. */
export interface MeetingObserver {
  state?(state: MeetingState, reason: MeetingReason | null): void
  interim?(segments: readonly Segment[], nameOf: (identity: Identity) => string): void
  /** the segment is durable: logged on this host or stored */
  segment?(segment: Segment, nameOf: (identity: Identity) => string): void
  gap?(gap: Gap): void
  /** who speaks and who waits for a channel: each change, and now and then again while anybody does */
  activity?(activity: Activity): void
  error?(error: Error): void
}

/** How a meeting ended. */
export interface BotOutcome {
  readonly reason: MeetingReason
  readonly failed: boolean
  readonly complete: boolean
  /** another process has the meeting: its state, people and coverage are that one's */
  readonly claimLost: boolean
  /** it was given away in order: what was heard here is stored */
  readonly handedOver: boolean
}
