import type { Identity } from '../../core/ids.js'
import type { Gap, GapReason } from '../audio/span.js'
import { nothingHeard, totalOf, type Coverage } from './coverage.js'
import { unheardTimes } from './losses.js'
import { lengthOf, merged, type Range } from './ranges.js'
import type { CoverageRow, Doubt } from './segment.js'

/** Stored gaps and what is known beside them. */
export interface StoredBesides {
  readonly gaps: readonly Gap[]
  /** as last known; the identity stands for a missing one */
  readonly names: ReadonlyMap<Identity, string>
}

/** Coverage as it was stored, or made. */
export interface CoverageSoFar {
  readonly rows: readonly CoverageRow[]
  readonly complete: boolean
  readonly doubts: readonly Doubt[]
}

/**
 * Coverage with every gap that is stored, those of bots before this one too, each once; who is known by a gap alone gets a row. A row that
 * has its gaps already stays as it is.
 */
export function withGaps(before: CoverageSoFar, { gaps, names }: StoredBesides): Coverage {
  const { rows } = before
  const known = new Set(rows.map(({ identity }) => identity))
  const added = [...new Set(gaps.map(({ identity }) => identity))].filter((identity) => !known.has(identity))
  const all = [...rows, ...added.map((identity) => nothingHeard(identity, names.get(identity) ?? identity))].map((row) => gapped(row, gaps))
  const doubts = [...before.doubts]
  if (!doubts.includes('gaps') && all.some((row) => row.gaps.length > 0)) doubts.push('gaps')
  return { rows: all, complete: before.complete && doubts.length === before.doubts.length, doubts }
}

/** The rows of several bots as one a person: amounts add up, and with them both sides of the conservation. The last name counts. */
export function added(shares: readonly (readonly CoverageRow[])[]): CoverageRow[] {
  const rows = new Map<Identity, CoverageRow>()
  for (const row of shares.flat()) {
    const before = rows.get(row.identity)
    rows.set(row.identity, before ? sumOf(before, row) : row)
  }
  return [...rows.values()]
}

function sumOf(before: CoverageRow, row: CoverageRow): CoverageRow {
  const { identity, name } = row
  const sum = { ...totalOf([before, row]), identity, name, noisy: before.noisy || row.noisy }
  return withTheseGaps(sum, joined([...before.gaps, ...row.gaps]))
}

/** The rows, and one for everybody else who was there. */
export function withEverybody(rows: readonly CoverageRow[], names: ReadonlyMap<Identity, string>): CoverageRow[] {
  const known = new Set(rows.map(({ identity }) => identity))
  const silent = [...names].filter(([identity]) => !known.has(identity))
  return [...rows, ...silent.map(([identity, name]) => nothingHeard(identity, name))]
}

function gapped(row: CoverageRow, stored: readonly Gap[]): CoverageRow {
  const own = stored.filter(({ identity }) => identity === row.identity)
  const isKnown = ({ reason, fromMs, toMs }: Gap) =>
    row.gaps.some((gap) => gap.reason === reason && gap.fromMs <= fromMs && gap.toMs >= toMs)
  if (own.every(isKnown)) return row
  return withTheseGaps(row, joined([...row.gaps, ...own]))
}

const withTheseGaps = (row: Omit<CoverageRow, 'gaps'>, gaps: readonly Gap[]): CoverageRow => ({
  ...row,
  gaps,
  unheardMs: Math.ceil(lengthOf(unheardTimes(gaps))),
})

/** Gaps of one person in order of time; those of one reason that touch are one. */
function joined(gaps: readonly Gap[]): Gap[] {
  const byReason = new Map<GapReason, Range[]>()
  for (const { reason, fromMs, toMs } of gaps) byReason.set(reason, [...(byReason.get(reason) ?? []), [fromMs, toMs]])
  const identity = gaps.map((gap) => gap.identity).at(0)
  if (identity === undefined) return []
  return [...byReason]
    .flatMap(([reason, ranges]) => merged(ranges).map(([fromMs, toMs]): Gap => ({ identity, fromMs, toMs, reason })))
    .toSorted((a, b) => a.fromMs - b.fromMs || a.toMs - b.toMs)
}
