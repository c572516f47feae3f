import type { FrameRun } from '../spool/held-runs.js'
import { waysToKeep } from './kept.js'
import { StreamMap } from './stream-map.js'

interface InFlight {
  /** position in the service's stream if everything before it was taken */
  serverFrom: number
  frameFrom: number
  frames: number
  /** which of the connections since the last acknowledgement it was sent on */
  readonly connection: number
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
 * L6 An unanswered audio probe counts as sent after what was in flight. Of each connection a service keeps its first messages, whole;
 *    pieces of a probe are of different lengths, so that how many of which were kept is known by their sum. Of several ways to the same sum
 *    the one with the fewest connections is believed, and what any of them lacks is sent again: nothing is lost, at worst a probe is
 *    misplaced. The same holds when a stop or the result says how much the service has.
 * L7 What words were told of the service has, acknowledged or not; in its place there may be an unanswered probe, so that as much is left out.
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
  #connection = 0
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
    this.#append(frameFrom, frames)
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

  /**
   * The service has so much audio (the stop or the result said so): what was sent on one connection, or of several what L6 says.
   * @param position may be fractional
   * @param roundingFrames within so much of everything it means everything, when nothing was probed
   */
  confirm(position: number, roundingFrames: number): AckOutcome {
    this.#foldProbe()
    const isAll = Math.abs(position - this.#sent) <= roundingFrames
    // a probe is no longer than what is rounded
    const isProbed = this.#inFlight.some(({ connection }) => connection > 0)
    if (!isProbed) return this.#advance(isAll ? this.#sent : Math.floor(position))
    if (position > this.#sent + roundingFrames) return { kind: 'senseless' }
    if (position <= this.#acked) return { kind: 'nothing' }
    const { entries, reachFrame } = this.#kept(Math.min(Math.round(position), this.#sent) - this.#acked)
    // a refused chunk stays, as in `#advance`
    const refused = this.#inFlight.filter((entry) => entry.refused)
    const sureFrame = refused.reduce((frame, { frameFrom }) => Math.min(frame, frameFrom), reachFrame)
    this.#settle(entries)
    this.#acked = this.#sent
    this.#inFlight = refused
    this.#ackedFrame = Math.max(this.#ackedFrame, sureFrame)
    this.#nextFrame = Math.max(this.#ackedFrame, reachFrame)
    return { kind: 'progress', frames: this.#ackedFrame }
  }

  /** L7, at the end of a session. @param toFrame where the last word ends that was told, a frame of ours; may be fractional */
  told(toFrame: number): AckOutcome {
    this.#foldProbe()
    const probed = this.#inFlight.filter(({ connection }) => connection > 0).reduce((sum, { frames }) => sum + frames, 0)
    const refusedFrame = this.#inFlight.find(({ refused }) => refused)?.frameFrom ?? Number.POSITIVE_INFINITY
    const frame = Math.min(Math.round(toFrame) - probed, refusedFrame, this.#nextFrame)
    if (frame <= this.#ackedFrame) return { kind: 'nothing' }
    this.#ackedFrame = frame
    return { kind: 'progress', frames: frame }
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
    if (this.#probe.length > 0) this.#connection++
    for (const { frameFrom, frames } of this.#probe) this.#append(frameFrom, frames)
    this.#probe = []
  }

  #append(frameFrom: number, frames: number): void {
    this.#inFlight.push({ serverFrom: this.#sent, frameFrom, frames, connection: this.#connection, refused: false })
    this.map.append(this.#sent, frameFrom, frames)
    this.#sent += frames
  }

  /** What of that in flight the service has, when it has so many frames of it, and up to where it has all for certain. */
  #kept(keptFrames: number): { readonly entries: readonly InFlight[]; readonly reachFrame: number } {
    const sent = this.#inFlight.filter(({ refused }) => !refused)
    const connections = [...new Set(sent.map(({ connection }) => connection))].map((one) =>
      sent.filter(({ connection }) => connection === one),
    )
    const ways = waysToKeep(
      connections.map((entries) => entries.map(({ frames }) => frames)),
      keptFrames,
    ).map((counts) => counts.flatMap((count, at) => connections[at]!.slice(0, count)))
    const [first, ...others] = ways
    if (first) {
      const entries = others.reduce((best, way) => (connectionsOf(way) < connectionsOf(best) ? way : best), first)
      return { entries, reachFrame: Math.min(...ways.map(reach)) }
    }
    // not whole messages, or so many that no way was found: sure is what the later connections cannot stand for
    const later = connections.slice(1).flat()
    const sureFrames = keptFrames - later.reduce((sum, { frames }) => sum + frames, 0)
    return { entries: firstOf(sent, keptFrames), reachFrame: reach(firstOf(sent, sureFrames)) }
  }

  /** What follows the last acknowledged position in the service's stream is this, and nothing more. */
  #settle(entries: readonly InFlight[]): void {
    this.map.truncate(this.#acked)
    this.#sent = this.#acked
    for (const { frameFrom, frames } of entries) {
      this.map.append(this.#sent, frameFrom, frames)
      this.#sent += frames
    }
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
    const kept = this.#kept(keptFrames)
    const nextFrame = Math.max(this.#resumeFrame, kept.reachFrame)
    const lost = this.#inFlight
      .filter((entry) => entry.refused && entry.frameFrom + entry.frames <= nextFrame)
      .map((entry) => ({ fromFrame: entry.frameFrom, toFrame: entry.frameFrom + entry.frames }))
    this.#settle(kept.entries)
    this.#acked = start
    this.#inFlight = []
    this.#connection = 0
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

/** the first so many frames of what was sent */
function firstOf(sent: readonly InFlight[], count: number): InFlight[] {
  let left = count
  return sent.flatMap((entry) => {
    const frames = Math.min(left, entry.frames)
    left -= frames
    return frames > 0 ? [{ ...entry, frames }] : []
  })
}

/** the frame after the last of these */
function reach(entries: readonly InFlight[]): number {
  return entries.reduce((frame, { frameFrom, frames }) => Math.max(frame, frameFrom + frames), 0)
}

/** on how many connections these were sent */
function connectionsOf(entries: readonly InFlight[]): number {
  return new Set(entries.map(({ connection }) => connection)).size
}
