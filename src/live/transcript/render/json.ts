import { totalOf } from '../coverage.js'
import type { CoverageTotal, TranscriptDocument } from '../segment.js'

/** The shape of a transcript's format json, which other programs read: fields are added, never changed. */
export function renderJson(document: TranscriptDocument): string {
  const { meetingId, room, title, startedAt, complete, doubts, billing } = document
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
  const coverage = document.coverage.map(({ identity, name, noisy, gaps, ...amounts }) => ({
    identity,
    name,
    ...amountsOf(amounts),
    noisy,
    gaps: gaps.map(({ fromMs, toMs, reason }) => ({ fromMs, toMs, reason })),
  }))
  const coverageTotal = amountsOf(totalOf(document.coverage))
  return `${JSON.stringify({ meetingId, room, title, startedAt, complete, doubts, segments, coverage, coverageTotal, billing }, null, 2)}\n`
}

/** In the order in which they are read: heard, sent, acknowledged, returned, lost, the rest. */
const amountsOf = (total: CoverageTotal): CoverageTotal => ({
  speechMs: total.speechMs,
  sentMs: total.sentMs,
  acknowledgedMs: total.acknowledgedMs,
  returnedMs: total.returnedMs,
  lostMs: total.lostMs,
  lostBy: total.lostBy,
  waitingMs: total.waitingMs,
  unaccountedMs: total.unaccountedMs,
  sentSpeechMs: total.sentSpeechMs,
  acknowledgedSpeechMs: total.acknowledgedSpeechMs,
  returnedSpeechMs: total.returnedSpeechMs,
  unheardMs: total.unheardMs,
  presentMs: total.presentMs,
  waits: total.waits,
})
