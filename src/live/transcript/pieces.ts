import type { Identity } from '../../core/ids.js'
import type { Gap } from '../audio/span.js'
import { merged, type Range } from './ranges.js'

/** A stretch of one person's time, ms of the meeting. */
type Piece = Pick<Gap, 'identity' | 'fromMs' | 'toMs'>

/** Pieces in a list; of more, those of a person that are nearest are taken as one. */
const MAX_PIECES = 200

/** Each moment of a person once; of too many pieces, those that are nearest as one. */
export function united(pieces: readonly Piece[]): readonly Piece[] {
  const people = new Map<Identity, Range[]>()
  for (const { identity, fromMs, toMs } of pieces) {
    const times = people.get(identity) ?? []
    times.push([fromMs, toMs])
    people.set(identity, times)
  }
  return bounded([...people].flatMap(([identity, times]) => merged(times).map(([fromMs, toMs]) => ({ identity, fromMs, toMs }))))
}

/** Whether two lists of `united` say the same. */
export function isSamePieces(one: readonly Piece[], other: readonly Piece[]): boolean {
  const keys = new Set(other.map(keyOf))
  return one.length === other.length && one.every((piece) => keys.has(keyOf(piece)))
}

const keyOf = ({ identity, fromMs, toMs }: Piece): string => `${fromMs} ${toMs} ${identity}`

function bounded(pieces: readonly Piece[]): readonly Piece[] {
  const excess = pieces.length - MAX_PIECES
  if (excess <= 0) return pieces
  const ordered = pieces.toSorted((a, b) => (a.identity === b.identity ? a.fromMs - b.fromMs : a.identity < b.identity ? -1 : 1))
  const pauses = ordered.flatMap((piece, at) => {
    const next = ordered[at + 1]
    return next?.identity === piece.identity ? [{ at, ms: next.fromMs - piece.toMs }] : []
  })
  const joined = new Set(
    pauses
      .toSorted((a, b) => a.ms - b.ms)
      .slice(0, excess)
      .map(({ at }) => at + 1),
  )
  const left: Piece[] = []
  for (const [at, piece] of ordered.entries()) {
    const before = joined.has(at) ? left.pop() : undefined
    left.push(before ? { ...piece, fromMs: before.fromMs } : piece)
  }
  return left
}
