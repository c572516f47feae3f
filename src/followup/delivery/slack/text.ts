import type { TranscriptDocument } from '../../../live/transcript/segment.js'

/**
 * Escapes what Slack's mrkdwn treats as control: `&`, `<`, `>`. That also disarms `<!channel>` and `<@U1>`.
 * Source: Slack, "Formatting text for app surfaces", section "Escaping text"
 */
export const escapeText = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/** A time of the meeting as m:ss, or h:mm:ss from an hour on. */
export function clockText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60]
  const rest = String(seconds % 60).padStart(2, '0')
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${rest}` : `${minutes}:${rest}`
}

/** The transcript, a line an utterance: `[m:ss] Name: text`. */
export function transcriptLines(transcript: TranscriptDocument): string[] {
  return transcript.segments.map((segment) => {
    const text = segment.text.replaceAll(/\s+/gu, ' ').trim()
    return `[${clockText(segment.startMs)}] ${segment.name ?? segment.identity ?? 'Unknown speaker'}: ${text}`
  })
}

/** Cuts text to a length in UTF-16 units at a grapheme boundary, with an ellipsis when something was cut. */
export function cut(text: string, max: number): string {
  return text.length <= max ? text : `${splitAt(text, max - 1)[0] ?? ''}…`
}

/**
 * Joins lines into pieces of at most `max` UTF-16 units each. Lines stay whole; one that is longer than a
 * piece is split between graphemes.
 */
export function pieces(lines: readonly string[], max: number): string[] {
  const out: string[] = []
  let piece = ''
  for (const part of lines.flatMap((line) => splitAt(line, max))) {
    if (piece !== '' && piece.length + 1 + part.length > max) {
      out.push(piece)
      piece = part
    } else piece = piece === '' ? part : `${piece}\n${part}`
  }
  if (piece !== '') out.push(piece)
  return out
}

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' })
/** `&amp;` and the like must not be cut in two */
const ENTITY = /&(?:amp|lt|gt);/y

function splitAt(text: string, max: number): string[] {
  if (text.length <= max) return [text]
  const out: string[] = []
  let piece = ''
  for (let at = 0; at < text.length;) {
    ENTITY.lastIndex = at
    const unit = ENTITY.exec(text)?.[0] ?? firstGrapheme(text, at)
    if (piece.length + unit.length > max) {
      out.push(piece)
      piece = ''
    }
    // a grapheme longer than a piece exists only in hostile text: cut it hard
    piece += unit.slice(0, max)
    at += unit.length
  }
  out.push(piece)
  return out
}

function firstGrapheme(text: string, at: number): string {
  // a bounded window: segmenting the rest of a long text for each step would be quadratic
  const [first] = graphemes.segment(text.slice(at, at + 64))
  return first?.segment ?? text.charAt(at)
}
