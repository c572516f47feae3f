import type { Selectable } from 'kysely'
import { InputError } from '../../core/errors.js'
import { asIdentity, asMeetingId, asSegmentId, asSessionId, type TrackKey } from '../../core/ids.js'
import type { Gap, GapReason, Span } from '../../live/audio/span.js'
import type { Segment } from '../../live/transcript/segment.js'
import type { DeliveryRecord, MeetingRecord, SessionRecord, StoredSegment } from '../port.js'
import { clean } from './sanitise.js'
import type { DeliveryTable, GapTable, MeetingTable, SegmentTable, SessionTable, SpanTable } from './tables.js'

const iso = (time: Date | null): string | null => time?.toISOString() ?? null

/** A moment as PostgreSQL takes it. @throws {InputError} it is no ISO-8601 time */
export function timeText(text: string, path: string): string {
  const time = new Date(text)
  if (Number.isNaN(time.getTime())) throw new InputError(`${path} is not a time`, [{ path, message: 'must be an ISO-8601 time' }])
  return time.toISOString()
}

/** A meeting from its row. */
export function meetingOf(row: Selectable<MeetingTable>): MeetingRecord {
  return {
    id: asMeetingId(row.id),
    room: row.room,
    title: row.title,
    language: row.language,
    vocabulary: row.vocabulary,
    slackChannel: row.slack_channel,
    startAt: iso(row.start_at),
    endAt: iso(row.end_at),
    botName: row.bot_name,
    state: row.state,
    reason: row.reason,
    stopRequested: row.stop_requested,
    paused: row.paused,
    deletedAt: iso(row.deleted_at),
    createdAt: row.created_at.toISOString(),
    startedAt: iso(row.started_at),
    endedAt: iso(row.ended_at),
    participants: row.participants,
  }
}

/** A session from its row. */
export function sessionOf(row: Selectable<SessionTable>): SessionRecord {
  return {
    sessionId: asSessionId(row.session_id),
    vendorId: row.vendor_id,
    channels: row.channels,
    sampleRate: row.sample_rate,
    sentFrames: Number(row.sent_frames),
    acknowledgedFrames: Number(row.acknowledged_frames),
    endReason: row.end_reason,
    ...(row.epoch !== null && { epoch: row.epoch }),
    ...(row.pending_texts && { pendingTexts: row.pending_texts.map((one) => ({ ...one, identity: asIdentity(one.identity) })) }),
  }
}

/** A span from its row. */
export function spanOf(row: Selectable<SpanTable>): Span {
  return {
    sessionId: asSessionId(row.session_id),
    channel: row.channel,
    fromFrame: Number(row.from_frame),
    toFrame: Number(row.to_frame),
    trackKey: row.track_key as TrackKey,
    identity: asIdentity(row.identity),
    meetingMs: row.meeting_ms,
  }
}

/** A stored segment from its row. */
export function segmentOf(row: Selectable<SegmentTable>): StoredSegment {
  return {
    seq: row.seq,
    id: asSegmentId(row.id),
    identity: row.identity === null ? null : asIdentity(row.identity),
    startMs: row.start_ms,
    endMs: row.end_ms,
    text: row.text,
    words: row.words,
    language: row.language,
    confidence: row.confidence,
    sessionId: asSessionId(row.session_id),
    channel: row.channel,
    utteranceId: row.utterance_id,
    part: row.part,
  }
}

/** A gap from its row. */
export function gapOf(row: Pick<Selectable<GapTable>, 'identity' | 'from_ms' | 'to_ms' | 'reason'>): Gap {
  return { identity: asIdentity(row.identity), fromMs: row.from_ms, toMs: row.to_ms, reason: row.reason as GapReason }
}

/** A delivery from its row. */
export function deliveryOf(row: Pick<Selectable<DeliveryTable>, 'destination' | 'part' | 'state' | 'reference'>): DeliveryRecord {
  return { destination: row.destination, part: row.part, state: row.state, reference: row.reference }
}

/** One element a key, in order of first appearance: one statement may not write a key twice. */
export function oneByKey<T>(elements: readonly T[], keyOf: (element: T) => string, better: (a: T, b: T) => T): readonly T[] {
  const found = new Map<string, T>()
  for (const element of elements) {
    const key = keyOf(element)
    const before = found.get(key)
    found.set(key, before === undefined ? element : better(before, element))
  }
  return [...found.values()]
}

/** The columns of a cleaned segment, as `append_segments` reads them. */
export function segmentColumns(segment: Segment): object {
  const { id, identity, startMs, endMs, text, words, language, confidence, sessionId, channel, utteranceId, part } = segment
  return {
    id,
    session_id: sessionId,
    utterance_id: utteranceId,
    part,
    identity,
    start_ms: startMs,
    end_ms: endMs,
    text,
    words,
    language,
    confidence,
    channel,
  }
}

/** jsonb text of a value, cleaned. */
export const jsonText = (value: unknown): string => JSON.stringify(clean(value))
