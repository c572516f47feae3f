/** Words as they are compared: lower case, without punctuation. */
export const spokenWords = (text: string): string[] =>
  text
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}' ]/gu, ' ')
    .split(/\s+/)
    .filter((word) => word !== '')

/** Word error rate: insertions, deletions and substitutions over the words of the reference. */
export function wordErrorRate(reference: string, heard: string): number {
  const wanted = spokenWords(reference)
  const got = spokenWords(heard)
  let row = Array.from({ length: got.length + 1 }, (_, at) => at)
  for (const [line, word] of wanted.entries()) {
    const next = [line + 1]
    for (const [at, other] of got.entries()) {
      next.push(Math.min((row[at + 1] ?? 0) + 1, (next[at] ?? 0) + 1, (row[at] ?? 0) + (word === other ? 0 : 1)))
    }
    row = next
  }
  return (row.at(-1) ?? 0) / Math.max(1, wanted.length)
}
