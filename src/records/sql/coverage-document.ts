import type { CoverageRow, Doubt } from '../../live/transcript/segment.js'
import type { StoredCoverage } from '../port.js'

/** What a row had from the beginning. */
type FirstRow = Pick<CoverageRow, 'identity' | 'name' | 'speechMs' | 'sentMs' | 'acknowledgedMs' | 'returnedMs' | 'lostMs' | 'gaps'>

/** The jsonb of a meeting's coverage: rows alone in what was written before doubts were. */
export type CoverageDocument = { readonly rows: readonly CoverageRow[]; readonly doubts: readonly Doubt[] } | readonly FirstRow[]

/** Coverage from its document. What an old one does not tell is 0. */
export function coverageOf(document: CoverageDocument, complete: boolean): StoredCoverage {
  if ('rows' in document) return { rows: document.rows, complete, doubts: document.doubts }
  return { rows: document.map(completed), complete, doubts: [] }
}

function completed(row: FirstRow): CoverageRow {
  const sentSpeechMs = Math.max(0, row.speechMs - row.lostMs)
  return {
    ...row,
    sentSpeechMs,
    acknowledgedSpeechMs: 0,
    returnedSpeechMs: 0,
    lostBy: {},
    waitingMs: 0,
    unaccountedMs: row.speechMs - row.lostMs - sentSpeechMs,
    unheardMs: 0,
    presentMs: 0,
    waits: { count: 0, totalMs: 0, maxMs: 0 },
    noisy: false,
  }
}
