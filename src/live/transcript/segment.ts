import type { Identity, SegmentId, SessionId } from '../../core/ids.js'
import type { Gap, GapReason } from '../audio/span.js'

/** A word on the meeting's timeline, integer ms. */
export interface SegmentWord {
  readonly text: string
  readonly startMs: number
  readonly endMs: number
  readonly confidence: number
}

/** An utterance, or its part, attributed to a person and placed on the meeting's timeline. */
export interface Segment {
  readonly id: SegmentId
  /** null when no span says who spoke: never guessed */
  readonly identity: Identity | null
  readonly startMs: number
  readonly endMs: number
  readonly text: string
  readonly words: readonly SegmentWord[]
  readonly language: string | null
  readonly confidence: number
  readonly sessionId: SessionId
  readonly channel: number
  /** the service's id of the utterance, and which part of it this is when it was split at words */
  readonly utteranceId: string
  readonly part: number
}

/** How speech waited for a channel: how often, ms in all and at most. */
export interface WaitTimes {
  readonly count: number
  readonly totalMs: number
  readonly maxMs: number
}

/**
 * What became of a voice (`coverage` of a transcript): integer ms. Conservation, exact in these integers:
 * `speechMs = sentSpeechMs + lostMs + waitingMs + unaccountedMs`, and `lostMs` is the sum of `lostBy`. `unaccountedMs` is 0 unless
 * roomscribe itself lost count, which makes the transcript incomplete and is never hidden in one of the others.
 */
export interface CoverageTotal {
  /** voice present on the track, and voice taken to have been in what did not arrive while the person spoke */
  readonly speechMs: number
  /** audio sent, silence included */
  readonly sentMs: number
  /** voice that was sent and is not known to be lost */
  readonly sentSpeechMs: number
  /** audio that the speech service confirmed, silence included */
  readonly acknowledgedMs: number
  readonly acknowledgedSpeechMs: number
  /** meeting time covered by text that came back */
  readonly returnedMs: number
  /** voice covered by text that came back */
  readonly returnedSpeechMs: number
  /** voice that is not in the transcript for sure; a loss is rounded up, never to 0 */
  readonly lostMs: number
  readonly lostBy: Readonly<Partial<Record<GapReason, number>>>
  /** voice that waits to be sent; 0 after the end */
  readonly waitingMs: number
  readonly unaccountedMs: number
  /** meeting time in which no audio came although there may have been speech */
  readonly unheardMs: number
  /** time in which the microphone was open for all that is known here, speaking or not: from its opening on, also before anything of it came */
  readonly presentMs: number
  readonly waits: WaitTimes
}

/** What became of one person's voice. */
export interface CoverageRow extends CoverageTotal {
  readonly identity: Identity
  readonly name: string
  /** for a minute without a pause a voice, so that others were served first, or another loud noise */
  readonly noisy: boolean
  /** in order of time */
  readonly gaps: readonly Gap[]
}

/** Why a transcript is not called complete, closed list. */
export const DOUBTS = [
  /** speech was lost */
  'lost',
  /** speech was not sent */
  'waiting',
  /** a count does not add up: a fault of roomscribe itself */
  'unaccounted',
  /** somebody could not be heard for a while */
  'gaps',
  /** the speech service did not confirm all of the speech */
  'unacknowledged',
  /** a speech session did not end well: its last words may be missing */
  'session',
  /** text could not be stored */
  'not_stored',
  /** another process heard a part of the meeting, and what became of that is not known here */
  'taken_over',
  /** the meeting failed */
  'failed',
  /** the meeting is not over */
  'running',
] as const
export type Doubt = (typeof DOUBTS)[number]

/** What the speech service bills for one session. */
export interface BilledSession {
  readonly session: SessionId
  readonly channels: number
  /** length of what was sent */
  readonly sec: number
  /** `channels` x `sec` */
  readonly channelSec: number
}

/** The price of a meeting in seconds of one channel, and what it would have been otherwise. Seconds to the ms. */
export interface Billing {
  /** what the speech service bills, silence included: sum over `sessions` */
  readonly channelSec: number
  /** voice heard: the least that anybody could pay for */
  readonly speechSec: number
  /** what it would have been with a channel for each person while their microphone was open */
  readonly channelEachSec: number
  /** `channelSec / speechSec`; null without speech */
  readonly perSpeechSec: number | null
  /** `channelSec / channelEachSec`; null when nobody was there */
  readonly ofChannelEach: number | null
  readonly sessions: readonly BilledSession[]
}

/** The whole, as rendered and stored. */
export interface TranscriptDocument {
  readonly meetingId: string
  readonly room: string
  readonly title: string | null
  readonly startedAt: string | null
  /** true exactly when there are no doubts */
  readonly complete: boolean
  readonly doubts: readonly Doubt[]
  /** ordered by startMs, endMs, id; `name` as last known */
  readonly segments: readonly (Segment & { readonly name: string | null })[]
  readonly coverage: readonly CoverageRow[]
  readonly billing: Billing
}
