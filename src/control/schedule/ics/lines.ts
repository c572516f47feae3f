/** One content line (RFC 5545, 3.1), unfolded. */
export interface ContentLine {
  /** upper case */
  readonly name: string
  /** names in upper case; values as they stand, without quotation marks */
  readonly params: ReadonlyMap<string, string>
  /** still escaped */
  readonly value: string
}

/** Longer values are attachments and the like: the rest is not looked at. */
const MAX_LINE_CHARS = 64 * 1024

/**
 * The content lines of a calendar, and the numbers (from 1) of those that are none. Reads each character once, whatever stands there.
 */
export function contentLines(text: string): { readonly lines: readonly ContentLine[]; readonly broken: readonly number[] } {
  const lines: ContentLine[] = []
  const broken: number[] = []
  let logical: string[] = []
  let length = 0
  let firstNumber = 1
  const flush = () => {
    const whole = logical.join('').slice(0, MAX_LINE_CHARS)
    if (whole.trim() !== '') {
      const line = contentLine(whole)
      if (line) lines.push(line)
      else broken.push(firstNumber)
    }
    logical = []
    length = 0
  }
  let number = 0
  for (const physical of text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/)) {
    number++
    const isContinued = physical.startsWith(' ') || physical.startsWith('\t')
    if (!isContinued) {
      flush()
      firstNumber = number
    }
    if (length < MAX_LINE_CHARS) logical.push(isContinued ? physical.slice(1) : physical)
    length += physical.length
  }
  flush()
  return { lines, broken }
}

/** A line `NAME;PARAM=value;PARAM="quoted: value":text`; null: it is none. */
function contentLine(text: string): ContentLine | null {
  let at = nameEnd(text, 0)
  const name = text.slice(0, at).toUpperCase()
  if (name === '') return null
  const params = new Map<string, string>()
  while (text[at] === ';') {
    const end = nameEnd(text, at + 1)
    if (text[end] !== '=') return null
    const value = paramEnd(text, end + 1)
    params.set(text.slice(at + 1, end).toUpperCase(), text.slice(end + 1, value).replaceAll('"', ''))
    at = value
  }
  if (text[at] !== ':') return null
  return { name, params, value: text.slice(at + 1) }
}

function nameEnd(text: string, from: number): number {
  let at = from
  while (at < text.length && /[\w.-]/.test(text[at] ?? '')) at++
  return at
}

/** Quoted values may hold what otherwise ends one. */
function paramEnd(text: string, from: number): number {
  let isQuoted = false
  let at = from
  for (; at < text.length; at++) {
    const char = text[at]
    if (char === '"') isQuoted = !isQuoted
    else if (!isQuoted && (char === ';' || char === ':')) break
  }
  return at
}

/** The text of an escaped value (RFC 5545, 3.3.11). */
export function unescapeText(value: string): string {
  return value.replace(/\\([\\;,nN])/g, (_, char: string) => (char === 'n' || char === 'N' ? '\n' : char))
}
