import { score, type HeardLine, type SaidLine, type Score } from '../../src/app/demo/score.js'
import { systemClock } from '../../src/core/time.js'
import { playVerdict } from '../../src/standins/actors/play-event.js'
import type { CrowdFacts } from './crowd-stage.js'

/** What one meeting of real speech shows. */
export interface SpeechReport {
  readonly score: Score
  readonly health: ReturnType<typeof playVerdict>
  readonly said: readonly SaidLine[]
  readonly heard: readonly HeardLine[]
}

/** Compares what was said with the transcript. */
export function speechReport(facts: CrowdFacts): SpeechReport {
  const said = facts.events.flatMap((event) => (event.kind === 'said' && event.isHeard ? [event] : []))
  // meeting time on the clock that the speakers' log is on
  const startMs = Date.parse(facts.transcript.startedAt ?? '') - systemClock.nowMs() + systemClock.monotonicMs()
  const heard = facts.transcript.segments.map((segment): HeardLine => ({
    identity: segment.identity,
    text: segment.text,
    startMs: startMs + segment.startMs,
    endMs: startMs + segment.endMs,
    atMs: startMs + segment.endMs,
  }))
  const worstLoopDelayMs = Math.max(facts.actors.worstLoopDelayMs, facts.bot.worstDelayMs)
  return { score: score(said, heard), health: playVerdict({ ...facts.actors, worstLoopDelayMs }), said, heard }
}

/** Word error rate of several meetings together. */
export function wordErrorRate(reports: readonly SpeechReport[]): number {
  const people = reports.flatMap((report) => report.score.persons)
  return (
    people.reduce((sum, one) => sum + one.wordErrors, 0) /
    Math.max(
      1,
      people.reduce((sum, one) => sum + one.saidWords, 0),
    )
  )
}

/** What was said and heard, by time, for reading a run that failed. */
export function speechLines({ said, heard }: SpeechReport): string[] {
  const t0Ms = Math.min(...said.map((line) => line.startedMs))
  const lines = [
    ...said.map((line) => ({ atMs: line.startedMs, text: `said   ${line.identity}: ${line.text}` })),
    ...heard.map((line) => ({ atMs: line.startMs, text: `heard  ${line.identity ?? 'unknown'}: ${line.text}` })),
  ]
  return lines.toSorted((a, b) => a.atMs - b.atMs).map(({ atMs, text }) => `${((atMs - t0Ms) / 1000).toFixed(2).padStart(7)} ${text}`)
}
