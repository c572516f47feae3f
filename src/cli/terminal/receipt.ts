import { printable, type Paint } from './paint.js'

/** One line of the table. */
interface Line {
  readonly identity: string | null
  readonly name: string
  readonly cells: readonly string[]
  readonly hasLoss: boolean
  readonly noisy: boolean
}

/** A receipt as the terminal needs it. */
export interface Receipt {
  readonly complete: boolean
  readonly verdict: string
  readonly columns: readonly string[]
  readonly lines: readonly Line[]
  readonly total: Line | null
  readonly notes: readonly string[]
  readonly price: string | null
}

/** A column that the receipt does not have by itself. */
export interface ExtraColumn {
  readonly title: string
  /** @param identity null for all */
  readonly cell: (identity: string | null) => string
}

const INDENT = '  '
const NAME_WIDTH = 24

/** The receipt in lines: table, notes, verdict, price. */
export function receiptLines(receipt: Receipt, paint: Paint, extra: readonly ExtraColumn[] = []): string[] {
  const out: string[] = []
  const cellsOf = ({ identity, cells }: Line) => [...cells, ...extra.map((column) => column.cell(identity))]
  const all = [...receipt.lines, ...(receipt.total === null ? [] : [receipt.total])]
  if (receipt.lines.length > 0) {
    const titles = [...receipt.columns, ...extra.map(({ title }) => title)]
    const names = all.map((line) => shortened(printable(line.name), NAME_WIDTH))
    const first = Math.max('person'.length, ...names.map(widthOf))
    const widths = titles.map((title, column) => Math.max(title.length, ...all.map((line) => cellsOf(line)[column]?.length ?? 0)))
    const row = (name: string, cells: readonly string[]) =>
      `${INDENT}${padded(name, first)}${cells.map((cell, column) => `  ${cell.padStart(widths[column] ?? 0)}`).join('')}`
    out.push(paint.dim(row('person', titles)))
    for (const [at, line] of all.entries()) {
      if (line === receipt.total) out.push(paint.dim(INDENT + '-'.repeat(first + widths.reduce((sum, width) => sum + width + 2, 0))))
      const text = row(names[at] ?? '', cellsOf(line))
      out.push(line === receipt.total ? paint.bold(text) : line.hasLoss ? paint.red(text) : line.noisy ? paint.yellow(text) : text)
    }
  }
  for (const note of receipt.notes) out.push(paint.dim(`${INDENT}${printable(note)}`))
  if (out.length > 0) out.push('')
  const verdict = `${INDENT}${printable(receipt.verdict)}`
  out.push(receipt.complete ? paint.green(verdict) : paint.red(verdict))
  if (receipt.price !== null) out.push(`${INDENT}${receipt.price}`)
  return out
}

// Unicode Standard Annex 11: these take two columns of a terminal
const WIDE = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\uff01-\uff60\u3000-\u303e]|\p{Emoji_Presentation}/u

/** Columns of a terminal that a text takes. */
export function widthOf(text: string): number {
  let width = 0
  for (const { segment } of new Intl.Segmenter().segment(text)) width += WIDE.test(segment) ? 2 : 1
  return width
}

const padded = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - widthOf(text)))

function shortened(text: string, width: number): string {
  if (widthOf(text) <= width) return text
  let kept = ''
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (widthOf(kept + segment) > width - 1) break
    kept += segment
  }
  return `${kept}…`
}
