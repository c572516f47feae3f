import { deferred } from '../../src/core/deferred.js'
import { StateError } from '../../src/core/errors.js'
import { type AudioSourceKind, asIdentity, type Identity, type TrackKey, trackKey } from '../../src/core/ids.js'
import type { Caption, JoinOptions, RefusalReason, RoomConnection, RoomEndReason, RoomEvents, RoomPort } from '../../src/live/room/port.js'

type TrackEnd = Parameters<RoomEvents['trackEnded']>[1]

/** One join of a FakeRoom: the test says what happens in the room, and reads what the bot did. */
export class FakeRoomConnection implements RoomConnection {
  readonly options: JoinOptions
  readonly captions: Caption[] = []
  /** what was shown of pauses, in order */
  readonly pauses: boolean[] = []
  heldBackMs = 0
  ended: RoomEndReason | undefined
  closes = 0
  readonly #events: RoomEvents
  readonly #started = new Set<TrackKey>()
  readonly #refused = new Set<TrackKey>()
  readonly #present = new Set<Identity>()

  constructor(options: JoinOptions, events: RoomEvents) {
    this.options = options
    this.#events = events
  }

  /** keys that were started and not ended */
  get started(): readonly TrackKey[] {
    return [...this.#started]
  }

  participant(identity: string, name = identity): void {
    this.#present.add(asIdentity(identity))
    this.#emit((events) => events.participantJoined({ identity: asIdentity(identity), name }))
  }

  rename(identity: string, name: string): void {
    this.#emit((events) => events.participantRenamed({ identity: asIdentity(identity), name }))
  }

  /** The participant's tracks end first, as the port promises. */
  leave(identity: string): void {
    for (const source of ['microphone', 'screenshare'] as const) {
      const key = trackKey(asIdentity(identity), source)
      if (this.#started.has(key)) this.stop(identity, 'left', source)
      this.withdraw(key)
    }
    this.#present.delete(asIdentity(identity))
    this.#emit((events) => events.participantLeft(asIdentity(identity)))
  }

  /** @param sinceMs monotonic ms since when its microphone is open; absent: now */
  start(identity: string, source: AudioSourceKind = 'microphone', sinceMs?: number): TrackKey {
    const id = asIdentity(identity)
    const key = trackKey(id, source)
    if (!this.#present.has(id)) this.participant(identity)
    this.#refused.delete(key)
    this.#started.add(key)
    this.#emit((events) => events.trackStarted({ key, identity: id, source }, sinceMs))
    return key
  }

  stop(identity: string, why: TrackEnd, source: AudioSourceKind = 'microphone'): void {
    const key = trackKey(asIdentity(identity), source)
    this.#started.delete(key)
    this.#emit((events) => events.trackEnded(key, why))
  }

  /** The person's unmuted track cannot be heard; `withdraw`, `start` or `leave` ends that. */
  refuse(identity: string, why: RefusalReason = 'over_capacity', forMs = 0): TrackKey {
    const source = 'microphone'
    const id = asIdentity(identity)
    const key = trackKey(id, source)
    if (!this.#present.has(id)) this.participant(identity)
    this.#refused.add(key)
    this.#emit((events) => events.trackRefused({ key, identity: id, source }, why, forMs))
    return key
  }

  /** The refusal ends, without the track being heard: it was muted, or is gone. */
  withdraw(key: TrackKey): void {
    if (this.#refused.delete(key)) this.#emit((events) => events.trackRefusalEnded(key))
  }

  /** @param samples given to the bot as they are: the test lets go of them */
  frame(key: TrackKey, samples: Int16Array, arrivedMs: number): void {
    if (!this.#started.has(key)) throw new StateError(`no frames of a track that is not started: ${key}`)
    this.#emit((events) => events.frame(key, samples, arrivedMs))
  }

  stall(key: TrackKey, why: 'no_frames' | 'no_packets' = 'no_frames', sinceMs?: number): void {
    this.#emit((events) => events.trackStalled(key, why, sinceMs))
  }

  resume(key: TrackKey): void {
    this.#emit((events) => events.trackResumed(key))
  }

  /** The connection is torn: every started track ends with `reconnecting` unless `resume` (audio unbroken). */
  reconnecting(kind: 'full' | 'resume' = 'full'): void {
    this.#emit((events) => events.reconnecting())
    if (kind === 'resume') return
    for (const key of this.started) {
      this.#started.delete(key)
      this.#emit((events) => events.trackEnded(key, 'reconnecting'))
    }
  }

  reconnected(): void {
    this.#emit((events) => events.reconnected())
  }

  /** The connection ends; no teardown events come before it, as with a real server. */
  end(reason: RoomEndReason, error?: Error): void {
    if (this.ended) return
    this.ended = reason
    if (error) this.#events.ended(reason, error)
    else this.#events.ended(reason)
  }

  showPaused(isPaused: boolean): Promise<void> {
    this.pauses.push(isPaused)
    return Promise.resolve()
  }

  caption(caption: Caption): Promise<void> {
    if (!this.ended) this.captions.push(caption)
    return Promise.resolve()
  }

  close(): Promise<void> {
    this.closes += 1
    this.end('left')
    return Promise.resolve()
  }

  /** Like the real one: an exception of the consumer ends this connection with `fault`. */
  #emit(call: (events: RoomEvents) => void): void {
    if (this.ended) return
    try {
      call(this.#events)
    } catch (thrown) {
      this.end('fault', thrown instanceof Error ? thrown : new Error(String(thrown)))
    }
  }
}

/** A RoomPort without a room: joins succeed at once unless told otherwise, and everything else is scripted. */
export class FakeRoom implements RoomPort {
  readonly connections: FakeRoomConnection[] = []
  /** every join that was asked for, also those that failed */
  readonly joins: JoinOptions[] = []
  #failures: Error[] = []
  #gate: Promise<void> | undefined
  #endsEarly: RoomEndReason | undefined

  /** the newest connection; throws when nobody joined */
  get connection(): FakeRoomConnection {
    const connection = this.connections.at(-1)
    if (!connection) throw new StateError('nobody joined')
    return connection
  }

  /** The next joins fail with these errors, one each. */
  failJoins(...errors: Error[]): void {
    this.#failures.push(...errors)
  }

  /** Joins succeed again. */
  healJoins(): void {
    this.#failures = []
  }

  /** The connection of the next join ends before the room is entered. */
  endNextJoin(reason: RoomEndReason): void {
    this.#endsEarly = reason
  }

  /** Joins wait until the returned function is called. */
  holdJoins(): () => void {
    const gate = deferred()
    this.#gate = gate.promise
    return () => {
      this.#gate = undefined
      gate.resolve()
    }
  }

  async join(options: JoinOptions, events: RoomEvents, signal: AbortSignal): Promise<RoomConnection> {
    this.joins.push(options)
    signal.throwIfAborted()
    await this.#gate
    signal.throwIfAborted()
    const early = this.#endsEarly
    this.#endsEarly = undefined
    if (early) {
      events.ended(early)
      signal.throwIfAborted()
    }
    const failure = this.#failures.shift()
    if (failure) throw failure
    const connection = new FakeRoomConnection(options, events)
    this.connections.push(connection)
    return connection
  }
}
