import type { Turn } from './turns.js'

/** What every allocator has to keep to, in ms. */
export interface LeaseRules {
  readonly channels: number
  /** sent before the first voice of a lease, at least */
  readonly preRollMs: number
  /** silence between the last voice of a lease and the beginning of another owner's */
  readonly guardMs: number
  /** shorter pauses are part of the turn: nobody takes over in them, and speech that is late cuts longer ones to this */
  readonly pauseMs: number
}

/** The aims, with K = 4; of the pre-roll what goes out of an inaudible one after a wait, too. */
export const LEASE_RULES: LeaseRules = { channels: 4, preRollMs: 250, guardMs: 400, pauseMs: 300 }

interface Job {
  readonly fromMs: number
  readonly lengthMs: number
  /** silence of the speaker before it; infinite before the first */
  readonly pauseMs: number
  readonly speaker: string
  /** when the speaker's next one begins; infinite after the last */
  nextMs: number
}

/** Turns in the order of their onsets, those of one speaker with less than a pause between them made one. @param turns by start */
function jobsOf(turns: readonly Turn[], { pauseMs }: LeaseRules): Job[] {
  const bySpeaker = new Map<string, Turn[]>()
  for (const turn of turns) {
    const own = bySpeaker.get(turn.speaker) ?? []
    bySpeaker.set(turn.speaker, own)
    const last = own.at(-1)
    if (last === undefined || turn.fromMs - last.toMs >= pauseMs) own.push(turn)
    else own[own.length - 1] = { ...last, toMs: Math.max(last.toMs, turn.toMs) }
  }
  return [...bySpeaker.values()]
    .flatMap((own) =>
      own.map(({ speaker, fromMs, toMs }, at): Job => {
        const before = own[at - 1]
        const nextMs = own[at + 1]?.fromMs ?? Number.POSITIVE_INFINITY
        return { speaker, fromMs, lengthMs: toMs - fromMs, nextMs, pauseMs: before ? fromMs - before.toMs : Number.POSITIVE_INFINITY }
      }),
    )
    .toSorted((one, other) => one.fromMs - other.fromMs || (one.speaker < other.speaker ? -1 : 1))
}

/**
 * How long each turn waits under an ideal allocator that serves in the order of onsets, in that order; ms.
 *
 * It knows the true turns, their beginnings and ends, to the ms and in advance, so it lets go of a channel with the last sample of voice
 * (no hangover, no tail, no detector, no blocks), begins the guard there, and spends it and the pre-roll before the onset when it can. It
 * does what the rules demand: a turn is sent whole and unhurried on one channel; another owner's first voice comes a guard and a
 * pre-roll after the last voice there; a speaker's own channel is had back without either; a speaker's turns keep their order, and the
 * pause between them is cut to `pauseMs` when the first is late. A turn gets the channel where it can begin first, of equals the one
 * that was free last, which others would have to wait for.
 *
 * It is what a perfect detector and foresight could make of first come, first served, not a bound: whoever lets short turns pass, or
 * makes one long turn wait for the good of all, may have a lower p99 and a lower sum than this. `leastWaitMs` is the bound.
 */
export function oracleWaits(turns: readonly Turn[], rules: LeaseRules = LEASE_RULES): number[] {
  const endMs = Array.from({ length: rules.channels }, () => Number.NEGATIVE_INFINITY)
  const owner = endMs.map((): string | null => null)
  const served = new Map<string, number>()
  return jobsOf(turns, rules).map(({ speaker, fromMs, lengthMs, pauseMs }) => {
    const ownEndMs = served.get(speaker) ?? Number.NEGATIVE_INFINITY
    const readyMs = Math.max(fromMs, ownEndMs + Math.min(pauseMs, rules.pauseMs))
    const offers = endMs.map((freeMs, channel) => {
      const guardMs = owner[channel] === speaker ? 0 : rules.guardMs + rules.preRollMs
      return { channel, freeMs, startMs: Math.max(readyMs, freeMs + guardMs) }
    })
    const best = offers.reduce((one, other) => {
      if (other.startMs !== one.startMs) return other.startMs < one.startMs ? other : one
      return other.freeMs > one.freeMs ? other : one
    })
    endMs[best.channel] = best.startMs + lengthMs
    owner[best.channel] = speaker
    served.set(speaker, best.startMs + lengthMs)
    return best.startMs - fromMs
  })
}

/**
 * How many turns wait for longer than `waitMs`, at least, whatever the order of service and however much is known in advance.
 *
 * A turn of length l that begins at t and waits for `waitMs` at most keeps its channel from others at all times of
 * [t + waitMs, t + l + guard + pre-roll): it has begun by then and, sent whole, is not over before. (Not counted against the speaker's
 * own next turn: there it ends.) Of such stretches no more than there are channels may overlap; where more do, some of the turns have to
 * be later. How few, a sweep says exactly: of those that overlap, the one that ends last (Faigle and Nawijn 1995, "Note on scheduling
 * intervals on-line"). That these are served as well, which costs others more, is left out, so the truth lies between this and
 * `oracleWaits`. Strict for whoever never breaks off a turn; ours does, with holders of 15 s, for those who have waited 5 s (S6).
 */
export function leastLate(turns: readonly Turn[], waitMs: number, rules: LeaseRules = LEASE_RULES): number {
  let busy: number[] = []
  let late = 0
  for (const { fromMs, lengthMs, nextMs } of jobsOf(turns, rules)) {
    const startMs = fromMs + waitMs
    const endMs = Math.min(fromMs + lengthMs + rules.guardMs + rules.preRollMs, nextMs + waitMs)
    if (endMs <= startMs) continue
    busy = [...busy.filter((one) => one > startMs), endMs]
    if (busy.length <= rules.channels) continue
    busy.splice(busy.indexOf(Math.max(...busy)), 1)
    late++
  }
  return late
}

/**
 * The share-quantile (nearest rank) of the waits of all turns of these meetings cannot be less than this, for any allocator at all: see
 * `leastLate`. In ms, exact to `STEP_MS`, rounded down.
 * @param share 1 for the longest wait
 */
export function leastWaitMs(meetings: readonly (readonly Turn[])[], share: number, rules: LeaseRules = LEASE_RULES): number {
  const count = meetings.reduce((sum, turns) => sum + jobsOf(turns, rules).length, 0)
  const mayBeLate = count - Math.ceil(share * count)
  const isPossible = (waitMs: number) => meetings.reduce((sum, turns) => sum + leastLate(turns, waitMs, rules), 0) <= mayBeLate
  let low = -1
  let high = Math.ceil(LONGEST_MS / STEP_MS)
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (isPossible(middle * STEP_MS)) high = middle
    else low = middle
  }
  return Math.max(0, low * STEP_MS)
}

const STEP_MS = 10
const LONGEST_MS = 60_000
