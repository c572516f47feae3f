import type { ColumnType, Generated } from 'kysely'
import type { CoverageShare, MeetingReason, MeetingState, ParticipantRecord, StuckStep, SummarySection, WorkKind } from '../port.js'
import type { CoverageDocument } from './coverage-document.js'

/** jsonb: read parsed, written as text */
type Json<T> = ColumnType<T, string, string>
/** bigint: read as text, written as a number */
type Big = ColumnType<string, number, number>
type Time = ColumnType<Date, string, string>

/** Schema of every table below. */
export const SCHEMA = 'roomscribe'

/** One row a meeting; `epoch` and `last_seq` only grow. */
export interface MeetingTable {
  readonly id: string
  readonly room: string
  readonly title: string | null
  readonly language: string | null
  readonly vocabulary: Json<readonly string[]>
  readonly slack_channel: string | null
  readonly start_at: Time | null
  readonly end_at: Time | null
  /** when a scheduled one is looked at next; null once it was queued */
  readonly due_at: Time | null
  readonly bot_name: string | null
  readonly state: MeetingState
  readonly reason: MeetingReason | null
  readonly stop_requested: Generated<boolean>
  readonly paused: Generated<boolean>
  readonly deleted_at: Time | null
  readonly created_at: Time
  readonly started_at: Time | null
  readonly ended_at: Time | null
  readonly participants: ColumnType<readonly ParticipantRecord[], string | undefined, string>
  readonly epoch: Generated<number>
  readonly last_seq: Generated<number>
  readonly coverage: Json<CoverageDocument> | null
  readonly is_complete: boolean | null
}

/** What the STT service was sent, a row a session; `position` orders them. */
export interface SessionTable {
  readonly meeting_id: string
  readonly session_id: string
  readonly position: Generated<number>
  readonly vendor_id: string | null
  readonly channels: number
  readonly sample_rate: number
  readonly sent_frames: Big
  readonly acknowledged_frames: Big
  readonly end_reason: string | null
  readonly pending_texts: Json<readonly { identity: string; fromMs: number; toMs: number }[]> | null
  readonly epoch: number | null
}

/** Spans, keyed by where they begin. */
export interface SpanTable {
  readonly meeting_id: string
  readonly session_id: string
  readonly channel: number
  readonly from_frame: Big
  readonly to_frame: Big
  readonly track_key: string
  readonly identity: string
  readonly meeting_ms: number
}

/** Segments, numbered per meeting. */
export interface SegmentTable {
  readonly meeting_id: string
  readonly seq: number
  readonly id: string
  readonly session_id: string
  readonly utterance_id: string
  readonly part: number
  readonly identity: string | null
  readonly start_ms: number
  readonly end_ms: number
  readonly text: string
  readonly words: Json<readonly { text: string; startMs: number; endMs: number; confidence: number }[]>
  readonly language: string | null
  readonly confidence: number
  readonly channel: number
}

/** Gaps, numbered over all meetings. */
export interface GapTable {
  readonly n: Generated<number>
  readonly meeting_id: string
  readonly identity: string
  readonly from_ms: number
  readonly to_ms: number
  readonly reason: string
}

/** What one bot of several heard. */
export interface CoverageShareTable {
  readonly meeting_id: string
  readonly epoch: number
  readonly coverage: Json<Pick<CoverageShare, 'rows' | 'doubts'>>
}

/** One summary a meeting. */
export interface SummaryTable {
  readonly meeting_id: string
  readonly model: string
  readonly created_at: Time
  readonly sections: Json<readonly SummarySection[]>
}

/** The ledger of posts. */
export interface DeliveryTable {
  readonly meeting_id: string
  readonly destination: string
  readonly part: string
  readonly position: Generated<number>
  readonly state: 'intended' | 'sent'
  readonly reference: string | null
}

/** Work that meetings wait for, at most one row a kind. */
export interface WorkTable {
  readonly meeting_id: string
  readonly kind: WorkKind
  readonly due_at: Time
  readonly added: Generated<number>
  readonly dead_id: string | null
  readonly dead_step: StuckStep['step'] | null
  readonly dead_reason: string | null
  readonly dead_attempts: number | null
  readonly dead_at: Time | null
}

/** Everything kysely knows of us. */
export interface Database {
  readonly meeting: MeetingTable
  readonly session: SessionTable
  readonly span: SpanTable
  readonly segment: SegmentTable
  readonly gap: GapTable
  readonly coverage_share: CoverageShareTable
  readonly summary: SummaryTable
  readonly delivery: DeliveryTable
  readonly work: WorkTable
}
