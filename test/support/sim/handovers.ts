import type { Gap } from '../../../src/live/audio/span.js'
import { liesInGap } from './losses.js'
import type { Running } from './processes.js'
import type { Spoken } from './room.js'
import { BLOCK_MS } from './stamps.js'

/** a bot hears nobody for so long at most while it asks until when the one before has heard; and what a tick and a packet are off */
const DEAF_MS = 1_000 + 2 * BLOCK_MS
/** blocks of one handover are no further apart */
const APART_MS = 3_000

/**
 * H4: of a meeting that is given away, what a bot in the room is handed and does not hear is a second of each person at most; meetings in
 * which a bot died, stood still or was told to stop are not held to it: their holes are as long as those took.
 * What was lost in another way, and told so, was heard.
 * @param lost blocks that were handed to a bot and stand in no text
 */
export function handoverViolations(
  lost: readonly Spoken[],
  gaps: readonly Gap[],
  startMs: number,
  { runs, plan }: { readonly runs: readonly Running[]; readonly plan: readonly string[] },
): string[] {
  if (plan.includes('kill') || plan.includes('freeze') || runs.some(({ stoppedMs }) => stoppedMs !== null)) return []
  const holes = gaps.filter(({ reason }) => reason === 'taken_over')
  const others = gaps.filter(({ reason }) => reason !== 'taken_over')
  const deaf = new Map<string, { lastMs: number; ms: number }>()
  const tooLong = new Map<string, number>()
  for (const spoken of lost) {
    if (!liesInGap(spoken, holes, startMs) || liesInGap(spoken, others, startMs)) continue
    const { name, startMs: atMs } = spoken
    const before = deaf.get(name)
    const ms = before && atMs - before.lastMs < APART_MS ? before.ms + BLOCK_MS : BLOCK_MS
    deaf.set(name, { lastMs: atMs, ms })
    if (ms > DEAF_MS) tooLong.set(name, ms)
  }
  return [...tooLong].map(([name, ms]) => `H4 ${ms} ms of ${name} were handed to bots that did not hear them`)
}
