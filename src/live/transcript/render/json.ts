import type { TranscriptDocument } from '../segment.js'

/** The shape of api.md, transcript format=json. */
export function renderJson(document: TranscriptDocument): string {
  const { meetingId, room, title, startedAt, complete } = document
  const segments = document.segments.map((segment) => ({
    id: segment.id,
    identity: segment.identity,
    name: segment.name,
    startMs: segment.startMs,
    endMs: segment.endMs,
    text: segment.text,
    words: segment.words.map(({ text, startMs, endMs, confidence }) => ({ text, startMs, endMs, confidence })),
    language: segment.language,
    confidence: segment.confidence,
    session: segment.sessionId,
    channel: segment.channel,
  }))
  const coverage = document.coverage.map((row) => ({
    identity: row.identity,
    name: row.name,
    speechMs: row.speechMs,
    sentMs: row.sentMs,
    acknowledgedMs: row.acknowledgedMs,
    returnedMs: row.returnedMs,
    lostMs: row.lostMs,
    gaps: row.gaps.map(({ fromMs, toMs, reason }) => ({ fromMs, toMs, reason })),
  }))
  return `${JSON.stringify({ meetingId, room, title, startedAt, complete, segments, coverage }, null, 2)}\n`
}
