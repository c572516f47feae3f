import type { Clock } from '../../../core/time.js'
import { StreamLedger, type AckOutcome } from './ledger.js'
import type { Limits } from './limits.js'
import { ReplayBuffer, type FrameRun } from '../spool/replay-buffer.js'

const EMPTY_PROBES = 3
const AUDIO_PROBES = 10

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
  /** audio to begin with: the uplink's own */
  readonly buffer?: ReplayBuffer
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
 * U3 What the system has not taken of one second's worth stays in the replay buffer.
 * U4 A probe is an empty chunk: its answer tells the position and doubles nothing. It is repeated twice within `emptyAckMs`, since a service
 *    may answer several chunks at once. Unanswered or undecided, pieces of `probeMs` of audio follow in the same rhythm, ten at most; a
 *    service that was seen to answer only those is asked with audio at once from then on.
 * U5 The connection is dead when something waits for an answer and the position has not moved for `ackTimeoutMs`.
 * U6 Without audio for `idleMs`, empty chunks go out every `keepaliveMs`.
 */
export class Uplink {
  readonly buffer: ReplayBuffer
  readonly ledger: StreamLedger
  readonly #rate: number
  readonly #clock: Clock
  readonly #limits: Limits
  readonly #frameBytes: number
  readonly #chunkFrames: number
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
  #stopping = false

  constructor({ channels, sampleRate, clock, limits, buffer }: UplinkParts) {
    this.#frameBytes = channels * 2
    this.#rate = sampleRate
    this.#clock = clock
    this.#limits = limits
    this.#chunkFrames = Math.max(1, Math.min(this.#frames(limits.chunkMs), Math.floor(limits.maxFrameBytes / this.#frameBytes)))
    this.buffer = buffer ?? new ReplayBuffer(channels, limits.bufferBytes)
    this.ledger = new StreamLedger(this.#frameBytes)
  }

  /** frames that no connection has acknowledged */
  get unacknowledged(): FrameRun | null {
    const fromFrame = Math.max(this.ledger.acknowledgedFrame, this.buffer.startFrame)
    return fromFrame < this.buffer.endFrame ? { fromFrame, toFrame: this.buffer.endFrame } : null
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
    return this.ledger.connect()
  }

  detach(): void {
    this.#sink = null
    this.#probing = 'no'
  }

  probe(): void {
    this.#probe(this.#answersEmpty ? 'empty' : 'audio')
  }

  /** Sends what may be sent now. @param all also a last chunk that is not whole */
  pump(all: boolean): Pumped {
    this.#refill()
    let from = this.#nextFrame()
    while (this.#sink && this.buffer.endFrame > from) {
      const frames = Math.min(this.#chunkFrames, this.buffer.endFrame - from)
      if (frames < this.#chunkFrames && !all) break
      if (this.#tokens < frames || this.#sink.queuedBytes > this.#frames(this.#limits.maxQueuedMs) * this.#frameBytes) break
      this.#send(from, frames)
      this.#tokens -= frames
      from += frames
    }
    const waiting = this.buffer.endFrame - this.#nextFrame()
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
    }
    if (outcome.kind === 'progress' || outcome.kind === 'resumed') {
      this.#progressMs = this.#clock.monotonicMs()
      this.buffer.release(this.ledger.acknowledgedFrame)
    }
    return outcome
  }

  /** The service says that it has `seconds` of audio. Within a rounding of everything sent it means everything. */
  confirmDuration(seconds: number): AckOutcome {
    const position = seconds * this.#rate
    const isAll = Math.abs(position - this.ledger.sentPosition) <= this.#frames(20)
    const outcome = this.ledger.confirm(isAll ? this.ledger.sentPosition : position)
    if (outcome.kind === 'progress') this.buffer.release(this.ledger.acknowledgedFrame)
    return outcome
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
    if (this.#probing !== 'no' && now - this.#probedMs >= this.#limits.emptyAckMs / EMPTY_PROBES) {
      if (this.#probing === 'audio') this.#sendProbe()
      else if (this.#probes < EMPTY_PROBES) this.#sendProbe()
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
    this.#probedMs = this.#clock.monotonicMs()
    this.#probes++
    if (this.#probing === 'empty') return this.#sendEmpty()
    const from = Math.max(this.ledger.probeFrame, this.buffer.startFrame)
    const frames = Math.min(this.#frames(this.#limits.probeMs), this.buffer.endFrame - from)
    if (this.#probes > AUDIO_PROBES) return
    if (frames > 0) this.#send(from, frames)
    // nothing is left to send again: the position does not matter, but a sign of life does
    else this.#sendEmpty()
  }

  #sendEmpty(): void {
    this.#emptyMs = this.#clock.monotonicMs()
    this.#emptiesUnanswered++
    this.#sink?.sendEmpty()
  }

  #send(fromFrame: number, frames: number): void {
    const now = this.#clock.monotonicMs()
    if (!this.ledger.hasInFlight && this.#probing === 'no') this.#progressMs = now
    this.#audioMs = now
    this.#sink?.sendAudio(this.buffer.read(fromFrame, frames))
    this.ledger.sent(fromFrame, frames)
  }

  #nextFrame(): number {
    return Math.max(this.ledger.nextFrame, this.buffer.startFrame)
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
