import type { Identity } from '../../../core/ids.js'
import type { TranscriptDocument } from '../segment.js'
import { oneLine, UNKNOWN } from './plain.js'

/**
 * The document with names that tell its people apart: of two identities shown under one name the one that comes later in the
 * transcript gets a number, "Alex (2)", never one that makes somebody else's name. Nobody is shown as unknown speakers are. Other
 * names stay as they are.
 */
export function withDistinctNames(document: TranscriptDocument): TranscriptDocument {
  const shown = new Map<Identity, string>()
  for (const { identity, name } of [...document.segments, ...document.coverage]) {
    if (identity !== null && !shown.has(identity)) shown.set(identity, oneLine(name ?? '') || oneLine(identity) || UNKNOWN)
  }
  const numbered = new Map<Identity, string>()
  // a number may not make a name that somebody bears already
  const borne = new Set([UNKNOWN, ...shown.values()])
  const given = new Set([UNKNOWN])
  for (const [identity, name] of shown) {
    let label = name
    for (let number = 2; given.has(label) || (label !== name && borne.has(label)); number++) label = `${name} (${number})`
    given.add(label)
    if (label !== name) numbered.set(identity, label)
  }
  if (numbered.size === 0) return document
  return {
    ...document,
    segments: document.segments.map((segment) => {
      const label = segment.identity === null ? undefined : numbered.get(segment.identity)
      return label === undefined ? segment : { ...segment, name: label }
    }),
    coverage: document.coverage.map((row) => {
      const label = numbered.get(row.identity)
      return label === undefined ? row : { ...row, name: label }
    }),
  }
}
