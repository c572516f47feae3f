import type { Identity, SegmentId, SessionId } from '../../core/ids.js'
import type { Gap } from '../audio/span.js'

/** A word on the meeting's timeline, integer ms. */
export interface SegmentWord {
  readonly text: string
  readonly startMs: number
  readonly endMs: number
  readonly confidence: number
}

/** An utterance, or its part, attributed to a person and placed on the meeting's timeline (api.md, transcript). */
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

/** What became of one person's voice (api.md, coverage), integer ms. Conservation: `speechMs` is in exactly `sent` or `lost`. */
export interface CoverageRow {
  readonly identity: Identity
  readonly name: string
  /** voice present on the person's own track */
  readonly speechMs: number
  readonly sentMs: number
  readonly acknowledgedMs: number
  /** covered by text that came back */
  readonly returnedMs: number
  readonly lostMs: number
  readonly gaps: readonly Gap[]
}

/** The whole, as rendered and stored (api.md, transcript format=json). */
export interface TranscriptDocument {
  readonly meetingId: string
  readonly room: string
  readonly title: string | null
  readonly startedAt: string | null
  readonly complete: boolean
  /** ordered by startMs, endMs, id; `name` as last known */
  readonly segments: readonly (Segment & { readonly name: string | null })[]
  readonly coverage: readonly CoverageRow[]
}
