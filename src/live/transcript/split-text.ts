/**
 * Cuts a text where its words are divided into parts, keeping punctuation and whatever stands between words as it was.
 * Words that are not found in the text, in order, make it be put together from the words, a space between.
 * @returns one trimmed text a part; the whole text when there is one part
 */
export function splitText(text: string, parts: readonly (readonly string[])[]): string[] {
  if (parts.length <= 1) return [text.trim()]
  const starts: number[] = []
  let at = 0
  for (const words of parts) {
    for (const [number, word] of words.entries()) {
      const found = text.indexOf(word, at)
      if (found === -1) return parts.map((part) => part.join(' ').trim())
      // what opens a quotation stands between a space and the word
      if (number === 0) starts.push(found - (/\s(\S*)$/.exec(text.slice(at, found))?.[1]?.length ?? 0))
      at = found + word.length
    }
  }
  return starts.map((start, part) => text.slice(part === 0 ? 0 : start, starts[part + 1]).trim())
}
