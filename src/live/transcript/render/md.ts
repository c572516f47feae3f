import type { TranscriptDocument } from '../segment.js'
import { clock, completeness, gapLines, headline, oneLine, speakerOf } from './plain.js'

/** Text that Markdown shows as it is: one line, every special character escaped, markup as entities. */
function literal(text: string): string {
  return oneLine(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replace(/[\\`*_{}[\]()#+\-!|~$^=:@]/g, String.raw`\$&`)
}

/** Markdown: a heading, a paragraph a segment, the gaps as a list at the end. */
export function renderMd(document: TranscriptDocument): string {
  const blocks = [`# ${literal(headline(document))}`]
  if (document.startedAt !== null) blocks.push(`Started ${document.startedAt}`)
  blocks.push(`_${completeness(document)}_`)
  for (const segment of document.segments) {
    blocks.push(`\`${clock(segment.startMs)}\` **${literal(speakerOf(segment))}:** ${literal(segment.text)}`)
  }
  const gaps = gapLines(document)
  if (gaps.length > 0) {
    blocks.push('## Gaps', gaps.map(({ name, time, reason }) => `- ${time} **${literal(name)}**: ${reason}`).join('\n'))
  }
  return `${blocks.join('\n\n')}\n`
}
