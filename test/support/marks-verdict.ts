import { parseMarkWord } from '../../src/speech-server/engine/marks/codec.js'

/** A mark that came back as a word under a name. */
export interface ReturnedMark {
  readonly who: number
  readonly n: number
  readonly identity: string | null
  readonly startMs: number
  readonly endMs: number
  /** where it was heard, for explaining */
  readonly sessionId: string
  readonly channel: number
}

/** A mark as its speaker's log has it. */
export interface SpokenMark {
  readonly who: number
  readonly n: number
  /** when its sound began, monotonic ms of the speaker's host */
  readonly playMs: number
}

/** A whole mark reads 152 +- 2 ms; below this something of it is missing. */
export const WHOLE_MARK_MS = 140
/** Two pieces of one mark are together no longer than it, as long as it ever reads. */
const LONGEST_MARK_MS = 160
/** the same of one that was cut where a stall of the media was: in meeting time the stall is in the length of a piece */
const LONGEST_STALLED_MS = 300
/** how exactly the place of a cut is read */
const CUT_MS = 3
/** Who said nothing for this long begins anew: an onset. */
const ONSET_SILENCE_MS = 1_000
/** from the start of a mark to the start of the next one of the same turn */
const STEP_MS = 200

/** Marks in a transcript, word by word. */
export function returnedMarks(
  segments: readonly {
    readonly identity: string | null
    readonly sessionId: string
    readonly channel: number
    readonly words: readonly { readonly text: string; readonly startMs: number; readonly endMs: number }[]
  }[],
): ReturnedMark[] {
  return segments.flatMap(({ identity, sessionId, channel, words }) =>
    words.flatMap((word) => {
      const mark = parseMarkWord(word.text)
      return mark === null ? [] : [{ ...mark, identity, sessionId, channel, startMs: word.startMs, endMs: word.endMs }]
    }),
  )
}

/** What a run of marks shows. */
export interface MarksVerdict {
  readonly expected: number
  readonly returned: number
  /** people who spoke outside the stated moments */
  readonly speakers: number
  /** under another person's name, or under none */
  readonly wrong: readonly ReturnedMark[]
  readonly doubled: readonly ReturnedMark[]
  readonly missing: readonly SpokenMark[]
  /** marks that nobody spoke */
  readonly foreign: readonly ReturnedMark[]
  /** came back shorter than they were spoken: the receiver of the room (NetEq) drops 40 ms here and there to catch up */
  readonly cut: readonly ReturnedMark[]
  /** place in the meeting against the speaker's log, the median taken off, absolute, ms, ascending */
  readonly positionErrorMs: readonly number[]
  /** that median: meeting ms less monotonic ms, the way of the sound included */
  readonly clockMs: number
  /** turns that began after at least 1 s of silence, and those of which the first mark came back whole under the right name */
  readonly onsets: { readonly count: number; readonly complete: number; readonly incomplete: readonly SpokenMark[] }
}

const keyOf = (mark: { readonly who: number; readonly n: number }): string => `${mark.who}/${mark.n}`

/**
 * Compares what was spoken with what came back.
 * @param spoken marks that reached an open microphone, outside the stated moments
 * @param stated marks that may or may not come back, whole or cut (the onset of a join, the moment of a mute)
 * @param identityOf who a number is
 */
export function marksVerdict(
  spoken: readonly SpokenMark[],
  stated: readonly SpokenMark[],
  returned: readonly ReturnedMark[],
  identityOf: (who: number) => string | undefined,
): MarksVerdict {
  const wanted = new Map(spoken.map((mark) => [keyOf(mark), mark]))
  const allowed = new Set(stated.map(keyOf))
  const seen = new Map<string, ReturnedMark>()
  const doubled: ReturnedMark[] = []
  for (const mark of returned) {
    const first = seen.get(keyOf(mark))
    if (!first) seen.set(keyOf(mark), mark)
    else if (!isTorn(first, mark)) doubled.push(mark)
  }
  const offsets = returned
    .flatMap((mark) => {
      const own = wanted.get(keyOf(mark))
      return own ? [mark.startMs - own.playMs] : []
    })
    .toSorted((a, b) => a - b)
  const clockMs = offsets[Math.floor(offsets.length / 2)] ?? 0
  const isWhole = (mark: ReturnedMark) => mark.endMs - mark.startMs >= WHOLE_MARK_MS
  const onsets = onsetsOf(spoken, stated)
  const incomplete = onsets.filter((mark) => {
    const back = seen.get(keyOf(mark))
    return !back || !isWhole(back) || back.identity !== identityOf(mark.who)
  })
  return {
    expected: wanted.size,
    returned: returned.length,
    speakers: new Set(spoken.map(({ who }) => who)).size,
    wrong: returned.filter((mark) => mark.identity !== identityOf(mark.who)),
    doubled,
    missing: spoken.filter((mark) => !seen.has(keyOf(mark))),
    foreign: returned.filter((mark) => !wanted.has(keyOf(mark)) && !allowed.has(keyOf(mark))),
    cut: returned.filter((mark) => wanted.has(keyOf(mark)) && !isWhole(mark)),
    positionErrorMs: offsets.map((offset) => Math.abs(offset - clockMs)).toSorted((a, b) => a - b),
    clockMs,
    onsets: { count: onsets.length, complete: onsets.length - incomplete.length, incomplete },
  }
}

/**
 * A mark into which a stall of the media fell, or a change of bots: it was heard once, in two pieces. Where one session's piece ends and another's
 * goes on at that very moment, nothing was sent to both.
 */
function isTorn(one: ReturnedMark, other: ReturnedMark): boolean {
  const lengths = [one, other].map(({ startMs, endMs }) => endMs - startMs)
  const apartMs = Math.max(one.startMs, other.startMs) - Math.min(one.endMs, other.endMs)
  const isCut = one.sessionId !== other.sessionId && Math.abs(apartMs) <= CUT_MS
  if (apartMs < 0 && !isCut) return false
  return (
    lengths.every((ms) => ms < WHOLE_MARK_MS) && lengths.reduce((sum, ms) => sum + ms, 0) <= (isCut ? LONGEST_STALLED_MS : LONGEST_MARK_MS)
  )
}

/** First marks of turns after a silence; those at stated moments are none, but sound they are. */
function onsetsOf(spoken: readonly SpokenMark[], stated: readonly SpokenMark[]): SpokenMark[] {
  const lastMs = new Map<number, number>()
  const isStated = new Set(stated)
  return [...spoken, ...stated]
    .toSorted((a, b) => a.playMs - b.playMs)
    .filter((mark) => {
      const silentMs = mark.playMs - (lastMs.get(mark.who) ?? Number.NEGATIVE_INFINITY) - STEP_MS
      lastMs.set(mark.who, mark.playMs)
      return silentMs >= ONSET_SILENCE_MS && !isStated.has(mark)
    })
}
