import type { Identity, TrackKey } from '../../core/ids.js'
import type { Gap, GapReason } from './span.js'

/** A stretch is told at the latest when it is this long, so that a crash loses little of it. */
const LONGEST_MS = 30_000

interface OpenGap {
  readonly identity: Identity
  readonly reason: GapReason
  readonly fromMs: number
  toMs: number
  /** when it last grew, monotonic clock */
  grewMs: number
}

/** Joins lost blocks of a track into gaps: those of one reason that lie closer than `mergeMs` are one. */
export class GapLog {
  readonly #mergeMs: number
  readonly #write: (gap: Gap) => void
  readonly #open = new Map<TrackKey, OpenGap>()

  constructor(mergeMs: number, write: (gap: Gap) => void) {
    this.#mergeMs = mergeMs
    this.#write = write
  }

  /** Voice of a track was lost. @param fromMs meeting time, as `toMs` @param nowMs monotonic clock */
  lost(track: { key: TrackKey; identity: Identity }, reason: GapReason, fromMs: number, toMs: number, nowMs: number): void {
    const open = this.#open.get(track.key)
    const isSame = open !== undefined && open.reason === reason && fromMs >= open.fromMs && fromMs - open.toMs <= this.#mergeMs
    if (isSame && toMs - open.fromMs <= LONGEST_MS) {
      open.toMs = Math.max(open.toMs, toMs)
      open.grewMs = nowMs
      return
    }
    if (open) this.#tell(open)
    this.#open.set(track.key, { identity: track.identity, reason, fromMs, toMs, grewMs: nowMs })
  }

  /** Tells of the stretches that have not grown for more than `mergeMs`; at infinity of all. */
  flush(nowMs: number): void {
    for (const [key, open] of this.#open) {
      if (nowMs - open.grewMs <= this.#mergeMs) continue
      this.#open.delete(key)
      this.#tell(open)
    }
  }

  #tell(open: OpenGap): void {
    this.#write({
      identity: open.identity,
      fromMs: Math.max(0, Math.floor(open.fromMs)),
      toMs: Math.max(0, Math.ceil(open.toMs)),
      reason: open.reason,
    })
  }
}
