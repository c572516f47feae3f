import { asIdentity, asSegmentId, asSessionId } from '../../src/core/ids.js'
import type { TranscriptDocument } from '../../src/live/transcript/segment.js'
import type { MeetingRecord, MeetingStore } from '../../src/records/port.js'
import { NOTHING_BILLED } from './coverage-row.js'

type Line = readonly [name: string, text: string, startMs?: number]

/** A transcript out of lines: 4 s apart and 3 s long unless a start is given; ids `s1`, `s2`, ... */
export function transcriptOf(lines: readonly Line[], over: Partial<TranscriptDocument> = {}): TranscriptDocument {
  return {
    meetingId: '0199a000-0000-7000-8000-000000000001',
    room: 'standup',
    title: 'Weekly sync',
    startedAt: '2026-01-05T09:00:00.000Z',
    complete: true,
    doubts: [],
    coverage: [],
    billing: NOTHING_BILLED,
    segments: lines.map(([name, text, startMs = 0], index) => {
      const from = startMs === 0 ? index * 4_000 : startMs
      return {
        id: asSegmentId(`s${index + 1}`),
        identity: name === '' ? null : asIdentity(name.toLowerCase().replaceAll(' ', '-')),
        name: name === '' ? null : name,
        startMs: from,
        endMs: from + 3_000,
        text,
        words: [],
        language: 'en',
        confidence: 0.9,
        sessionId: asSessionId('session'),
        channel: 0,
        utteranceId: `u${index + 1}`,
        part: 0,
      }
    }),
    ...over,
  }
}

/** A meeting that the live plane has ended: `finalising`, with coverage. */
export async function endedMeeting(store: MeetingStore, request: Partial<MeetingRecord> = {}): Promise<MeetingRecord> {
  const { meeting } = await store.create({
    room: 'standup',
    title: 'Weekly sync',
    language: null,
    vocabulary: [],
    slackChannel: null,
    startAt: null,
    endAt: null,
    botName: null,
    ...request,
  })
  const claim = await store.claim(meeting.id)
  await store.saveParticipants(claim, [{ identity: asIdentity('alice'), name: 'Alice Chen', joinedMs: 0, leftMs: null }])
  await store.saveCoverage(claim, [], true)
  await store.setState(claim, 'finalising', 'everybody_left', { startedAt: meeting.createdAt, endedAt: meeting.createdAt })
  return await store.meeting(meeting.id)
}
