import type { PersonScore } from '../../app/demo/score.js'
import type { SummaryRecord } from '../../records/port.js'
import { clockText, printable } from './paint.js'

/** The part of a transcript that the tables need. */
export interface CoveredTranscript {
  readonly segments: readonly { readonly id: string; readonly name: string | null; readonly startMs: number }[]
  readonly coverage: readonly {
    readonly identity: string
    readonly name: string
    readonly speechMs: number
    readonly sentMs: number
    readonly acknowledgedMs: number
    readonly returnedMs: number
    readonly lostMs: number
  }[]
}

const seconds = (ms: number): string => (ms / 1000).toFixed(1)

/** Coverage by person as a table, with the word error rate where it is known. */
export function coverageTable(transcript: CoveredTranscript, scores: readonly PersonScore[]): string {
  const head = ['person', 'speech s', 'sent s', 'acked s', 'returned s', 'lost s', 'word errors']
  const rows = transcript.coverage.map((row) => {
    const found = scores.find((score) => score.identity === row.identity)
    const errors = found === undefined || found.saidWords === 0 ? '-' : `${(found.wordErrorRate * 100).toFixed(1)} %`
    return [printable(row.name), ...[row.speechMs, row.sentMs, row.acknowledgedMs, row.returnedMs, row.lostMs].map(seconds), errors]
  })
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)))
  return [head, ...rows]
    .map(
      (row) =>
        `  ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  ')}\n`,
    )
    .join('')
}

const TITLES = { overview: 'What it was about', decisions: 'Decided', actions: 'To do', questions: 'Open questions' } as const

/** The summary with the places in the transcript that each line rests on. */
export function summaryLines(summary: SummaryRecord | null, transcript: CoveredTranscript): readonly string[] {
  if (!summary) return ['  none']
  const at = new Map(transcript.segments.map((segment) => [segment.id, segment]))
  return summary.sections.flatMap((section) => {
    if (section.lines.length === 0) return []
    const lines = section.lines.map((line) => {
      const places = line.segmentIds.flatMap((id) => {
        const found = at.get(id)
        return found === undefined ? [] : [`${clockText(found.startMs)} ${printable(found.name ?? '?')}`]
      })
      const owner = line.owner === null ? '' : `${printable(line.owner)}: `
      return `    - ${owner}${printable(line.text)}  (${places.slice(0, 3).join(', ')}${places.length > 3 ? ', ...' : ''})`
    })
    return [`  ${TITLES[section.kind]}`, ...lines]
  })
}
