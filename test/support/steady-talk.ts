import type { PlayEvent } from '../../src/standins/actors/play-event.js'
import type { Script, Step } from '../../src/standins/actors/script.js'
import type { Gap } from '../../src/live/audio/span.js'
import { identityOf } from './eight-people.js'
import { marksVerdict, returnedMarks, WHOLE_MARK_MS, type MarksVerdict, type ReturnedMark, type SpokenMark } from './marks-verdict.js'
import { spokenMarks } from './spoken-marks.js'

const TURN_SLOTS = 9
const TURN_MS = 2_800
const PEOPLE = 3
/** Of all of them, as long as the talk goes on. */
export const MARKS_PER_SEC = (PEOPLE * TURN_SLOTS * 1000) / TURN_MS

/** Three people who take turns of 1.8 s with pauses of 1 s, so shifted that somebody always speaks. */
export function steadyTalk(seconds: number): Script {
  const steps: Step[] = []
  for (let atMs = 600; atMs + TURN_MS < seconds * 1000; atMs += TURN_MS) {
    for (let who = 0; who < PEOPLE; who++) {
      steps.push({ atMs: atMs + Math.round((who * TURN_MS) / PEOPLE / 200) * 200, actor: identityOf(who), do: 'marks', slots: TURN_SLOTS })
    }
  }
  const cast = ['Ann', 'Bob', 'Cyd'].map((name, who) => ({ identity: identityOf(who), name, who, voice: 'rms' as const }))
  return { cast, steps: steps.filter(({ atMs }) => atMs + TURN_MS < seconds * 1000), lengthMs: seconds * 1000 }
}

/** What became of a talk during which bots came and went. */
export interface TalkVerdict extends MarksVerdict {
  /** spoken, not returned, not in a gap of that person either, and not under way to us when the meeting was ended */
  readonly lost: readonly SpokenMark[]
  /** spoken, not returned, and told of as a gap */
  readonly inGaps: readonly SpokenMark[]
  /** came back under another person's name, or nobody spoke them */
  readonly misattributed: readonly ReturnedMark[]
  /** came back, and who said them is said to be unknown */
  readonly unnamed: readonly ReturnedMark[]
}

const EDGE_MS = 400
/**
 * Which of the frames around a loss on the way to us went missing is known to the 2 s that it takes to tell it from lateness (live/audio, A11), a
 * frame of 0.1 s, and what was under way (0.2 s); and a mark is 0.15 s long.
 */
const NOT_RECEIVED_EDGE_MS = 2_450

/** @param untilMs what was played after it does not count, monotonic ms: the meeting was being ended */
export function talkVerdict(
  script: Script,
  events: readonly PlayEvent[],
  segments: Parameters<typeof returnedMarks>[0],
  gaps: readonly Gap[],
  untilMs: number,
): TalkVerdict {
  const { spoken, stated } = spokenMarks(events, script.cast)
  const early = spoken.filter(({ playMs }) => playMs < untilMs)
  const late = spoken.filter(({ playMs }) => playMs >= untilMs)
  const returned = returnedMarks(segments)
  const verdict = marksVerdict(early, [...stated, ...late], returned, identityOf)
  const isInGap = ({ who, playMs }: SpokenMark) => {
    const atMs = playMs + verdict.clockMs
    return gaps.some(({ identity, fromMs, toMs, reason }) => {
      const edgeMs = reason === 'not_received' ? NOT_RECEIVED_EDGE_MS : EDGE_MS
      return identity === identityOf(who) && fromMs < atMs + edgeMs && toMs > atMs - edgeMs
    })
  }
  // after a stall the way is longer, and a receiver catches up in pauses only: how late somebody's sound was at last
  const wasUnderWay = ({ who, playMs }: SpokenMark) => {
    const last = returned
      .filter((mark) => mark.who === who)
      .toSorted((a, b) => a.n - b.n)
      .at(-1)
    const lastMs = spoken.find((mark) => mark.who === who && mark.n === last?.n)?.playMs
    return last !== undefined && lastMs !== undefined && playMs >= lastMs && playMs + last.startMs - lastMs - verdict.clockMs >= untilMs
  }
  // the sender or the media server stood still in the midst of a mark: its beginning is before the gap, its end behind it, one of them stretched
  const isAcrossGap = (again: ReturnedMark) =>
    returned.some(
      (first) =>
        first.who === again.who &&
        first.n === again.n &&
        first.endMs < again.startMs &&
        Math.min(first.endMs - first.startMs, again.endMs - again.startMs) < WHOLE_MARK_MS &&
        gaps.some(({ identity, fromMs, toMs }) => identity === again.identity && fromMs <= first.endMs && toMs >= again.startMs),
    )
  return {
    ...verdict,
    doubled: verdict.doubled.filter((mark) => !isAcrossGap(mark)),
    lost: verdict.missing.filter((mark) => !isInGap(mark) && !wasUnderWay(mark)),
    inGaps: verdict.missing.filter(isInGap),
    misattributed: [...verdict.wrong.filter(({ identity }) => identity !== null), ...verdict.foreign],
    unnamed: verdict.wrong.filter(({ identity }) => identity === null),
  }
}
