/** Where a search was found in a text: half-open ranges of UTF-16 units of that text, in order, apart from each other. */
export type Ranges = readonly (readonly [number, number])[]

/** A text in the form in which it is searched: without case and accents, and where each unit of it came from. */
interface Folded {
  readonly text: string
  /** for each unit of `text`, and for its end: the unit of the original that it came from */
  readonly from: readonly number[]
}

function fold(original: string): Folded {
  let text = ''
  const from: number[] = []
  let at = 0
  for (const char of original) {
    const plain = char.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase()
    for (let unit = 0; unit < plain.length; unit++) from.push(at)
    text += plain
    at += char.length
  }
  from.push(at)
  return { text, from }
}

/** A search that is used for many texts. */
export class Search {
  readonly #wanted: string

  /** @param query as typed; space at its ends does not count */
  constructor(query: string) {
    this.#wanted = fold(query.trim()).text
  }

  /** Whether there is nothing to search for. */
  get isEmpty(): boolean {
    return this.#wanted === ''
  }

  /** @returns where the query stands in the text, whatever its case and accents */
  in(text: string): Ranges {
    if (this.isEmpty) return []
    if (ASCII.test(text)) return plainRanges(text.toLowerCase(), this.#wanted)
    const folded = fold(text)
    const ranges: [number, number][] = []
    for (let at = folded.text.indexOf(this.#wanted); at !== -1; at = folded.text.indexOf(this.#wanted, at + this.#wanted.length)) {
      const start = folded.from[at] ?? 0
      const last = folded.from[at + this.#wanted.length] ?? text.length
      // a match that ends inside of a letter that became two takes that letter whole
      const isInside = folded.from[at + this.#wanted.length - 1] === last
      ranges.push([start, isInside ? last + charLength(text, last) : last])
    }
    return ranges
  }
}

/** Most text has one unit a letter in any case: no need to look at each of them. */
const ASCII = /^[\0-\x7f]*$/

function plainRanges(text: string, wanted: string): Ranges {
  const ranges: [number, number][] = []
  for (let at = text.indexOf(wanted); at !== -1; at = text.indexOf(wanted, at + wanted.length)) ranges.push([at, at + wanted.length])
  return ranges
}

const charLength = (text: string, at: number): number => ((text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1)
