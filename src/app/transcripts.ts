import type { MeetingId } from '../core/ids.js'
import { totalOf } from '../live/transcript/coverage.js'
import { billingOf } from '../live/transcript/price.js'
import { renderTranscript, type RenderFormat } from '../live/transcript/render/render.js'
import type { TranscriptDocument } from '../live/transcript/segment.js'
import { withGaps } from '../live/transcript/whole.js'
import { FINAL_STATES, type MeetingRecord, type MeetingStore } from '../records/port.js'

/** The transcript as far as it is stored. @throws NotFoundError */
export async function loadTranscript(store: MeetingStore, id: MeetingId): Promise<TranscriptDocument> {
  return documentOf(store, await store.meeting(id))
}

async function documentOf(store: MeetingStore, meeting: MeetingRecord): Promise<TranscriptDocument> {
  const { id } = meeting
  const [segments, { coverage: stored, sessions, gaps }] = await Promise.all([store.segments(id), store.receipt(id)])
  const names = new Map(meeting.participants.map((person) => [person.identity, person.name]))
  // a bot that hands its meeting over may write gaps after the receipt
  const coverage = stored && withGaps(stored, { gaps, names })
  const rows = coverage?.rows ?? []
  return {
    meetingId: meeting.id,
    room: meeting.room,
    title: meeting.title,
    startedAt: meeting.startedAt,
    // a meeting that still runs is not complete, whatever is stored so far
    complete: coverage?.complete ?? false,
    doubts: coverage?.doubts ?? [FINAL_STATES.includes(meeting.state) ? 'failed' : 'running'],
    segments: segments
      .map((segment) => ({ ...segment, name: segment.identity === null ? null : (names.get(segment.identity) ?? segment.identity) }))
      .toSorted((a, b) => a.startMs - b.startMs || a.endMs - b.endMs || (a.id < b.id ? -1 : 1)),
    coverage: rows,
    billing: billingOf(sessions, totalOf(rows)),
  }
}

const CONTENT_TYPES: Readonly<Record<RenderFormat, string>> = {
  json: 'application/json; charset=utf-8',
  txt: 'text/plain; charset=utf-8',
  md: 'text/markdown; charset=utf-8',
  srt: 'application/x-subrip; charset=utf-8',
  vtt: 'text/vtt; charset=utf-8',
}

/** The transcript of a meeting, as far as it is stored, as text of a format. @throws NotFoundError */
export async function transcriptAs(
  store: MeetingStore,
  meeting: MeetingRecord,
  format: RenderFormat,
): Promise<{ body: string; contentType: string; complete: boolean }> {
  const document = await documentOf(store, meeting)
  return { body: renderTranscript(document, format), contentType: CONTENT_TYPES[format], complete: document.complete }
}
