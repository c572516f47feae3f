import type { SummaryRecord } from '../../records/port.js'
import { totalOf } from '../../live/transcript/coverage.js'
import type { TranscriptDocument } from '../../live/transcript/segment.js'
import { score, type HeardLine, type SaidLine, type Score } from './score.js'

/** What `demo --json FILE` writes; other programs read it: numbers, never strings. */
export interface DemoReport extends Score {
  /** who is in the transcript's receipt; each of them in `persons` */
  readonly people: number
  readonly lostMs: number
  readonly lostMsByPerson: Readonly<Record<string, number>>
  /** voice heard, and covered by text */
  readonly speechMs: number
  readonly returnedSpeechMs: number
  /** longest wait for a channel */
  readonly longestWaitMs: number
  readonly billedChannelSec: number
  readonly channelEachSec: number
  readonly setupSec: number
  readonly firstWordSec: number
  readonly transcriptComplete: boolean
  readonly summaryLines: number
  readonly slackPosts: number
  readonly skippedSteps: number
  /** how late the speakers themselves were at the worst: above 500 the run says nothing about the bot */
  readonly speakersLateMs: number
}

/** Everything the report is made of. */
export interface DemoFacts {
  readonly said: readonly SaidLine[]
  readonly heard: readonly HeardLine[]
  readonly transcript: TranscriptDocument
  readonly summary: SummaryRecord | null
  readonly slackPosts: number
  readonly setupSec: number
  readonly firstWordSec: number
  /** steps of the script that could not be played: they make the run worthless */
  readonly failedSteps: number
  readonly speakersLateMs: number
}

/** Largest overall word error rate of a good run. */
export const MAX_WORD_ERROR_RATE = 0.15

export function report(facts: DemoFacts): DemoReport {
  const { coverage, billing } = facts.transcript
  const total = totalOf(coverage)
  return {
    ...score(facts.said, facts.heard),
    people: coverage.length,
    lostMs: total.lostMs,
    lostMsByPerson: Object.fromEntries(coverage.map((row) => [row.identity, row.lostMs])),
    speechMs: total.speechMs,
    returnedSpeechMs: total.returnedSpeechMs,
    longestWaitMs: total.waits.maxMs,
    billedChannelSec: billing.channelSec,
    channelEachSec: billing.channelEachSec,
    setupSec: facts.setupSec,
    firstWordSec: facts.firstWordSec,
    transcriptComplete: facts.transcript.complete,
    summaryLines: facts.summary?.sections.reduce((sum, section) => sum + section.lines.length, 0) ?? 0,
    slackPosts: facts.slackPosts,
    skippedSteps: facts.failedSteps,
    speakersLateMs: facts.speakersLateMs,
  }
}

/** Why a run was not good, one sentence each; empty when it was. */
export function shortcomings(result: DemoReport): readonly string[] {
  const found: string[] = []
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`
  if (result.scriptedUtterances === 0) found.push('nobody said anything')
  if (result.wrongName > 0) found.push(`${result.wrongName} segment(s) under a wrong name`)
  if (result.unknownName > 0) found.push(`${result.unknownName} segment(s) without a name`)
  if (result.lostMs > 0 || !result.transcriptComplete) found.push(`the transcript is not complete: ${result.lostMs} ms of speech lost`)
  if (result.wordErrorRate > MAX_WORD_ERROR_RATE) {
    found.push(`${percent(result.wordErrorRate)} of the words are wrong, more than ${percent(MAX_WORD_ERROR_RATE)}`)
  }
  if (result.summaryLines === 0) found.push('there is no summary')
  if (result.slackPosts === 0) found.push('nothing was posted')
  if (result.skippedSteps > 0) found.push(`${result.skippedSteps} step(s) of the script could not be played`)
  return found
}
