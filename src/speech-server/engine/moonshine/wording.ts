import type { EngineWord } from '../port.js'
import type { Recognition } from './recogniser.js'

/** Below this mean the text is what the model makes of noise. */
const MIN_CONFIDENCE = 0.3
/** Longest phrase that a runaway decoder repeats. */
const MAX_PHRASE = 8

/** Words with times and confidences. */
export interface Wording {
  readonly text: string
  readonly words: readonly EngineWord[]
  readonly confidence: number
}

/**
 * The words of a recognition, or null when it is not speech: empty, without a letter, or less sure than noise is.
 * Times are spread over the segment by letters, since the recogniser gives none. A decoder that had to be stopped repeats itself:
 * of its repetitions one stays.
 */
export function wordingOf(recognition: Recognition, startSec: number, endSec: number): Wording | null {
  const spoken = recognition.text.split(/\s+/).filter((word) => word !== '')
  const kept = recognition.runaway ? withoutRepeats(spoken) : spoken
  if (!kept.some((word) => /[\p{L}\p{N}]/u.test(word))) return null
  const confidences = kept.map((_, at) => Math.max(0, Math.min(1, recognition.confidences[at] ?? 0)))
  const confidence = confidences.reduce((sum, each) => sum + each, 0) / kept.length
  if (confidence < MIN_CONFIDENCE) return null
  return { text: kept.join(' '), words: spread(kept, confidences, startSec, endSec), confidence }
}

function spread(words: readonly string[], confidences: readonly number[], startSec: number, endSec: number): EngineWord[] {
  const letters = (word: string): number => Math.max(1, word.replaceAll(/[^\p{L}\p{N}]/gu, '').length)
  const whole = words.reduce((sum, word) => sum + letters(word), 0)
  let spoken = 0
  return words.map((word, at) => {
    const from = startSec + ((endSec - startSec) * spoken) / whole
    spoken += letters(word)
    return { word, startSec: from, endSec: startSec + ((endSec - startSec) * spoken) / whole, confidence: confidences[at] ?? 0 }
  })
}

/** Cuts the end after a phrase that is said more than twice in a row, up to the end. */
function withoutRepeats(words: readonly string[]): readonly string[] {
  for (let length = 1; length <= MAX_PHRASE; length++) {
    let from = words.length
    while (from - length - 1 >= 0 && words[from - 1] === words[from - 1 - length]) from--
    if (words.length - from >= 2 * length) return words.slice(0, from)
  }
  return words
}
