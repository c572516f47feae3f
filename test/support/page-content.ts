import type { CoverageRow, Gap, Meeting, Segment, Summary, Timeline, Transcript } from '../../src/web/api/types.js'

const NAMES = ['Anna Berg', 'Bashir Khan', 'Chiara Conti', 'Dora Duck']
const LINES = [
  'Good morning everybody, let us begin with the release.',
  'The build is green since yesterday, and the last blocker is the migration of the old accounts.',
  'I can take the migration. It needs a window of twenty minutes.',
  'Then let us decide: we release on Thursday.',
  'Who writes the notes for the customers?',
  'I will write them by Wednesday and send them round.',
  'What about the invoice of the recogniser?',
  'It is a quarter of what a channel for each of us would cost.',
  'Naïve question: does that hold for thirty people, too?',
  'It does, as long as not everybody talks at once.',
]

/** A meeting that is over, of so many segments; the same each time. */
export function finishedMeeting(
  segments: number,
  id = '0199aaaa-0000-7000-8000-000000000001',
): {
  meeting: Meeting
  transcript: Transcript
  timeline: Timeline
  summary: Summary
} {
  const rows: Segment[] = []
  let at = 1_500
  for (let index = 0; index < segments; index++) {
    const who = (index * 7 + (index >> 2)) % NAMES.length
    const text = LINES[index % LINES.length] ?? ''
    const lengthMs = 900 + text.length * 55
    rows.push({ id: `segment-${index}`, identity: `p${who}`, name: NAMES[who] ?? null, startMs: at, endMs: at + lengthMs, text })
    at += lengthMs + (index % 9 === 8 ? 9_000 : 700)
  }
  const durationMs = at + 4_000
  const gap: Gap = {
    identity: 'p1',
    fromMs: Math.round(durationMs * 0.4),
    toMs: Math.round(durationMs * 0.4) + 6_200,
    reason: 'reconnecting',
  }
  const startedAt = '2026-11-20T09:00:00.000Z'
  return {
    meeting: {
      id,
      room: 'weekly',
      title: 'Weekly meeting',
      state: 'done',
      reason: 'everybody_left',
      createdAt: startedAt,
      startedAt,
      endedAt: new Date(Date.parse(startedAt) + durationMs).toISOString(),
      language: 'en',
      paused: false,
      participants: NAMES.map((name, index) => ({ identity: `p${index}`, name, joinedMs: 0, leftMs: durationMs })),
      deadLetter: null,
    },
    transcript: {
      meetingId: id,
      room: 'weekly',
      title: 'Weekly meeting',
      startedAt,
      complete: false,
      doubts: ['lost', 'gaps'],
      segments: rows,
      coverage: NAMES.map((name, index) => coverageRow(name, index, rows, gap)),
      coverageTotal: coverageRow('all', -1, rows, gap),
      billing: {
        channelSec: durationMs / 250,
        speechSec: durationMs / 1300,
        channelEachSec: durationMs / 250,
        perSpeechSec: 5.2,
        ofChannelEach: 1,
        sessions: [{ session: 's1', channels: 4, sec: durationMs / 1000 }],
      },
    },
    timeline: {
      durationMs,
      speech: rows.map(({ identity, name, startMs, endMs }) => ({ identity, name, fromMs: startMs, toMs: endMs })),
      gaps: [gap],
      sessions: [
        { session: 's1', channels: 2, fromMs: 900, toMs: Math.round(durationMs * 0.3), endReason: 'done' },
        { session: 's2', channels: 4, fromMs: Math.round(durationMs * 0.29), toMs: durationMs - 2_000, endReason: 'done' },
      ],
    },
    summary: {
      model: 'extractive',
      createdAt: startedAt,
      sections: [
        { kind: 'overview', lines: [{ text: LINES[1] ?? '', owner: null, segmentIds: ['segment-1'] }] },
        { kind: 'decisions', lines: [{ text: LINES[3] ?? '', owner: null, segmentIds: ['segment-3'] }] },
        {
          kind: 'actions',
          lines: [
            { text: 'Take the migration of the old accounts.', owner: 'Chiara Conti', segmentIds: ['segment-2'] },
            { text: 'Write the notes for the customers by Wednesday.', owner: 'Bashir Khan', segmentIds: ['segment-4', 'segment-5'] },
          ],
        },
        { kind: 'questions', lines: [{ text: LINES[8] ?? '', owner: null, segmentIds: ['segment-8'] }] },
      ],
    },
  }
}

function coverageRow(name: string, who: number, rows: readonly Segment[], gap: Gap): CoverageRow {
  const speechMs = rows
    .filter(({ identity }) => who < 0 || identity === `p${who}`)
    .reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0)
  const hasGap = who === 1 || who < 0
  const lostMs = hasGap ? 2_400 : 0
  return {
    identity: `p${who}`,
    name,
    noisy: false,
    speechMs,
    sentMs: speechMs * 2,
    acknowledgedMs: speechMs * 2,
    returnedMs: speechMs - lostMs,
    lostMs,
    sentSpeechMs: speechMs - lostMs,
    acknowledgedSpeechMs: speechMs - lostMs,
    returnedSpeechMs: speechMs - lostMs,
    unheardMs: hasGap ? gap.toMs - gap.fromMs : 0,
    waits: { count: 0, totalMs: 0, maxMs: 0 },
    gaps: who === 1 ? [{ fromMs: gap.fromMs, toMs: gap.toMs, reason: gap.reason }] : [],
  }
}
