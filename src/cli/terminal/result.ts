import type { SummaryRecord } from '../../records/port.js'
import { clockText, printable } from './paint.js'

/** The part of a transcript that the summary needs. */
export interface CitedTranscript {
  readonly segments: readonly { readonly id: string; readonly name: string | null; readonly startMs: number }[]
}

const TITLES = { overview: 'What it was about', decisions: 'Decided', actions: 'To do', questions: 'Open questions' } as const

/** The summary with the places in the transcript that each line rests on. */
export function summaryLines(summary: SummaryRecord | null, transcript: CitedTranscript): readonly string[] {
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
