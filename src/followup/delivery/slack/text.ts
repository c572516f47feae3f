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
  return text.length <= max ? text : `${text.slice(0, cutPoint(text, 0, max - 1))}…`
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
const ENTITY = /&(?:amp|lt|gt);/y
const LONGEST_ENTITY = 5
/** how far a grapheme is looked at beyond the cut */
const LOOK_AHEAD = 64

function splitAt(text: string, max: number): string[] {
  const out: string[] = []
  for (let at = 0; at < text.length;) {
    const end = cutPoint(text, at, max)
    out.push(text.slice(at, end))
    at = end
  }
  return out.length === 0 ? [''] : out
}

/** The last place, at most `max` after `at`, that is inside no grapheme and no escape; `max` when there is none. */
function cutPoint(text: string, at: number, max: number): number {
  const hard = at + max
  if (hard >= text.length) return text.length
  const grapheme = graphemes.segment(text.slice(at, hard + LOOK_AHEAD)).containing(max)
  // a grapheme as long as a piece exists only in hostile text: it is cut
  const end = at + (grapheme?.index || max)
  const escape = text.lastIndexOf('&', end - 1)
  if (escape <= at || escape <= end - LONGEST_ENTITY) return end
  ENTITY.lastIndex = escape
  return ENTITY.test(text) && ENTITY.lastIndex > end ? escape : end
}
