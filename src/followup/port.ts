import type { MeetingId } from '../core/ids.js'
import type { MeetingRecord, StoredSegment, SummaryRecord, WorkKind } from '../records/port.js'
import type { TranscriptDocument } from '../live/transcript/segment.js'

/** Puts work into the queue. Adding is durable when the promise resolves; the same meeting is added once. */
export interface JobQueue {
  /** one `attend` job per meeting, deduplicated by meeting id */
  attend(id: MeetingId): Promise<void>
  /** the flow finalise -> summarise -> deliver, once per meeting */
  followUp(id: MeetingId): Promise<void>
  /** counts by state, for health and doctor */
  counts(): Promise<Record<string, number>>
  close(): Promise<void>
}

/** A queue as its library has it, for a view of it: nobody here calls anything of it. */
export interface BoardQueue {
  readonly name: string
}

/** A job that was given up: it failed too often, or with an error that no repetition heals. */
export interface DeadLetter {
  /** id of the job, which names its kind and meeting */
  readonly id: string
  readonly step: 'attend' | 'finalise' | 'summarise' | 'deliver'
  /** null: the job carries no meeting that this version can read */
  readonly meetingId: MeetingId | null
  readonly attempts: number
  /** why the last attempt failed */
  readonly reason: string
  /** ISO-8601 */
  readonly failedAt: string
}

/** Jobs that wait for a person. */
export interface DeadLetters {
  /** newest first. @throws UpstreamError `queue_unreachable` */
  list(limit: number): Promise<readonly DeadLetter[]>
  /** The one that holds a meeting up, in its bot's work or in the steps after it. @throws UpstreamError `queue_unreachable` */
  of(id: MeetingId, kind: WorkKind): Promise<DeadLetter | null>
  /**
   * Runs it again, with all its attempts.
   * @returns what it was
   * @throws NotFoundError, ConflictError it is not given up (any more), UpstreamError `queue_unreachable`
   */
  retry(id: string): Promise<DeadLetter>
}

/** What the workers call. Every one is idempotent; `signal` aborts at shutdown. */
export interface JobHandlers {
  attend(id: MeetingId, signal: AbortSignal): Promise<void>
  finalise(id: MeetingId, signal: AbortSignal): Promise<void>
  summarise(id: MeetingId, signal: AbortSignal): Promise<void>
  deliver(id: MeetingId, signal: AbortSignal): Promise<void>
}

/** Makes summaries. */
export interface Summariser {
  readonly model: string
  summarise(transcript: TranscriptDocument): Promise<SummaryRecord['sections']>
}

/** What a delivery needs. */
export interface DeliveryContent {
  readonly meeting: MeetingRecord
  readonly transcript: TranscriptDocument
  readonly summary: SummaryRecord
  readonly segments: readonly StoredSegment[]
}

/** Posts the result somewhere, each part once: the ledger says what was posted already. */
export interface DeliveryPort {
  readonly destination: string
  deliver(content: DeliveryContent, signal: AbortSignal): Promise<void>
}
