import type { Clock } from '../../core/time.js'
import type { ReceiptFacts } from '../../observe/events.js'
import type { Claim, MeetingReason, MeetingStore } from '../../records/port.js'
import { totalOf, type Coverage } from '../transcript/coverage.js'
import { billingOf, type MeteredSession } from '../transcript/price.js'
import type { Doubt } from '../transcript/segment.js'
import type { Patience } from './patience.js'

/** What the end of a meeting adds to its coverage: more reasons why it may not be complete. */
export function receiptOf(
  coverage: Coverage,
  end: { readonly isTakenOver?: boolean; readonly isFailed?: boolean; readonly areTextsLost?: boolean },
): Coverage {
  const doubts = new Set<Doubt>(coverage.doubts)
  if (end.areTextsLost) doubts.add('not_stored')
  if (end.isTakenOver) doubts.add('taken_over')
  if (end.isFailed) doubts.add('failed')
  return { rows: coverage.rows, complete: doubts.size === 0, doubts: [...doubts] }
}

/** What is counted of a receipt: once a meeting, by the process that ends it. @param sessions all of the meeting's */
export function receiptFacts({ rows, complete, doubts }: Coverage, sessions: readonly MeteredSession[]): ReceiptFacts {
  const total = totalOf(rows)
  const { channelSec, speechSec, channelEachSec } = billingOf(sessions, total)
  return {
    people: rows.length,
    complete,
    doubts,
    total,
    longestWaitsMs: rows.filter((row) => row.waits.count > 0).map((row) => row.waits.maxMs),
    noisyPeople: rows.filter((row) => row.noisy).length,
    billing: { channelSec, speechSec, channelEachSec },
  }
}

/** Stores the receipt, and after it that the bot is done with the meeting. @throws what the store throws when patience is over */
export async function storeEnd(
  { store, claim, clock, patience }: { store: MeetingStore; claim: Claim; clock: Clock; patience: Pick<Patience, 'run'> },
  { rows, complete, doubts }: Coverage,
  state: 'failed' | 'finalising',
  reason: MeetingReason,
): Promise<void> {
  await patience.run(() => store.saveCoverage(claim, rows, complete, doubts))
  const endedAt = new Date(clock.nowMs()).toISOString()
  await patience.run(() => store.setState(claim, state, reason, { endedAt }))
}
