import type { TranscriptDocument } from '../segment.js'
import { clock, completeness, gapLines, headline, oneLine, speakerOf } from './plain.js'

/** Plain text: a head, a line a segment, the gaps at the end. */
export function renderTxt(document: TranscriptDocument): string {
  const lines = [headline(document)]
  if (document.startedAt !== null) lines.push(`Started ${document.startedAt}`)
  lines.push(completeness(document), '')
  for (const segment of document.segments) lines.push(`[${clock(segment.startMs)}] ${speakerOf(segment)}: ${oneLine(segment.text)}`)
  const gaps = gapLines(document)
  if (gaps.length > 0) {
    lines.push('', 'Gaps:')
    for (const { name, time, reason } of gaps) lines.push(`${time} ${name}: ${reason}`)
  }
  return `${lines.join('\n').trimEnd()}\n`
}
