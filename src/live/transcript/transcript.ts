import type { Segment } from './segment.js'

/** By startMs, then endMs, then id: the order of every transcript. */
export function compareSegments(a: Segment, b: Segment): number {
  if (a.startMs !== b.startMs) return a.startMs - b.startMs
  if (a.endMs !== b.endMs) return a.endMs - b.endMs
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0
}

/**
 * The segments of one meeting, in order. Final ones are kept once by (session, utterance, part) and never replaced; interim ones are
 * kept apart, the last version of each utterance until its final comes.
 */
export class Transcript {
  readonly #finals: Segment[] = []
  readonly #known = new Set<string>()
  readonly #done = new Set<string>()
  readonly #interims = new Map<string, readonly Segment[]>()

  /** Takes the segments of final utterances; what is known already changes nothing. @returns those that were new */
  addFinal(segments: readonly Segment[]): Segment[] {
    const added: Segment[] = []
    for (const segment of segments) {
      const utterance = utteranceKey(segment)
      this.#done.add(utterance)
      this.#interims.delete(utterance)
      const key = JSON.stringify([utterance, segment.part])
      if (this.#known.has(key)) continue
      this.#known.add(key)
      this.#finals.splice(this.#placeOf(segment), 0, segment)
      added.push(segment)
    }
    return added
  }

  /**
   * Takes all segments of one interim utterance in place of its earlier version.
   * @returns false when a final of it is there already: nothing changes
   */
  setInterim(segments: readonly Segment[]): boolean {
    const [first] = segments
    if (!first) return false
    const utterance = utteranceKey(first)
    if (this.#done.has(utterance)) return false
    this.#interims.set(utterance, segments)
    return true
  }

  /** final segments in order; the same array until the next `addFinal` */
  get finals(): readonly Segment[] {
    return this.#finals
  }

  /** interim segments of utterances without a final, in order; fresh */
  get interims(): Segment[] {
    return [...this.#interims.values()].flat().sort(compareSegments)
  }

  #placeOf(segment: Segment): number {
    let low = 0
    let high = this.#finals.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compareSegments(this.#finals[middle] as Segment, segment) <= 0) low = middle + 1
      else high = middle
    }
    return low
  }
}

const utteranceKey = (segment: Segment): string => JSON.stringify([segment.sessionId, segment.utteranceId])
