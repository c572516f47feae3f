/** A half-open stretch of numbers. */
export type Range = readonly [from: number, to: number]

/** The same stretches in order, those that touch joined, empty ones left out; fresh. */
export function merged(ranges: readonly Range[]): Range[] {
  const out: [number, number][] = []
  for (const [from, to] of ranges.toSorted((a, b) => a[0] - b[0])) {
    if (!(to > from)) continue
    const last = out.at(-1)
    if (last && from <= last[1]) last[1] = Math.max(last[1], to)
    else out.push([from, to])
  }
  return out
}

/** What two merged lists have in common, merged. */
export function common(a: readonly Range[], b: readonly Range[]): Range[] {
  const out: Range[] = []
  for (let left = 0, right = 0; left < a.length && right < b.length;) {
    const [fromA, toA] = a[left] as Range
    const [fromB, toB] = b[right] as Range
    if (Math.min(toA, toB) > Math.max(fromA, fromB)) out.push([Math.max(fromA, fromB), Math.min(toA, toB)])
    if (toA < toB) left++
    else right++
  }
  return out
}

/** What of the first merged list is not in the second, merged. */
export function without(a: readonly Range[], b: readonly Range[]): Range[] {
  const out: Range[] = []
  let at = 0
  for (const [from, to] of a) {
    let rest = from
    while (at < b.length && (b[at] as Range)[1] <= from) at++
    for (let index = at; index < b.length && (b[index] as Range)[0] < to; index++) {
      const [cutFrom, cutTo] = b[index] as Range
      if (cutFrom > rest) out.push([rest, cutFrom])
      rest = Math.max(rest, cutTo)
    }
    if (rest < to) out.push([rest, to])
  }
  return out
}

/** Sum of the lengths of a merged list. */
export function lengthOf(ranges: readonly Range[]): number {
  return ranges.reduce((sum, [from, to]) => sum + to - from, 0)
}
