import type { TranscriptDocument } from '../segment.js'
import { clock, completeness, gapLines, headline, oneLine, speakerOf } from './plain.js'
import { receiptView, type ReceiptView } from './receipt.js'

/** Text that Markdown shows as it is: one line, every special character escaped, markup as entities. */
function literal(text: string): string {
  return oneLine(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replace(/[\\`*_{}[\]()#+\-!|~$^=:@]/g, String.raw`\$&`)
}

/** Markdown: a heading, a paragraph a segment, what became of everybody's voice, the gaps as a list, the price. */
export function renderMd(document: TranscriptDocument): string {
  const blocks = [`# ${literal(headline(document))}`]
  if (document.startedAt !== null) blocks.push(`Started ${document.startedAt}`)
  blocks.push(`_${completeness(document)}_`)
  for (const segment of document.segments) {
    blocks.push(`\`${clock(segment.startMs)}\` **${literal(speakerOf(segment))}:** ${literal(segment.text)}`)
  }
  const receipt = receiptView(document, literal)
  if (receipt.lines.length + receipt.notes.length > 0) blocks.push('## Coverage')
  if (receipt.lines.length > 0) blocks.push(table(receipt))
  if (receipt.notes.length > 0) blocks.push(receipt.notes.map((note) => `- ${note}`).join('\n'))
  const gaps = gapLines(document)
  if (gaps.length > 0) {
    blocks.push('## Gaps', gaps.map(({ name, time, reason }) => `- ${time} **${literal(name)}**: ${reason}`).join('\n'))
  }
  if (receipt.price !== null) blocks.push('---', `_${receipt.price}_`)
  return `${blocks.join('\n\n')}\n`
}

function table({ columns, lines, total }: ReceiptView): string {
  const bold = (text: string) => `**${text}**`
  const rows = [
    ['person', ...columns],
    ['---', ...columns.map(() => '---:')],
    ...lines.map(({ name, cells }) => [name, ...cells]),
    ...(total === null ? [] : [[total.name, ...total.cells].map(bold)]),
  ]
  return rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
