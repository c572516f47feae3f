import type { SessionId } from '../../core/ids.js'
import type { Gap, GapReason } from '../audio/span.js'
import { common, lengthOf, merged, without, type Range } from './ranges.js'

/** A run of frames of a session that never reached the service, half-open. */
export interface LostFrames {
  readonly fromFrame: number
  readonly toFrame: number
  readonly reason: GapReason
}

/** How one STT session went, what was sent a second time included. */
export interface SessionOutcome {
  readonly sessionId: SessionId
  /** every frame below was acknowledged, those in `lost` aside */
  readonly acknowledgedFrames: number
  readonly lost?: readonly LostFrames[]
  /** runs of acknowledged frames whose texts could not all be had */
  readonly untexted?: readonly { readonly fromFrame: number; readonly toFrame: number }[]
  /** null while it is not ended; `done` is the only good end */
  readonly endReason: string | null
}

/** What became of the frames of a session; no frame is in two of `lost`. */
export interface SessionFate {
  readonly lost: readonly { readonly reason: GapReason; readonly ranges: readonly Range[] }[]
  /** all of `lost` */
  readonly anyLost: readonly Range[]
  /** not known to have arrived, the lost ones included */
  readonly unacknowledged: readonly Range[]
  /** arrived, but the texts of it could not all be had */
  readonly untexted: readonly Range[]
}

/** A session of which nothing is known acknowledged nothing. */
export const UNKNOWN_FATE: SessionFate = { lost: [], anyLost: [], unacknowledged: [[0, Number.POSITIVE_INFINITY]], untexted: [] }

/** What a session that did not end well had not acknowledged is lost too. */
export function fateOf({ acknowledgedFrames, lost: told = [], untexted = [], endReason }: SessionOutcome): SessionFate {
  const open: LostFrames = { fromFrame: acknowledgedFrames, toFrame: Number.POSITIVE_INFINITY, reason: 'session_lost' }
  const endedBadly = endReason !== null && endReason !== 'done'
  const lost: { reason: GapReason; ranges: readonly Range[] }[] = []
  let seen: Range[] = []
  for (const { fromFrame, toFrame, reason } of endedBadly ? [...told, open] : told) {
    const ranges = without([[fromFrame, toFrame]], seen)
    if (ranges.length > 0) lost.push({ reason, ranges })
    seen = merged([...seen, [fromFrame, toFrame]])
  }
  const doubtful = merged(untexted.map(({ fromFrame, toFrame }): Range => [fromFrame, toFrame]))
  return {
    lost,
    anyLost: seen,
    unacknowledged: merged([...seen, [open.fromFrame, open.toFrame]]),
    untexted: without(doubtful, seen),
  }
}

/** Gaps in which no audio came at all, so that nobody counted what was said. */
const UNHEARD: readonly GapReason[] = ['not_received', 'reconnecting', 'taken_over', 'over_capacity']

/** Meeting time of the gaps in which nobody could hear the person, ms, merged. */
export const unheardTimes = (gaps: readonly Gap[]): Range[] => merged(gaps.filter(({ reason }) => UNHEARD.includes(reason)).map(rangeOf))

/** Missing frames are noticed, and dated, up to so much later (rule A11 of live/audio). */
const NOTICED_MS = 2250
/** A longer absence counts as speech only when the person spoke on both sides of it. */
const SHORT_MS = 2000

/**
 * Speech that is taken to have been in audio that never came: the person spoke within `NOTICED_MS` before or after it; when it is longer
 * than `SHORT_MS`, before and after. The edges of a gap are known to a second or two only: what was heard within them did come.
 * @param voice when the person is known to have spoken, ms, merged
 * @returns by reason, ms; no moment is counted twice, none that is in `voice`
 */
export function missingSpeech(gaps: readonly Gap[], voice: readonly Range[]): Map<GapReason, number> {
  const found = new Map<GapReason, number>()
  let seen: Range[] = []
  for (const gap of gaps) {
    if (gap.reason !== 'not_received' && gap.reason !== 'reconnecting') continue
    const range = rangeOf(gap)
    const before = common([[gap.fromMs - NOTICED_MS, gap.fromMs]], voice).length > 0
    const after = common([[gap.toMs, gap.toMs + NOTICED_MS]], voice).length > 0
    if (gap.toMs - gap.fromMs <= SHORT_MS ? !before && !after : !before || !after) continue
    const ms = lengthOf(without(without([range], seen), voice))
    if (ms > 0) found.set(gap.reason, (found.get(gap.reason) ?? 0) + ms)
    seen = merged([...seen, range])
  }
  return found
}

/** Voice so close to a text is in it: neither begins and ends with the other to the ms. */
const NEAR_TEXT_MS = 1000

/** Voice, or what may be voice, that no text came for, where not all texts could be had. @param times ms, merged @param texts of the same person */
export function untextedTimes(times: readonly Range[], texts: readonly { readonly startMs: number; readonly endMs: number }[]): Range[] {
  return without(times, merged(texts.map(({ startMs, endMs }): Range => [startMs - NEAR_TEXT_MS, endMs + NEAR_TEXT_MS])))
}

/** Gaps of the audio plane in which voice that had come was let go. */
export const LET_GO: readonly GapReason[] = ['ring_full', 'no_channel']

/**
 * Shares an amount among reasons by weight. Without weights it is all the first reason's.
 * @param reasons at least one
 */
export function shared(amount: number, reasons: readonly GapReason[], gaps: readonly Gap[]): Map<GapReason, number> {
  const weights = reasons.map((reason) => lengthOf(merged(gaps.filter((gap) => gap.reason === reason).map(rangeOf))))
  const whole = weights.reduce((sum, weight) => sum + weight, 0)
  return new Map(reasons.map((reason, at) => [reason, whole === 0 ? (at === 0 ? amount : 0) : (amount * (weights[at] ?? 0)) / whole]))
}

/** Amounts as integers that add up to `total`: the largest remainders are rounded up. What is 0 is left out. */
export function inWholes(total: number, amounts: ReadonlyMap<GapReason, number>): Partial<Record<GapReason, number>> {
  const parts = [...amounts].map(([reason, amount]) => ({
    reason,
    whole: Math.floor(amount + 1e-6),
    rest: amount - Math.floor(amount + 1e-6),
  }))
  let left = total - parts.reduce((sum, part) => sum + part.whole, 0)
  for (const part of parts.toSorted((a, b) => b.rest - a.rest)) {
    if (left <= 0) break
    part.whole++
    left--
  }
  return Object.fromEntries(parts.filter(({ whole }) => whole > 0).map(({ reason, whole }) => [reason, whole]))
}

const rangeOf = ({ fromMs, toMs }: Gap): Range => [fromMs, toMs]
