import type { Logger } from './logger.js'
import type { Metrics } from './metrics.js'

/** Why a speech session was opened. */
export type SessionOpening = 'first' | 'roll' | 'reopened' | 'replacement' | 'recovery'

/** What became of the voices of one meeting, ms. */
export interface ReceiptFacts {
  readonly people: number
  readonly complete: boolean
  readonly doubts: readonly string[]
  readonly total: {
    readonly speechMs: number
    readonly sentSpeechMs: number
    readonly acknowledgedSpeechMs: number
    readonly returnedSpeechMs: number
    readonly lostBy: Readonly<Record<string, number>>
    readonly waitingMs: number
    readonly unaccountedMs: number
    readonly waits: { readonly count: number; readonly totalMs: number; readonly maxMs: number }
  }
  /** longest wait for a channel of each person who spoke */
  readonly longestWaitsMs: readonly number[]
  readonly noisyPeople: number
  readonly billing: { readonly channelSec: number; readonly speechSec: number; readonly channelEachSec: number }
}

/**
 * What an operator counts: one function an event, a counter and a log line each. None of them throws.
 * @param log carries the meeting and the room
 */
export interface BusinessEvents {
  meetingBegan(log: Logger): void
  /** @param facts.state `failed`, `done`, or, when another process goes on with it, `handed_over` in order or `taken_over` */
  meetingEnded(log: Logger, facts: { readonly state: string; readonly reason: string; readonly complete: boolean }): void
  sessionOpened(log: Logger, facts: { readonly session: string; readonly channels: number; readonly why: SessionOpening }): void
  sessionEnded(
    log: Logger,
    facts: { readonly session: string; readonly reason: string; readonly frames: number; readonly err?: Error | undefined },
  ): void
  gapFound(log: Logger, facts: { readonly reason: string; readonly ms: number }): void
  receiptMade(log: Logger, facts: ReceiptFacts): void
  /** A text is durable, so long after the end of what was said. */
  finalKept(lagSec: number): void
  /** A connection was lost and is being restored: to the room, or to the speech service. */
  reconnecting(of: 'room' | 'speech'): void
  /** The mixer of a meeting was asked for blocks, so much later than it should have been. */
  mixerTicked(lateSec: number): void
  /** A track is heard from now on, or no longer. */
  trackHeard(by: 1 | -1): void
  /** So many tracks of this process are not heard now because there are too many. */
  overCapacity(tracks: number): void
}

/** @param metrics null: log lines only */
export function createEvents(metrics: Metrics | null): BusinessEvents {
  return {
    meetingBegan: (log) =>
      safely(log, () => {
        metrics?.meetingsRunning.add(1)
        log.info({}, 'meeting began')
      }),
    meetingEnded: (log, facts) =>
      safely(log, () => {
        metrics?.meetingsRunning.add(-1)
        metrics?.meetings.add(1, { state: facts.state, reason: facts.reason })
        log.info(facts, 'meeting ended')
      }),
    sessionOpened: (log, facts) =>
      safely(log, () => {
        metrics?.sessionsOpened.add(1, { why: facts.why })
        log.info(facts, 'speech session opened')
      }),
    sessionEnded: (log, facts) =>
      safely(log, () => {
        metrics?.sessionsEnded.add(1, { reason: facts.reason })
        log.info(facts, 'speech session ended')
      }),
    gapFound: (log, facts) =>
      safely(log, () => {
        metrics?.gaps.add(1, { reason: facts.reason })
        log.info(facts, 'somebody was not transcribed for a while')
      }),
    receiptMade: (log, facts) =>
      safely(log, () => {
        if (metrics) countReceipt(metrics, facts)
        const { people, complete, doubts, total, billing } = facts
        log.info({ people, complete, doubts, total, billing }, 'receipt made')
      }),
    finalKept: (lagSec) => safely(null, () => metrics?.finalLagSec.observe(Math.max(0, lagSec))),
    reconnecting: (of) => safely(null, () => metrics?.reconnects.add(1, { of })),
    mixerTicked: (lateSec) => safely(null, () => metrics?.tickLateSec.observe(Math.max(0, lateSec))),
    trackHeard: (by) => safely(null, () => metrics?.tracksSubscribed.add(by)),
    overCapacity: (tracks) => safely(null, () => metrics?.tracksOverCapacity.set(tracks)),
  }
}

function countReceipt(metrics: Metrics, { complete, doubts, total, longestWaitsMs, noisyPeople, billing }: ReceiptFacts): void {
  metrics.transcripts.add(1, { complete: String(complete) })
  for (const doubt of doubts) metrics.doubts.add(1, { doubt })
  metrics.billedChannelSec.add(billing.channelSec, {})
  metrics.channelEachSec.add(billing.channelEachSec, {})
  const fates = {
    heard: total.speechMs,
    sent: total.sentSpeechMs,
    acknowledged: total.acknowledgedSpeechMs,
    returned: total.returnedSpeechMs,
    waiting: total.waitingMs,
    unaccounted: Math.abs(total.unaccountedMs),
  }
  for (const [fate, ms] of Object.entries(fates)) metrics.speechSec.add(ms / 1000, { fate })
  for (const [reason, ms] of Object.entries(total.lostBy)) metrics.lostSec.add(ms / 1000, { reason })
  metrics.waits.add(total.waits.count, {})
  metrics.waitSec.add(total.waits.totalMs / 1000, {})
  for (const ms of longestWaitsMs) metrics.longestWaitSec.observe(ms / 1000)
  metrics.noisyPeople.add(noisyPeople, {})
}

/** Counting must never cost a meeting. */
function safely(log: Logger | null, tell: () => void): void {
  try {
    tell()
  } catch (thrown) {
    try {
      log?.error({ err: thrown }, 'an event could not be counted')
    } catch {
      // a logger that throws leaves nowhere to say so
    }
  }
}
