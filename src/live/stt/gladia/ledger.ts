import type { FrameRun } from '../spool/held-runs.js'
import { StreamMap } from './stream-map.js'

interface InFlight {
  /** position in the service's stream if everything before it was taken */
  serverFrom: number
  frameFrom: number
  frames: number
  /** answered `acknowledged: false`: not part of the stream */
  refused: boolean
}

/** What an acknowledgement told. */
export type AckOutcome =
  /** `frames`: every frame of ours below it is acknowledged */
  | { readonly kind: 'progress'; readonly frames: number }
  /** nothing new: an older or an empty range */
  | { readonly kind: 'nothing' }
  /** the first after a reconnect: sending may go on from `nextFrame` */
  | { readonly kind: 'resumed'; readonly keptFrames: number; readonly doubledFrames: number; readonly lost: readonly FrameRun[] }
  /** the first after a reconnect, but it cannot tell: a probe with audio must */
  | { readonly kind: 'undecided' }
  /** not a range of this stream */
  | { readonly kind: 'senseless' }

/**
 * Accounts for one session's stream: what was sent, what is acknowledged, and after a reconnect what the service had kept. Counts
 * in frames; "position" is a place in the service's stream, "frame" our own number (they part: see StreamMap).
 *
 * L1 Ranges may be half-open or end-inclusive: an exclusive end is a multiple of the frame size, an inclusive one is one byte short.
 * L2 Acknowledgements are cumulative: coalesced and missing ones need no care, older ones change nothing.
 * L3 After a reconnect, with A the last acknowledged position, a first range that starts at A says nothing was kept; beyond A, that
 *    many frames were kept and are not sent again; before A, ranges count from the connection's start and nothing is taken as kept
 *    (if the service did keep some, it cannot be seen, and they are heard twice).
 * L4 An empty range before A decides nothing: a service may answer an empty chunk with [0, 0].
 * L5 What the service kept and the audio probe repeats stands twice in the stream, both mapped to the same frames.
 * L6 An unanswered audio probe counts as sent after what was in flight. When the service kept part of the one and all of the other, the
 *    two cannot be told apart: at most the length of the probe is then misplaced.
 */
export class StreamLedger {
  readonly map = new StreamMap()
  readonly #frameBytes: number
  #acked = 0
  #sent = 0
  #ackedFrame = 0
  #nextFrame = 0
  /** what turns this connection's ranges into positions; null until its first range */
  #base: number | null = 0
  #inFlight: InFlight[] = []
  /** sent since the connection opened, until its first range decides where that went */
  #probe: { readonly frameFrom: number; readonly frames: number }[] = []

  constructor(frameBytes: number) {
    this.#frameBytes = frameBytes
  }

  /** first frame that has not been sent on this connection */
  get nextFrame(): number {
    return this.#nextFrame
  }
  /** every frame below is acknowledged */
  get acknowledgedFrame(): number {
    return this.#ackedFrame
  }
  /** length of the service's stream, if it took everything */
  get sentPosition(): number {
    return this.#sent
  }
  get hasInFlight(): boolean {
    return this.#inFlight.length > 0 || this.#probe.length > 0
  }
  /** first frame that a resume may have to send again; while probing, the one after the probe */
  get probeFrame(): number {
    const last = this.#probe.at(-1)
    return last ? last.frameFrom + last.frames : this.#resumeFrame
  }

  /** A new connection is open. @returns whether it must be probed: something was sent before */
  connect(): boolean {
    this.#foldProbe()
    if (this.#sent === 0 && this.#inFlight.length === 0) {
      this.#base = 0
      return false
    }
    this.#base = null
    return true
  }

  /** `frames` frames from `frameFrom` were sent. On a connection not yet decided they are part of its probe. */
  sent(frameFrom: number, frames: number): void {
    if (this.#base === null) {
      this.#probe.push({ frameFrom, frames })
      return
    }
    this.#inFlight.push({ serverFrom: this.#sent, frameFrom, frames, refused: false })
    this.map.append(this.#sent, frameFrom, frames)
    this.#sent += frames
    this.#nextFrame = frameFrom + frames
  }

  /** @param range bytes, as received */
  acknowledged(range: readonly [number, number]): AckOutcome {
    const from = range[0] / this.#frameBytes
    const to = this.#exclusiveEnd(range[1])
    if (!Number.isInteger(from) || to === null || from < 0 || to < from) return { kind: 'senseless' }
    if (this.#base === null) return this.#resume(from, to)
    return this.#advance(to + this.#base)
  }

  /** The service has taken everything up to `position` (the stop or the result said so). */
  confirm(position: number): AckOutcome {
    this.#foldProbe()
    return this.#advance(Math.floor(position))
  }

  /** The next chunk in flight was refused: it is not in the stream, those behind it move up. */
  refused(): void {
    const first = this.#inFlight.find((entry) => !entry.refused)
    if (!first) return
    first.refused = true
    this.#sent = this.#acked
    this.map.truncate(this.#acked)
    for (const entry of this.#inFlight) {
      entry.serverFrom = this.#sent
      if (entry.refused) continue
      this.map.append(this.#sent, entry.frameFrom, entry.frames)
      this.#sent += entry.frames
    }
  }

  /** L6: a probe whose connection went before it was answered stands behind what was in flight, if it was taken. */
  #foldProbe(): void {
    for (const { frameFrom, frames } of this.#probe) {
      this.#inFlight.push({ serverFrom: this.#sent, frameFrom, frames, refused: false })
      this.map.append(this.#sent, frameFrom, frames)
      this.#sent += frames
    }
    this.#probe = []
  }

  get #resumeFrame(): number {
    return this.#inFlight[0]?.frameFrom ?? this.#nextFrame
  }

  #exclusiveEnd(end: number): number | null {
    if (end % this.#frameBytes === 0) return end / this.#frameBytes
    return (end + 1) % this.#frameBytes === 0 ? (end + 1) / this.#frameBytes : null
  }

  #resume(from: number, to: number): AckOutcome {
    if (to === from && from < this.#acked) return { kind: 'undecided' }
    this.#base = from < this.#acked ? this.#acked - from : 0
    const expected = this.#sent - this.#acked
    const keptFrames = from + this.#base - this.#acked
    if (keptFrames > expected) {
      this.#base = null
      return { kind: 'senseless' }
    }
    const start = this.#acked + keptFrames
    let nextFrame = this.#resumeFrame
    let left = keptFrames
    for (const entry of this.#inFlight) {
      if (entry.refused || left === 0) continue
      const taken = Math.min(left, entry.frames)
      left -= taken
      nextFrame = Math.max(nextFrame, entry.frameFrom + taken)
    }
    const lost = this.#inFlight
      .filter((entry) => entry.refused && entry.frameFrom + entry.frames <= nextFrame)
      .map((entry) => ({ fromFrame: entry.frameFrom, toFrame: entry.frameFrom + entry.frames }))
    this.map.truncate(start)
    this.#acked = start
    this.#sent = start
    this.#inFlight = []
    this.#nextFrame = nextFrame
    this.#ackedFrame = Math.max(this.#ackedFrame, nextFrame)
    const probe = this.#probe
    this.#probe = []
    for (const piece of probe) this.sent(piece.frameFrom, piece.frames)
    const probed = this.#sent - start
    this.#nextFrame = Math.max(nextFrame, this.#nextFrame)
    this.#advance(to + this.#base)
    return { kind: 'resumed', keptFrames, doubledFrames: Math.min(keptFrames, probed), lost }
  }

  #advance(position: number): AckOutcome {
    if (position > this.#sent) return { kind: 'senseless' }
    if (position <= this.#acked) return { kind: 'nothing' }
    this.#acked = position
    for (let first = this.#inFlight[0]; first; first = this.#inFlight[0]) {
      // a refused chunk stays: what became of it is known after the next resume, or never
      if (first.refused || first.serverFrom >= position) break
      const taken = Math.min(first.frames, position - first.serverFrom)
      this.#ackedFrame = Math.max(this.#ackedFrame, first.frameFrom + taken)
      if (taken < first.frames) {
        first.serverFrom += taken
        first.frameFrom += taken
        first.frames -= taken
        break
      }
      this.#inFlight.shift()
    }
    return { kind: 'progress', frames: this.#ackedFrame }
  }
}
