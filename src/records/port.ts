import type { Identity, MeetingId, SessionId } from '../core/ids.js'
import type { Gap, Span } from '../live/audio/span.js'
import type { CoverageRow, Doubt, Segment } from '../live/transcript/segment.js'

/** States of a meeting, closed list, published in /openapi.json. The last four are final. */
export const MEETING_STATES = [
  'scheduled',
  'queued',
  'joining',
  'waiting',
  'live',
  'reconnecting',
  'draining',
  'finalising',
  'done',
  'failed',
  'cancelled',
  'missed',
] as const
export type MeetingState = (typeof MEETING_STATES)[number]
export const FINAL_STATES: readonly MeetingState[] = ['done', 'failed', 'cancelled', 'missed']
/** Whether no bot has anything to do with it any more. */
export const hasEnded = (state: MeetingState): boolean => FINAL_STATES.includes(state) || state === 'finalising'

/** Why a meeting ended or failed, closed list, published in /openapi.json. */
export const MEETING_REASONS = [
  'stopped',
  'everybody_left',
  'nobody_came',
  'too_long',
  'removed',
  'room_closed',
  'duplicate_identity',
  'shutdown',
  'livekit_unreachable',
  'livekit_unauthorized',
  'livekit_refused',
  'connection_lost',
  'speech_unauthorized',
  'speech_payment_required',
  'speech_unreachable',
  'speech_rejected',
  'internal_fault',
  'no_bot_in_time',
  'room_taken',
] as const
export type MeetingReason = (typeof MEETING_REASONS)[number]

/** A person of a meeting; ms from the meeting's start. A rejoin clears `leftMs`. */
export interface ParticipantRecord {
  readonly identity: Identity
  readonly name: string
  readonly joinedMs: number
  readonly leftMs: number | null
}

/** What was asked for. */
export interface MeetingRequest {
  readonly room: string
  readonly title: string | null
  readonly language: string | null
  readonly vocabulary: readonly string[]
  readonly slackChannel: string | null
  /** ISO-8601 */
  readonly startAt: string | null
  /** no bot comes from then on; one that is there stays. null in a request for later: an hour after `startAt` */
  readonly endAt: string | null
  readonly botName: string | null
}

/** A meeting as stored. Dates are ISO-8601 UTC. */
export interface MeetingRecord extends MeetingRequest {
  readonly id: MeetingId
  readonly state: MeetingState
  readonly reason: MeetingReason | null
  /** true once somebody asked for the end: whoever runs it leaves */
  readonly stopRequested: boolean
  /** nobody is heard until it is resumed */
  readonly paused: boolean
  /** since when it is to be purged; nobody is shown it any more. null: it is not */
  readonly deletedAt: string | null
  readonly createdAt: string
  readonly startedAt: string | null
  readonly endedAt: string | null
  readonly participants: readonly ParticipantRecord[]
}

/** One STT session as stored; what was billed is frames x channels. */
export interface SessionRecord {
  readonly sessionId: SessionId
  readonly vendorId: string | null
  readonly channels: number
  readonly sampleRate: number
  readonly sentFrames: number
  readonly acknowledgedFrames: number
  readonly endReason: string | null
  /** voice that the service had when a connection was lost, and whose text may come at the session's end only; absent: there is none */
  readonly pendingTexts?: readonly PendingText[]
  /** of the claim under which it was opened: whose it is. The store says it, nobody tells the store; absent of what was stored before it did */
  readonly epoch?: number
}

/** Voice of one person that waits for its text, ms of the meeting. */
export interface PendingText {
  readonly identity: Identity
  readonly fromMs: number
  readonly toMs: number
}

/** The sole right to write a meeting, with its fencing number. Every write of the live plane carries it. */
export interface Claim {
  readonly meetingId: MeetingId
  readonly epoch: number
  /** the epoch that was released before this one, for which it stands in (`ClaimBook.standIn`): a write is taken while that one is welcome */
  readonly standsFor?: number
}

/** A segment with its number in the meeting's feed: strictly growing, the SSE id. */
export interface StoredSegment extends Segment {
  readonly seq: number
}

/** Coverage as stored at the end of a meeting. */
export interface StoredCoverage {
  readonly rows: readonly CoverageRow[]
  readonly complete: boolean
  readonly doubts: readonly Doubt[]
}

/** What stands in the receipt of a meeting. */
export interface StoredReceipt {
  /** null until the meeting has been finalised once */
  readonly coverage: StoredCoverage | null
  readonly sessions: readonly SessionRecord[]
  /** all that are stored, also those that came after the coverage */
  readonly gaps: readonly Gap[]
}

/** What one bot of several heard of a meeting. */
export interface CoverageShare {
  /** of its claim */
  readonly epoch: number
  readonly rows: readonly CoverageRow[]
  readonly doubts: readonly Doubt[]
}

/** A summary whose every line cites segments. */
export interface SummaryRecord {
  readonly meetingId: MeetingId
  readonly model: string
  readonly createdAt: string
  readonly sections: readonly SummarySection[]
}
export interface SummarySection {
  readonly kind: 'overview' | 'decisions' | 'actions' | 'questions'
  readonly lines: readonly { readonly text: string; readonly owner: string | null; readonly segmentIds: readonly string[] }[]
}

/** One post to one destination, kept so that a retry does not post twice. */
export interface DeliveryRecord {
  readonly destination: string
  readonly part: string
  readonly state: 'intended' | 'sent'
  /** the destination's own id of the post (Slack: channel and ts) */
  readonly reference: string | null
}

/** What a live feed tells a reader beside stored segments. */
export type FeedEvent =
  | { readonly kind: 'state'; readonly state: MeetingState; readonly reason: MeetingReason | null }
  | { readonly kind: 'segment'; readonly segment: StoredSegment }
  /** `n` grows from gap to gap, with holes */
  | { readonly kind: 'gap'; readonly gap: Gap; readonly n: number }

/** How far somebody has read in the feed of a meeting: the highest numbers of a segment and a gap. */
export interface FeedPosition {
  readonly seq: number
  readonly gap: number
}

/** Which meetings are listed. */
export interface MeetingFilter {
  readonly state?: MeetingState
  readonly room?: string
  readonly rooms?: readonly string[]
  readonly before?: MeetingId
  readonly limit: number
}

/** Final segments, written together with what the store did not have then of what is to be known before them. */
export interface FinalsBatch {
  readonly segments: readonly Segment[]
  readonly spans: readonly Span[]
  readonly gaps?: readonly Gap[]
  readonly sessions?: readonly SessionRecord[]
}

/** A log that can be read back: what waits for the store need not be in memory. */
export interface FinalsReplay {
  /** where the next append will begin */
  readonly end: number
  /**
   * What was appended from a place on, at most about so many segments, and where the rest begins: always beyond `from`, but at the end.
   * What cannot be read back is left out.
   * @throws Error the disk refused
   */
  read(from: number, segments: number): Promise<{ readonly batches: readonly FinalsBatch[]; readonly next: number }>
}

/** The finals of one claim on this host's disk until the store has them: they outlive the process, not a power cut. */
export interface FinalsLog {
  /** what earlier claims of the meeting left here, oldest first: to be stored, then `forgetLeft` */
  readonly left: readonly FinalsBatch[]
  readonly replay?: FinalsReplay
  forgetLeft(): Promise<void>
  /** Resolves when the batch outlives the process. @throws Error the disk refused it; it is not in the log then */
  append(batch: FinalsBatch): Promise<void>
  /** The store has everything that was appended before this call. */
  stored(): void
  /** @param keep whether something appended is not in the store: it is left for the next claim or start of a process */
  close(keep: boolean): Promise<void>
}

/** What a meeting may wait for: a bot, then the steps after it. */
export type WorkKind = 'attend' | 'follow_up'

/** Work that is due: to be put into the queue, again if need be. */
export interface DueWork {
  readonly meetingId: MeetingId
  readonly kind: WorkKind
  /** how often the queue has taken it */
  readonly added: number
}

/** A step of a meeting that the queue has given up: it waits for a person. */
export interface StuckStep {
  /** id of the job, what a retry names */
  readonly id: string
  readonly step: 'attend' | 'finalise' | 'summarise' | 'deliver'
  readonly attempts: number
  readonly reason: string
  /** ISO-8601 */
  readonly failedAt: string
}

/**
 * The work that meetings wait for. A row is written in the transaction that creates the meeting (`attend`) or lets go of it
 * (`finalising`: `follow_up`), and stands until the meeting is past it: whoever loses jobs is given them again.
 */
export interface WorkBook {
  /** Takes due work, oldest first; nobody else is given it for `leaseMs`. */
  takeDue(limit: number, leaseMs: number): Promise<readonly DueWork[]>
  /** It is due again after `ms`. @param isAdded the queue has taken it */
  putOff(work: readonly Pick<DueWork, 'meetingId' | 'kind'>[], ms: number, isAdded: boolean): Promise<void>
  /** What a meeting waits for is due now. */
  hurry(id: MeetingId): Promise<void>
  /** Keeps which step of the work is stuck; null: none is. Nothing happens when nobody waits for it any more. */
  setStuck(work: Pick<DueWork, 'meetingId' | 'kind'>, step: StuckStep | null): Promise<void>
  /** The stuck steps of these meetings. */
  stuck(ids: readonly MeetingId[]): Promise<ReadonlyMap<MeetingId, StuckStep>>
}

/** Where finals are logged. */
export interface FinalsLogs {
  /** @throws Error the disk refused */
  open(claim: Claim): Promise<FinalsLog>
}

/** The store. All writes are durable when their promise resolves. */
export interface MeetingStore {
  /**
   * Creates a meeting. Of meetings for now that have not ended, and of those for the same time, a room has one at most: the one that is there
   * is returned (`created: false`). A meeting for later is `scheduled` and stands beside it.
   */
  create(request: MeetingRequest): Promise<{ meeting: MeetingRecord; created: boolean }>
  /** @throws NotFoundError */
  meeting(id: MeetingId): Promise<MeetingRecord>
  /** A meeting and the step that holds it up, read at once. @throws NotFoundError */
  meetingWithStep(id: MeetingId): Promise<{ readonly meeting: MeetingRecord; readonly stuck: StuckStep | null }>
  /** newest first, those that are to be purged left out @param filter `rooms`: patterns with `*`, of which one matches */
  meetings(filter: MeetingFilter): Promise<readonly MeetingRecord[]>
  /** The meeting of a room that goes on, else the one that ended last; one that never came due is none. null: there is none */
  lastOf(room: string): Promise<MeetingRecord | null>
  /** Marks that the end was asked for; a meeting that nobody runs yet becomes `cancelled`. @throws NotFoundError */
  requestStop(id: MeetingId): Promise<MeetingRecord>

  /** Pauses a meeting that is not over, or resumes it: whoever runs it hears nobody meanwhile. @throws NotFoundError, ConflictError */
  setPaused(id: MeetingId, paused: boolean): Promise<MeetingRecord>
  /** Asks for the end and marks it: nobody is shown it from now on. Twice is fine. @throws NotFoundError */
  requestDelete(id: MeetingId): Promise<MeetingRecord>
  /** Meetings that are marked so. */
  deleted(limit: number): Promise<readonly MeetingRecord[]>
  /** Forgets everything of a marked meeting. @returns whether there was one */
  purge(id: MeetingId): Promise<boolean>

  /** Takes the sole right to run the meeting: epoch + 1. @throws NotFoundError, ConflictError when it is final */
  claim(id: MeetingId): Promise<Claim>
  /** @throws ClaimLostError when a newer epoch exists; so do all writes below that carry a claim */
  setState(claim: Claim, state: MeetingState, reason: MeetingReason | null, times?: { startedAt?: string; endedAt?: string }): Promise<void>
  saveParticipants(claim: Claim, participants: readonly ParticipantRecord[]): Promise<void>
  /** Frames never shrink, and what is over, or has an id at the service, stays so. */
  saveSession(claim: Claim, session: SessionRecord): Promise<void>
  /** Idempotent by (session, channel, fromFrame): an open span is written again with a larger `toFrame`. */
  saveSpans(claim: Claim, spans: readonly Span[]): Promise<void>
  /**
   * Idempotent by (session, utterance, part); returns those that were new, numbered.
   * @param spans what the segments rest on: written with them, in one transaction, as `saveSpans` does
   */
  appendSegments(claim: Claim, segments: readonly Segment[], spans?: readonly Span[]): Promise<readonly StoredSegment[]>
  /**
   * Stores what the holder of a claim heard before it died, whoever has the meeting now; idempotent as `appendSegments`. What the service's
   * results told the next holder meanwhile, without ids, is not stored again; of sessions that the store has, only what they add.
   * @returns how many were new, and whether nobody can hold that claim any more: a newer one exists, or the meeting is final
   * @throws NotFoundError
   */
  adopt(claim: Claim, left: FinalsBatch): Promise<{ stored: number; isOver: boolean }>
  appendGaps(claim: Claim, gaps: readonly Gap[]): Promise<void>
  /** @param doubts why it is not complete; empty when it is */
  saveCoverage(claim: Claim, coverage: readonly CoverageRow[], complete: boolean, doubts?: readonly Doubt[]): Promise<void>
  /** Keeps what was heard under an earlier claim, for the receipt of whoever ends the meeting. Twice is fine: the last one counts. */
  saveShare(claim: Claim, share: CoverageShare): Promise<void>

  /** by seq */
  segments(id: MeetingId, afterSeq?: number, limit?: number): Promise<readonly StoredSegment[]>
  /** with their numbers in the feed, by number */
  numberedGaps(id: MeetingId, after: number): Promise<readonly { readonly n: number; readonly gap: Gap }[]>
  /** what is stored of it now */
  feedPosition(id: MeetingId): Promise<FeedPosition>
  gaps(id: MeetingId): Promise<readonly Gap[]>
  spans(id: MeetingId): Promise<readonly Span[]>
  sessions(id: MeetingId): Promise<readonly SessionRecord[]>
  /** null until the meeting has been finalised once */
  coverage(id: MeetingId): Promise<StoredCoverage | null>
  /** by epoch; of bots that died before they could say there is none */
  shares(id: MeetingId): Promise<readonly CoverageShare[]>
  /** What a receipt is made of, read at once. @throws NotFoundError */
  receipt(id: MeetingId): Promise<StoredReceipt>

  saveSummary(summary: SummaryRecord): Promise<void>
  summary(id: MeetingId): Promise<SummaryRecord | null>
  /** Inserts the intention; returns the existing record when there is one. */
  intendDelivery(id: MeetingId, destination: string, part: string): Promise<DeliveryRecord>
  markDelivered(id: MeetingId, destination: string, part: string, reference: string): Promise<void>
  deliveries(id: MeetingId): Promise<readonly DeliveryRecord[]>
  /** the end of the pipeline: `finalising` -> `done` (no claim: jobs run after the live plane let go) */
  finish(id: MeetingId): Promise<void>

  /**
   * Live feed of this store's own process and, where the database can notify, of others. Returns the unsubscribe function.
   * A `state` event is a wake-up: it also tells of a stop that was asked for, and of people who came or went, so listeners read
   * `meeting()` again.
   * @param after everything above it is told, stored ones first, each once and in order: what a reader that comes back gives; a number
   *   is of segments alone. Without it the feed begins at about the time of the call (exactly, for what this process stores).
   */
  subscribe(id: MeetingId, listener: (event: FeedEvent) => void, after?: number | FeedPosition): () => void
  /** throws when the database does not answer */
  ping(): Promise<void>
  close(): Promise<void>
}
