import { editDistance } from '../../core/edit-distance.js'
import { percentile, wordsInCommon, wordsOf } from './words.js'

/** What was really spoken, on one clock (monotonic ms). */
export interface SaidLine {
  readonly identity: string
  readonly text: string
  readonly startedMs: number
  readonly endedMs: number
}

/** What came back as final text, on the same clock. */
export interface HeardLine {
  readonly identity: string | null
  readonly text: string
  readonly startMs: number
  readonly endMs: number
  /** when the text was durable */
  readonly atMs: number
}

/** One person's part of the score. */
export interface PersonScore {
  readonly identity: string
  readonly saidWords: number
  readonly wordErrors: number
  readonly wordErrorRate: number
}

/** The score of a scripted meeting. */
export interface Score {
  readonly scriptedUtterances: number
  readonly segments: number
  readonly wrongName: number
  readonly unknownName: number
  readonly wordErrorRate: number
  readonly persons: readonly PersonScore[]
  /** from the end of speech to durable final text */
  readonly finalLagMs: { readonly p50: number | null; readonly p95: number | null }
}

/** Text may be placed this much beside the speech it came from. */
const SLACK_MS = 1_500
/** A text that fits somebody else this much better is that person's. */
const CLEARLY_BETTER = 0.25

const overlapMs = (a: { startMs: number; endMs: number }, b: SaidLine): number =>
  Math.min(a.endMs, b.endedMs + SLACK_MS) - Math.max(a.startMs, b.startedMs - SLACK_MS)

/** A name is wrong when its owner said nothing then, or when somebody else who spoke then said it clearly rather. */
function isWrongName(line: HeardLine, said: readonly SaidLine[]): boolean {
  const near = said.filter((one) => overlapMs(line, one) > 0)
  const words = wordsOf(line.text)
  const fit = (identity: string | null, own: boolean) =>
    Math.max(-1, ...near.filter((one) => (one.identity === identity) === own).map((one) => wordsInCommon(wordsOf(one.text), words)))
  const own = fit(line.identity, true)
  return own < 0 || fit(line.identity, false) > own + CLEARLY_BETTER
}

/** Lag of each scripted line: its last words are in the last final text that lies in it. */
function lagsMs(said: readonly SaidLine[], heard: readonly HeardLine[]): readonly number[] {
  const lags: number[] = []
  for (const one of said) {
    const texts = heard.filter(
      (line) =>
        line.identity === one.identity &&
        line.endMs > one.endedMs - SLACK_MS &&
        line.startMs < one.endedMs &&
        line.endMs < one.endedMs + SLACK_MS,
    )
    if (texts.length > 0) lags.push(Math.max(...texts.map((line) => line.atMs)) - one.endedMs)
  }
  return lags
}

/** Compares what was said with what came back. */
export function score(said: readonly SaidLine[], heard: readonly HeardLine[]): Score {
  const known = heard.filter((line) => line.identity !== null)
  const identities = [...new Set([...said.map((one) => one.identity), ...known.map((line) => line.identity ?? '')])]
  const persons = identities.map((identity) => {
    const wanted = said
      .filter((one) => one.identity === identity)
      .toSorted((a, b) => a.startedMs - b.startedMs)
      .flatMap((one) => wordsOf(one.text))
    const got = known
      .filter((line) => line.identity === identity)
      .toSorted((a, b) => a.startMs - b.startMs)
      .flatMap((line) => wordsOf(line.text))
    // NIST, Speech Recognition Scoring Toolkit, "word error rate"
    const errors = editDistance(wanted, got)
    return {
      identity,
      saidWords: wanted.length,
      wordErrors: errors,
      wordErrorRate: wanted.length === 0 ? (errors > 0 ? 1 : 0) : errors / wanted.length,
    }
  })
  const words = persons.reduce((sum, person) => sum + person.saidWords, 0)
  const errors = persons.reduce((sum, person) => sum + person.wordErrors, 0)
  const lags = lagsMs(said, heard)
  return {
    scriptedUtterances: said.length,
    segments: heard.length,
    wrongName: known.filter((line) => isWrongName(line, said)).length,
    unknownName: heard.length - known.length,
    wordErrorRate: words === 0 ? 0 : errors / words,
    persons,
    finalLagMs: { p50: percentile(lags, 0.5), p95: percentile(lags, 0.95) },
  }
}
