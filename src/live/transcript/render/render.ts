import type { TranscriptDocument } from '../segment.js'
import { renderJson } from './json.js'
import { renderMd } from './md.js'
import { withDistinctNames } from './speakers.js'
import { renderSrt } from './srt.js'
import { renderTxt } from './txt.js'
import { renderVtt } from './vtt.js'

/** The formats of a transcript. */
export const RENDER_FORMATS = ['json', 'txt', 'md', 'srt', 'vtt'] as const
export type RenderFormat = (typeof RENDER_FORMATS)[number]

const RENDERERS: Readonly<Record<RenderFormat, (document: TranscriptDocument) => string>> = {
  // it has identities: names stay as they are
  json: renderJson,
  txt: (document) => renderTxt(withDistinctNames(document)),
  md: (document) => renderMd(withDistinctNames(document)),
  srt: (document) => renderSrt(withDistinctNames(document)),
  vtt: (document) => renderVtt(withDistinctNames(document)),
}

/** The transcript as text of a format, ended by a newline. Names and texts may hold anything: they cannot break out of their place. */
export function renderTranscript(document: TranscriptDocument, format: RenderFormat): string {
  return RENDERERS[format](document)
}
