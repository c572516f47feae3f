import type { TranscriptDocument } from '../segment.js'
import { cues } from './cues.js'
import { clock } from './plain.js'

/** SubRip has no escapes, and players take `<i>` and `{\an8}` for markup: look-alikes stand in for what would open it. */
function literal(text: string): string {
  return text
    .replaceAll('-->', '\u2192')
    .replace(/<(?=[a-z/!?])/gi, '\u2039')
    .replace(/\{(?=\\)/g, '(')
}

/** SubRip: numbered cues, `Name: text`. */
export function renderSrt(document: TranscriptDocument): string {
  const blocks = cues(document).map(
    (cue, index) =>
      `${index + 1}\n${clock(cue.startMs, ',')} --> ${clock(cue.endMs, ',')}\n${literal(cue.speaker)}: ${literal(cue.text)}\n`,
  )
  return blocks.length === 0 ? '\n' : blocks.join('\n')
}
