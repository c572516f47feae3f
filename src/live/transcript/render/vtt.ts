import type { TranscriptDocument } from '../segment.js'
import { cues } from './cues.js'
import { clock } from './plain.js'

/** Source: WebVTT, W3C, "cue text": `&` and `<` open markup; `>` escaped leaves no `-->`. */
function literal(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

/** WebVTT: cues with the speaker as a voice. */
export function renderVtt(document: TranscriptDocument): string {
  const blocks = cues(document).map(
    (cue) => `${clock(cue.startMs, '.')} --> ${clock(cue.endMs, '.')}\n<v ${literal(cue.speaker)}>${literal(cue.text)}</v>\n`,
  )
  return ['WEBVTT\n', ...blocks].join('\n')
}
