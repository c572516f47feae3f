import { parseMarkWord } from '../../src/speech-server/engine/marks/codec.js'

/** A mark that came back as a word under a name. */
export interface ReturnedMark {
  readonly who: number
  readonly n: number
  readonly identity: string | null
  readonly startMs: number
  readonly endMs: number
}

/** Marks in a transcript, word by word. */
export function returnedMarks(
  segments: readonly {
    readonly identity: string | null
    readonly words: readonly { readonly text: string; readonly startMs: number; readonly endMs: number }[]
  }[],
): ReturnedMark[] {
  return segments.flatMap(({ identity, words }) =>
    words.flatMap((word) => {
      const mark = parseMarkWord(word.text)
      return mark === null ? [] : [{ ...mark, identity, startMs: word.startMs, endMs: word.endMs }]
    }),
  )
}

/** What a run of marks shows. */
export interface MarksVerdict {
  readonly expected: number
  readonly returned: number
  /** under another person's name, or under none */
  readonly wrong: readonly ReturnedMark[]
  readonly doubled: readonly ReturnedMark[]
  readonly missing: readonly { readonly who: number; readonly n: number }[]
  /** marks that nobody spoke */
  readonly foreign: readonly ReturnedMark[]
  /** |position - median position|, ms, ascending */
  readonly positionErrorMs: readonly number[]
}

/**
 * Compares what was spoken with what came back.
 * @param spoken marks that reached an open microphone, outside the stated onsets
 * @param optional marks that may or may not come back (the onset of a join, the moment of a mute)
 * @param identityOf who a number is
 */
export function marksVerdict(
  spoken: readonly { readonly who: number; readonly n: number }[],
  optional: readonly { readonly who: number; readonly n: number }[],
  returned: readonly ReturnedMark[],
  identityOf: (who: number) => string | undefined,
): MarksVerdict {
  const key = (mark: { who: number; n: number }) => `${mark.who}/${mark.n}`
  const wanted = new Set(spoken.map(key))
  const allowed = new Set(optional.map(key))
  const seen = new Set<string>()
  const doubled: ReturnedMark[] = []
  for (const mark of returned) {
    if (seen.has(key(mark))) doubled.push(mark)
    seen.add(key(mark))
  }
  const offsets = returned.map((mark) => mark.startMs - mark.n * 200).toSorted((a, b) => a - b)
  const median = offsets[Math.floor(offsets.length / 2)] ?? 0
  return {
    expected: wanted.size,
    returned: returned.length,
    wrong: returned.filter((mark) => mark.identity !== identityOf(mark.who)),
    doubled,
    missing: spoken.filter((mark) => !seen.has(key(mark))),
    foreign: returned.filter((mark) => !wanted.has(key(mark)) && !allowed.has(key(mark))),
    positionErrorMs: offsets.map((offset) => Math.abs(offset - median)).toSorted((a, b) => a - b),
  }
}
