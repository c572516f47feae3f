import { editDistance } from '../../src/core/edit-distance.js'

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
  return editDistance(wanted, spokenWords(heard)) / Math.max(1, wanted.length)
}
