import { asIdentity } from '../../src/core/ids.js'
import type { Billing, CoverageRow } from '../../src/live/transcript/segment.js'

/** A row of somebody who said nothing, with what is given; `speechMs` and `lostMs` alone make a balanced one. */
export function coverageRow(change: Partial<CoverageRow> = {}): CoverageRow {
  const { speechMs = 0, lostMs = 0, waitingMs = 0, unaccountedMs = 0 } = change
  const sentSpeechMs = speechMs - lostMs - waitingMs - unaccountedMs
  return {
    identity: asIdentity('ann'),
    name: 'Ann Lee',
    speechMs,
    sentMs: sentSpeechMs,
    sentSpeechMs,
    acknowledgedMs: sentSpeechMs,
    acknowledgedSpeechMs: sentSpeechMs,
    returnedMs: sentSpeechMs,
    returnedSpeechMs: sentSpeechMs,
    lostMs,
    lostBy: lostMs > 0 ? { session_lost: lostMs } : {},
    waitingMs,
    unaccountedMs,
    unheardMs: 0,
    presentMs: speechMs,
    waits: { count: 0, totalMs: 0, maxMs: 0 },
    noisy: false,
    gaps: [],
    ...change,
  }
}

/** What a meeting costs in which nothing was sent. */
export const NOTHING_BILLED: Billing = {
  channelSec: 0,
  speechSec: 0,
  channelEachSec: 0,
  perSpeechSec: null,
  ofChannelEach: null,
  sessions: [],
}
