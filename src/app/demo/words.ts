/** Words as the error rate counts them: lower case, no punctuation, apostrophes and hyphens out. */
export function wordsOf(text: string): readonly string[] {
  return (
    text
      .toLowerCase()
      .replace(/['’]/g, '')
      .match(/[\p{L}\p{N}]+/gu) ?? []
  )
}

/** Share of the heard words that come, in order, in what was said: 1 when all of them do (longest common subsequence). */
export function wordsInCommon(said: readonly string[], heard: readonly string[]): number {
  if (heard.length === 0) return 0
  let row = Array.from({ length: heard.length + 1 }, () => 0)
  for (const word of said) {
    const next = [0]
    for (let j = 1; j <= heard.length; j++) {
      next.push(word === heard[j - 1] ? (row[j - 1] ?? 0) + 1 : Math.max(row[j] ?? 0, next[j - 1] ?? 0))
    }
    row = next
  }
  return (row[heard.length] ?? 0) / heard.length
}

/** @param share 0..1 @returns null for no values */
export function percentile(values: readonly number[], share: number): number | null {
  if (values.length === 0) return null
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? null
}
