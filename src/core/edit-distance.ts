/** Fewest insertions, deletions and substitutions that turn `from` into `to`, element by element (Levenshtein, 1966). */
export function editDistance(from: readonly string[], to: readonly string[]): number {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at)
  for (const [line, one] of from.entries()) {
    const next = [line + 1]
    for (const [at, other] of to.entries()) {
      next.push(Math.min((row[at] ?? 0) + (one === other ? 0 : 1), (row[at + 1] ?? 0) + 1, (next[at] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}
