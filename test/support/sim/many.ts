import type { Explanation } from './losses.js'
import { simulate, type SimOptions } from './meeting.js'
import type { SimVerdict } from './verdict.js'

/** What became of many simulated meetings. */
export interface SimTotals {
  readonly simulatedMeetings: number
  /** meetings that broke an invariant */
  readonly violations: number
  readonly worst: readonly SimVerdict[]
  /** blocks of 50 ms that were spoken, that stand in a transcript, and that were handed to a bot and stand in none */
  readonly spoken: number
  readonly returned: number
  readonly lost: number
  /** lost, and in no gap of their speaker, by what explains it: such a meeting is not called complete */
  readonly ungapped: Readonly<Record<Exclude<Explanation, 'gap'>, number>>
  /** words under no name: their bot was replaced before the store knew whose they are */
  readonly unnamed: number
  readonly complete: number
}

const WHYS = ['piece', 'session', 'unknown', 'none'] as const

/** Simulates meetings one after the other, seeds `from` on. */
export async function simulateMany(
  from: number,
  count: number,
  told?: (verdict: SimVerdict) => void,
  options: SimOptions = {},
): Promise<SimTotals> {
  const worst: SimVerdict[] = []
  const sums = { spoken: 0, returned: 0, lost: 0, unnamed: 0, complete: 0 }
  const ungapped = { piece: 0, session: 0, unknown: 0, none: 0 }
  let violations = 0
  for (let seed = from; seed < from + count; seed++) {
    const verdict = await simulate(seed, options)
    sums.spoken += verdict.spoken
    sums.returned += verdict.returned
    sums.lost += verdict.lost
    sums.unnamed += verdict.unnamed
    for (const why of WHYS) ungapped[why] += verdict.ungapped[why] ?? 0
    if (verdict.complete) sums.complete++
    if (verdict.violations.length === 0) continue
    violations++
    if (worst.length < 10) worst.push(verdict)
    told?.(verdict)
  }
  return { simulatedMeetings: count, violations, worst, ungapped, ...sums }
}
