import type { Clock } from '../../../core/time.js'
import { StreamLedger, type AckOutcome } from './ledger.js'
import type { Limits } from './limits.js'
import { AudioBuffer } from '../spool/audio-buffer.js'
import type { FrameRun } from '../spool/held-runs.js'

/** empty chunks of the first, second and third time: a service may answer ten at once */
const EMPTY_PROBES = [1, 4, 5] as const
const AUDIO_PROBES = 10
/** the text of what is acknowledged is told within this: an utterance of 15 s, and its final on the way */
const TEXT_WITHIN_MS = 20_000
/** what a service may round a duration by */
const ROUNDING_MS = 20

/** What the uplink needs of a connection. */
export interface AudioSink {
  readonly queuedBytes: number
  sendAudio(pcm: Int16Array): void
  sendEmpty(): void
  sendStop(): void
}

/** How far the sending is. `idle`: less than a chunk is waiting; `flushed`: nothing is. */
export interface Pumped {
  readonly idle: boolean
  readonly flushed: boolean
}

interface UplinkParts {
  /** what is to be sent: the uplink's own */
  readonly buffer: AudioBuffer
  readonly channels: number
  readonly sampleRate: number
  readonly clock: Clock
  readonly limits: Limits
}

/**
 * The audio side of a session: what is kept, what is sent and when, whether the other end takes it. It decides nothing about the session.
 *
 * U1 Audio leaves in chunks of complete frames; a shorter last one only at the end.
 * U2 A backlog is paced by a token bucket of `replaySpeed` x real time; live audio never empties the bucket.
 * U3 What the system has not taken of one second's worth stays in the buffer; what of that is on disk is sent when it has been read.
 * U4 A probe is an empty chunk: its answer tells the position and doubles nothing. More follow twice within `emptyAckMs`, since a service
 *    may answer ten chunks at once. Unanswered or undecided, pieces of `probeMs` of audio follow in the same rhythm, ten at most; a
 *    service that was seen to answer only those is asked with audio at once from then on.
 * U5 The connection is dead when something waits for an answer and the position has not moved for `ackTimeoutMs`.
 * U6 Without audio for `idleMs`, empty chunks go out every `keepaliveMs`.
 */
export class Uplink {
  readonly ledger: StreamLedger
  readonly #rate: number
  readonly #clock: Clock
  readonly #limits: Limits
  readonly #frameBytes: number
  readonly #chunkFrames: number
  #buffer: AudioBuffer
  #sink: AudioSink | null = null
  #tokens = 0
  #refilledMs = 0
  #progressMs = 0
  #audioMs = 0
  #emptyMs = 0
  #emptiesUnanswered = 0
  #answersEmpty = true
  #probing: 'no' | 'empty' | 'audio' = 'no'
  #probes = 0
  #probedMs = 0
  /** pieces of audio that were ever sent as a probe */
  #pieces = 0
  #stopping = false
  #sentFrames = 0
  /** acknowledged when the connection was lost, until another goes on; null while one does */
  #lostAtFrame: number | null = null
  #pending: readonly FrameRun[] = []

  constructor({ channels, sampleRate, clock, limits, buffer }: UplinkParts) {
    this.#frameBytes = channels * 2
    this.#rate = sampleRate
    this.#clock = clock
    this.#limits = limits
    this.#chunkFrames = Math.max(1, Math.min(this.#frames(limits.chunkMs), Math.floor(limits.maxFrameBytes / this.#frameBytes)))
    this.#buffer = buffer
    this.ledger = new StreamLedger(this.#frameBytes)
  }

  get buffer(): AudioBuffer {
    return this.#buffer
  }
  /** frames that were ever sent, on whatever connection: the service has heard nothing later */
  get sentFrames(): number {
    return this.#sentFrames
  }
  /** frames that no connection has acknowledged and that are still there, in order */
  get unacknowledged(): readonly FrameRun[] {
    return this.#buffer.runs(this.ledger.acknowledgedFrame)
  }

  /** Gives the buffer away, numbered from `frame` on; here nothing is left to send. */
  giveBuffer(frame: number): AudioBuffer {
    const buffer = this.#buffer
    this.#buffer = AudioBuffer.spent(this.#frameBytes / 2, buffer.endFrame)
    buffer.rebase(frame)
    return buffer
  }

  /** A connection is open. @returns whether it must be probed */
  attach(sink: AudioSink): boolean {
    this.#sink = sink
    const now = this.#clock.monotonicMs()
    this.#tokens = this.#chunkFrames
    this.#refilledMs = now
    this.#progressMs = now
    this.#audioMs = now
    this.#emptyMs = now
    this.#emptiesUnanswered = 0
    this.#probing = 'no'
    this.#stopping = false
    const mustProbe = this.ledger.connect()
    // of what was never sent no text is missing
    if (!mustProbe) this.#lostAtFrame = null
    return mustProbe
  }

  detach(): void {
    this.#sink = null
    this.#lostAtFrame ??= this.ledger.acknowledgedFrame
    this.#probing = 'no'
  }

  probe(): void {
    this.#probe(this.#answersEmpty ? 'empty' : 'audio')
  }

  /** Sends what may be sent now. @param all also a last chunk that is not whole */
  pump(all: boolean): Pumped {
    this.#refill()
    for (let run = this.#nextRun(), frames = 0; this.#sink && run; run = this.#buffer.run(run.fromFrame + frames)) {
      frames = Math.min(this.#chunkFrames, run.toFrame - run.fromFrame)
      if (frames < this.#chunkFrames && !all && run.toFrame === this.#buffer.endFrame) break
      if (this.#tokens < frames || this.#sink.queuedBytes > this.#frames(this.#limits.maxQueuedMs) * this.#frameBytes) break
      if (!this.#send(run.fromFrame, frames)) break
      this.#tokens -= frames
    }
    const next = this.#nextRun()
    const waiting = next ? this.#buffer.endFrame - next.fromFrame : 0
    return { idle: waiting < this.#chunkFrames, flushed: waiting <= 0 }
  }

  /** Tells the service that no audio follows. */
  stop(): void {
    this.#stopping = true
    this.#progressMs = this.#clock.monotonicMs()
    this.#sink?.sendStop()
  }

  /** Something other than an acknowledgement came: while stopping, that too is life. */
  heard(): void {
    if (this.#stopping) this.#progressMs = this.#clock.monotonicMs()
  }

  acknowledge(range: readonly [number, number]): AckOutcome {
    const outcome = this.ledger.acknowledged(range)
    const isEmpty = range[1] <= range[0]
    if (isEmpty && this.#emptiesUnanswered > 0) this.#emptiesUnanswered--
    if (outcome.kind === 'undecided' && this.#probing === 'empty') this.#probe('audio')
    if (outcome.kind === 'resumed') {
      this.#answersEmpty = isEmpty || this.#probing === 'empty'
      this.#probing = 'no'
      const toFrame = this.ledger.acknowledgedFrame
      const fromFrame = Math.max(0, (this.#lostAtFrame ?? toFrame) - this.#frames(TEXT_WITHIN_MS))
      this.#lostAtFrame = null
      this.#pending = toFrame > fromFrame ? [{ fromFrame, toFrame }] : []
    }
    if (outcome.kind === 'progress' || outcome.kind === 'resumed') {
      this.#progressMs = this.#clock.monotonicMs()
      this.#buffer.release(this.ledger.acknowledgedFrame)
    }
    return outcome
  }

  /** Acknowledged frames of which texts may have been told while nobody was connected: they are not told again. Once after each resume. */
  takePending(): readonly FrameRun[] {
    const pending = this.#pending
    this.#pending = []
    return pending
  }

  /** The service says that it has `seconds` of audio. Within a rounding of everything sent it means everything. */
  confirmDuration(seconds: number): AckOutcome {
    const outcome = this.ledger.confirm(seconds * this.#rate, this.#frames(ROUNDING_MS))
    if (outcome.kind === 'progress') this.#buffer.release(this.ledger.acknowledgedFrame)
    return outcome
  }

  /** At the end: words were told up to this frame of ours. */
  confirmTold(toFrame: number): void {
    if (this.ledger.told(toFrame).kind === 'progress') this.#buffer.release(this.ledger.acknowledgedFrame)
  }

  /** A chunk was refused. @returns false when it was an empty one, which costs nothing */
  refuse(): boolean {
    if (this.#emptiesUnanswered === 0) {
      this.ledger.refused()
      return true
    }
    this.#emptiesUnanswered--
    if (this.#probing === 'empty') this.#probe('audio')
    return false
  }

  /** What time brings: the second probe, keepalives. @returns whether the connection is dead */
  tick(): boolean {
    const now = this.#clock.monotonicMs()
    if (!this.#sink) return false
    if (this.#probing !== 'no' && now - this.#probedMs >= this.#limits.emptyAckMs / EMPTY_PROBES.length) {
      if (this.#probing === 'audio') this.#sendProbe()
      else if (this.#probes < EMPTY_PROBES.length) this.#sendProbe()
      else this.#probe('audio')
    }
    const isWaiting = this.#probing !== 'no' || this.#stopping || this.ledger.hasInFlight
    if (isWaiting) return now - this.#progressMs >= this.#limits.ackTimeoutMs
    if (now - this.#audioMs >= this.#limits.idleMs && now - this.#emptyMs >= this.#limits.keepaliveMs) this.#sendEmpty()
    return false
  }

  #probe(how: 'empty' | 'audio'): void {
    this.#probing = how
    this.#probes = 0
    this.#sendProbe()
  }

  /** Audio probes go on where the last one ended, and begin with the first frames that may have to be sent again. */
  #sendProbe(): void {
    const run = this.#probing === 'audio' && this.#probes < AUDIO_PROBES ? this.#buffer.run(this.ledger.probeFrame) : null
    // what is to be read from disk first is asked for again with the next tick
    if (run && !this.#send(run.fromFrame, Math.min(this.#pieceFrames(), run.toFrame - run.fromFrame))) return
    this.#probedMs = this.#clock.monotonicMs()
    this.#probes++
    // nothing is left to send again: the position does not matter, but a sign of life does
    const empties = this.#probing === 'empty' ? (EMPTY_PROBES[this.#probes - 1] ?? 0) : run || this.#probes > AUDIO_PROBES ? 0 : 1
    for (let sent = 0; sent < empties; sent++) this.#sendEmpty()
  }

  /** From one to two times `probeMs`, scattered: how many pieces a service has taken is then known by their sum (ledger.ts, L6). */
  #pieceFrames(): number {
    const frames = this.#frames(this.#limits.probeMs)
    // multiples of the golden ratio leave no two near each other
    return frames + Math.floor(frames * ((this.#pieces++ * 0.618_033_988_75) % 1))
  }

  #sendEmpty(): void {
    this.#emptyMs = this.#clock.monotonicMs()
    this.#emptiesUnanswered++
    this.#sink?.sendEmpty()
  }

  /** @returns false when the frames are still on disk */
  #send(fromFrame: number, frames: number): boolean {
    const audio = this.#buffer.read(fromFrame, frames)
    if (!audio) return false
    const now = this.#clock.monotonicMs()
    if (!this.ledger.hasInFlight && this.#probing === 'no') this.#progressMs = now
    this.#audioMs = now
    this.#sink?.sendAudio(audio)
    this.ledger.sent(fromFrame, frames)
    this.#sentFrames = Math.max(this.#sentFrames, fromFrame + frames)
    return true
  }

  #nextRun(): FrameRun | null {
    return this.#buffer.run(this.ledger.nextFrame)
  }

  /** The bucket holds a second at most: after a stall the backlog is paced, not poured out. */
  #refill(): void {
    const now = this.#clock.monotonicMs()
    const gained = ((now - this.#refilledMs) / 1000) * this.#rate * this.#limits.replaySpeed
    this.#tokens = Math.min(this.#tokens + gained, this.#rate)
    this.#refilledMs = now
  }

  #frames(ms: number): number {
    return Math.max(1, Math.round((ms * this.#rate) / 1000))
  }
}
