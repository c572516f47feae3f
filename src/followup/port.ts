import type { MeetingId } from '../core/ids.js'
import type { MeetingRecord, StoredSegment, SummaryRecord } from '../records/port.js'
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
