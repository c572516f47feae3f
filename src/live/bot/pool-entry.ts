import type { SessionId } from '../../core/ids.js'
import type { SessionRecord } from '../../records/port.js'
import { SAMPLE_RATE } from '../room/port.js'
import type { Backlog, SttEndReason, SttGap, SttSession } from '../stt/port.js'

/** How a session went, for coverage: what became of its audio, its recovery included. */
export interface PoolOutcome {
  readonly sessionId: SessionId
  readonly acknowledgedFrames: number
  readonly lost: readonly SttGap[]
  /** runs of acknowledged frames whose texts could not all be had */
  readonly untexted: readonly { readonly fromFrame: number; readonly toFrame: number }[]
  readonly endReason: string | null
}

/** A session of the pool. */
export interface Entry {
  readonly session: SttSession
  readonly recovery: boolean
  readonly lost: SttGap[]
  /** no audio follows: it ends once what it has is at the service */
  isEnding: boolean
  /** the service has taken it: one that is asked to end before is created at once, however long it was to be held back */
  isTaken: boolean
  finishing: boolean
  endReason: SttEndReason | null
  /** acknowledged as it was told last */
  toldFrames: number
  /** the session that took over what this one had not acknowledged, from `fromFrame` on */
  recoveredBy: { readonly sessionId: SessionId; readonly fromFrame: number } | null
}

/** What a session had, from `fromFrame` on, that the service refused: it waits until the service takes sessions again. */
export interface Parked {
  readonly entry: Entry
  readonly fromFrame: number
  readonly backlog: Backlog
}

/** At the end of the meeting a backlog is waited for at this multiple of real time, and not longer than that. */
const REPLAY_SPEED = 2
const MAX_REPLAY_MS = 10 * 60_000

/** What waits may wait for hours: all of it has so much memory for what no disk takes, the newest first. */
const PARKED_BYTES = 16 * 1024 * 1024

/** Keeps what waits out of memory. @param parked the newest at the end */
export function restAll(parked: readonly Parked[]): void {
  let room = PARKED_BYTES
  for (const { backlog } of parked.toReversed()) room = Math.max(0, room - (backlog.rest?.(room) ?? 0))
}

export const recordOf = ({ session, endReason }: Entry): SessionRecord => ({
  sessionId: session.sessionId,
  vendorId: session.vendorId,
  channels: session.channels,
  sampleRate: SAMPLE_RATE,
  sentFrames: session.sentFrames,
  acknowledgedFrames: session.acknowledgedFrames,
  endReason,
})

/** Frames that the service has not taken and may still take: what is lost it never will. */
export function waitingFrames({ session: { sentFrames, acknowledgedFrames }, lost }: Entry): number {
  return lost.reduce(
    (frames, { fromFrame, toFrame }) => frames - Math.max(0, toFrame - Math.max(fromFrame, acknowledgedFrames)),
    sentFrames - acknowledgedFrames,
  )
}

/** How long what waits is waited for at the end of the meeting. */
export const replayMs = (entry: Entry): number => Math.min(MAX_REPLAY_MS, (waitingFrames(entry) * 1000) / SAMPLE_RATE / REPLAY_SPEED)

/** Whether texts of what the service had acknowledged are missing for good. */
export function isUntexted({ session, endReason }: Entry): boolean {
  return endReason !== null && endReason !== 'done' && session.hasAllTexts === false && session.acknowledgedFrames > 0
}

/** How a session went that took audio first, with what repeated its rest. @param entries of the whole meeting */
export function outcomeOf(entry: Entry, entries: ReadonlyMap<SessionId, Entry>): PoolOutcome {
  const { sessionId, acknowledgedFrames, sentFrames, hasAllTexts } = entry.session
  const untexted = isUntexted(entry) ? [{ fromFrame: 0, toFrame: acknowledgedFrames }] : []
  const next = entry.recoveredBy === null ? undefined : entries.get(entry.recoveredBy.sessionId)
  if (!next || entry.recoveredBy === null) {
    // dead, but nothing of it is missing
    const isWhole = entry.endReason === 'session_lost' && hasAllTexts === true && acknowledgedFrames >= sentFrames
    return { sessionId, acknowledgedFrames, lost: entry.lost, untexted, endReason: isWhole ? 'done' : entry.endReason }
  }
  const { fromFrame } = entry.recoveredBy
  const rest = outcomeOf(next, entries)
  const shift = <T extends { fromFrame: number; toFrame: number }>(runs: readonly T[]) =>
    runs.map((run) => ({ ...run, fromFrame: run.fromFrame + fromFrame, toFrame: run.toFrame + fromFrame }))
  return {
    sessionId,
    acknowledgedFrames: fromFrame + rest.acknowledgedFrames,
    lost: [...entry.lost, ...shift(rest.lost)],
    untexted: [...untexted, ...shift(rest.untexted)],
    // what it had acknowledged is not sent again: without its texts the recovery is no good end
    endReason: hasAllTexts === false ? entry.endReason : rest.endReason,
  }
}
