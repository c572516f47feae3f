import type { Identity, TrackKey } from '../../core/ids.js'
import type { Clock } from '../../core/time.js'
import type { ParticipantRecord } from '../../records/port.js'
import type { Gap } from '../audio/span.js'
import { LATE_START_MS, USUAL_HELD_BACK_MS, type RoomEndReason, type RoomEvents } from '../room/port.js'
import { Absence } from './absence.js'
import type { Handover } from './handover.js'
import type { People } from './people.js'
import { gapOf, Refusals } from './refusals.js'
import type { Scribe } from './scribe.js'

/** Frames lie behind by less when this process keeps up. */
const LATE_MS = 1_000

/** What a listener tells of. */
export interface RoomListenerParts {
  /** true: nothing is heard before `open` */
  readonly isHeld: boolean
  readonly clock: Clock
  readonly people: People
  readonly scribe: Pick<
    Scribe,
    'meetingMs' | 'gap' | 'trackStarted' | 'trackEnded' | 'trackStalled' | 'trackResumed' | 'personLeft' | 'frame'
  >
  readonly handover: Pick<Handover, 'came' | 'heard' | 'isHandedOver'>
  /** who was there has changed */
  readonly keep: (participants: readonly ParticipantRecord[]) => void
  /** how many are in the room */
  readonly present: (count: number) => void
  readonly reconnecting: () => void
  readonly reconnected: () => void
  readonly ended: (reason: RoomEndReason, error: Error | undefined) => void
}

/** Takes in what happens in the room, over all connections of a meeting: who is there, what can be heard, and the gaps in between. */
export class RoomListener {
  readonly #parts: RoomListenerParts
  readonly #absence: Absence
  readonly #refusals: Refusals
  /** tracks that are said to deliver nothing */
  readonly #stalled = new Set<TrackKey>()
  /** tracks that are being heard */
  readonly #heard = new Map<TrackKey, Identity>()
  /** of these, what went with the last connection */
  /** heard until the connection was lost, and when each ended, meeting ms */
  #torn: readonly { readonly key: TrackKey; readonly identity: Identity; readonly untilMs: number }[] = []
  /** since when the connection is being restored, meeting ms */
  #reconnectingMs: number | null = null
  /** the bot before this one hears */
  #isWaiting: boolean
  #isPaused = false
  /** since when everybody is to be heard, meeting ms */
  #hearsSinceMs = 0
  /** tracks that could be heard, were it not for the bot before or a pause; null: neither */
  #held: Map<TrackKey, Identity> | null

  constructor(parts: RoomListenerParts) {
    this.#parts = parts
    const { clock, scribe } = parts
    this.#absence = new Absence({
      clock,
      meetingMs: () => scribe.meetingMs(),
      gap: (gap) => scribe.gap(gap),
      gone: (key) => scribe.trackEnded(key, false),
    })
    this.#refusals = new Refusals(parts.isHeld)
    this.#isWaiting = parts.isHeld
    this.#held = parts.isHeld ? new Map() : null
  }

  /** From now on everybody is heard, unless paused. */
  open(): void {
    this.#isWaiting = false
    this.#release()
  }

  /** Nobody is heard from now on: to the rest of the bot everybody has muted. */
  pause(): void {
    this.#isPaused = true
    this.#absence.pause()
    this.#writeGaps(this.#refusals.hold(this.#parts.scribe.meetingMs()))
    this.#held ??= new Map()
    for (const [key, identity] of this.#heard) {
      this.#parts.scribe.trackEnded(key, true)
      this.#held.set(key, identity)
    }
    this.#heard.clear()
  }

  /** Everybody is heard again. */
  resume(): void {
    this.#isPaused = false
    this.#absence.resume()
    this.#release()
  }

  #release(): void {
    if (this.#isPaused || this.#isWaiting) return
    const held = this.#held ?? []
    this.#held = null
    this.#hearsSinceMs = this.#parts.scribe.meetingMs()
    this.#refusals.release(this.#hearsSinceMs)
    for (const [key, identity] of held) {
      this.#trackStarted(key, identity)
      if (this.#stalled.has(key)) this.#parts.scribe.trackStalled(key)
    }
  }

  /** Events of one connection; nothing is heard of it once `signal` is aborted. */
  events(signal: AbortSignal): RoomEvents {
    const { people, scribe, keep, reconnecting, reconnected, ended } = this.#parts
    const live = (run: () => void) => {
      if (!signal.aborted) run()
    }
    return {
      participantJoined: ({ identity, name }) =>
        live(() => {
          people.joined(identity, name, scribe.meetingMs())
          this.#peopleChanged()
        }),
      participantRenamed: ({ identity, name }) =>
        live(() => {
          people.renamed(identity, name)
          keep(people.records())
        }),
      participantLeft: (identity) =>
        live(() => {
          people.left(identity, scribe.meetingMs())
          scribe.personLeft(identity)
          this.#peopleChanged()
        }),
      trackStarted: ({ key, identity }, sinceMs) =>
        live(() => {
          if (!this.#held) return this.#trackStarted(key, identity, sinceMs)
          this.#refusals.take(key)
          this.#held.set(key, identity)
          if (this.#isDeaf) this.#parts.handover.came(identity)
        }),
      trackEnded: (key, why) =>
        live(() => {
          this.#stalled.delete(key)
          const keepSeat = why === 'muted' || why === 'reconnecting' || why === 'superseded'
          const held = this.#held?.get(key)
          if (held !== undefined) {
            this.#held?.delete(key)
            // nobody has heard it since this bot was in the room, and perhaps nobody will
            if (this.#isDeaf) this.#parts.handover.heard(held)
            // a pause has ended it as a mute does
            if (!keepSeat) scribe.trackEnded(key, false)
            return
          }
          const identity = this.#heard.get(key)
          this.#heard.delete(key)
          const untilMs = this.#trackEnded(key, keepSeat)
          if (why === 'reconnecting' && identity !== undefined) this.#absence.torn(key, identity, untilMs)
        }),
      trackRefused: ({ key, identity }, why, forMs) => live(() => this.#refusals.begin(key, identity, why, scribe.meetingMs() - forMs)),
      trackRefusalEnded: (key) => live(() => this.#writeGaps(this.#refusals.end(key, scribe.meetingMs()))),
      frame: (key, samples, arrivedMs) =>
        live(() => {
          if (!this.#held) scribe.frame(key, samples, arrivedMs)
        }),
      trackStalled: (key, _why, sinceMs) =>
        live(() => {
          this.#stalled.add(key)
          if (!this.#held) scribe.trackStalled(key, sinceMs)
        }),
      trackResumed: (key) =>
        live(() => {
          this.#stalled.delete(key)
          if (!this.#held) scribe.trackResumed(key)
        }),
      reconnecting: () =>
        live(() => {
          this.#reconnectingMs ??= scribe.meetingMs()
          reconnecting()
        }),
      reconnected: () =>
        live(() => {
          this.#reconnectingMs = null
          this.#absence.back([])
          reconnected()
        }),
      ended: (reason, error) => live(() => ended(reason, error)),
    }
  }

  /**
   * The connection has ended: nobody can be heard. Whether another one follows is not known yet.
   * @param heldBackMs of sound were received by then and are lost with it
   * @returns until when everybody was heard who could be, meeting ms: before now when this process stood still and hears of the end late
   */
  disconnected(heldBackMs: number): number {
    const { scribe } = this.#parts
    this.#writeGaps(this.#refusals.endAll(scribe.meetingMs()))
    this.#missHeld()
    this.#stalled.clear()
    this.#torn = Array.from(this.#heard, ([key, identity]) => ({ key, identity, untilMs: this.#trackEnded(key, true) }))
    this.#heard.clear()
    const receivedMs = scribe.meetingMs() - Math.max(0, heldBackMs - USUAL_HELD_BACK_MS)
    return Math.min(receivedMs, ...this.#torn.map(({ untilMs }) => untilMs))
  }

  /** People can be heard, and are not before the bot before has said until when it heard (H4). */
  get #isDeaf(): boolean {
    return this.#isWaiting && !this.#isPaused
  }

  /** Whom this bot waited for to hear, it does not hear any more. */
  #missHeld(): void {
    if (this.#isDeaf) for (const identity of this.#held?.values() ?? []) this.#parts.handover.heard(identity)
    this.#held?.clear()
  }

  /** Another connection is to be made: until then everybody who was there is missed. @param sinceMs when this one ended, meeting ms */
  rejoining(sinceMs: number): void {
    if (!this.#isPaused) for (const { key, identity, untilMs } of this.#torn) this.#absence.torn(key, identity, Math.min(sinceMs, untilMs))
    this.#absence.lost(this.#present(), this.#isPaused ? null : (this.#reconnectingMs ?? sinceMs))
    this.#reconnectingMs = null
    this.#parts.people.allLeft(sinceMs)
  }

  /** @returns since when it is missed, meeting ms: now, unless this process stood still and hears of the end late */
  #trackEnded(key: TrackKey, keepSeat: boolean): number {
    const { scribe } = this.#parts
    const untilMs = scribe.trackEnded(key, keepSeat)
    const nowMs = scribe.meetingMs()
    return nowMs - untilMs > LATE_MS ? untilMs : nowMs
  }

  /** The bot is in the room, and knows who is there: who is not has left, and nobody else says so. */
  connected(): void {
    const { people, scribe } = this.#parts
    for (const { identity, leftMs } of people.records()) if (leftMs !== null) scribe.personLeft(identity)
    this.#absence.back(this.#present())
  }

  /** The meeting is left for good: everybody is gone from here. @returns until when everybody was heard who could be, as `disconnected` */
  leave(): number {
    const { people, scribe, handover, keep } = this.#parts
    people.allLeft(scribe.meetingMs())
    this.#missHeld()
    // what is missing from now on is no gap, however long the end takes
    const endsMs = Array.from(this.#heard.keys(), (key) => this.#trackEnded(key, true))
    this.#heard.clear()
    this.#writeGaps(this.#refusals.endAll(scribe.meetingMs()))
    // whoever has not come back since the connection was lost was not heard until now; after a handover another bot hears
    if (handover.isHandedOver) this.#absence.close()
    else this.#absence.end()
    keep(people.records())
    return Math.min(scribe.meetingMs(), ...endsMs)
  }

  /** @param sinceMs since when it could have been heard, monotonic ms; absent: since now, as far as this connection knows */
  #trackStarted(key: TrackKey, identity: Identity, sinceMs?: number): void {
    const { clock, handover, scribe } = this.#parts
    const nowMs = scribe.meetingMs()
    this.#heard.set(key, identity)
    const refusal = this.#refusals.take(key)
    const isTaken = handover.heard(identity)
    const isAbsent = this.#absence.heard(key, identity, refusal?.fromMs ?? nowMs)
    const isCrowded = refusal?.reason === 'over_capacity'
    // one stretch is written down once
    if (refusal && isCrowded && !isTaken) scribe.gap(gapOf(refusal, nowMs))
    const isTold = isTaken || isCrowded || (isAbsent && !refusal)
    const openMs = refusal?.fromMs ?? nowMs - (sinceMs === undefined ? 0 : clock.monotonicMs() - sinceMs)
    const openedMs = isTold ? nowMs : Math.max(openMs, this.#hearsSinceMs)
    scribe.trackStarted(key, identity, { sinceMs: openedMs, allowedMs: refusal ? 0 : LATE_START_MS })
  }

  #peopleChanged(): void {
    const { people, keep, present } = this.#parts
    keep(people.records())
    present(people.present)
  }

  #present(): readonly Identity[] {
    const there = this.#parts.people.records().filter(({ leftMs }) => leftMs === null)
    return there.map(({ identity }) => identity)
  }

  #writeGaps(gaps: readonly Gap[]): void {
    for (const gap of gaps) this.#parts.scribe.gap(gap)
  }
}
