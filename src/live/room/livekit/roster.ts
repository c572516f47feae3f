import { assertNever } from '../../../core/errors.js'
import type { Identity } from '../../../core/ids.js'
import type { RoomParticipant } from '../port.js'

/**
 * Who is in the room, told apart from who is only out of sight. Pure: events in, actions out.
 *
 * R1 a departure with a reason is reported at once; one without is held for `holdMs`, since a full reconnect tears
 *    everybody down up to that long before it says so
 * R2 whoever comes back while held never left: no action but a changed name
 * R3 from `reconnecting` on nobody is reported as left; `reconnected` gives the absent `graceMs`
 */
export type RosterEvent =
  | { readonly kind: 'joined'; readonly participant: RoomParticipant }
  | { readonly kind: 'renamed'; readonly participant: RoomParticipant }
  | { readonly kind: 'left'; readonly identity: Identity; readonly certain: boolean }
  | { readonly kind: 'reconnecting' }
  | { readonly kind: 'reconnected' }
  | { readonly kind: 'tick' }

/** What the driver reports to the consumer, in this order. */
export type RosterAction =
  | { readonly kind: 'joined' | 'renamed'; readonly participant: RoomParticipant }
  | { readonly kind: 'left'; readonly identity: Identity }

/** ms */
export interface RosterTimes {
  readonly holdMs: number
  readonly graceMs: number
}

interface Member {
  name: string
  /** undefined: present; otherwise monotonic ms at which the absence becomes a departure (Infinity: while reconnecting) */
  leavesAtMs: number | undefined
}

/** The people of one connection. */
export class Roster {
  readonly #times: RosterTimes
  readonly #members = new Map<Identity, Member>()
  #reconnecting = false

  constructor(times: RosterTimes) {
    this.#times = times
  }

  /** Whether the identity was reported as joined and not as left. */
  has(identity: Identity): boolean {
    return this.#members.has(identity)
  }

  /** Whether the identity is known and out of sight. */
  isAbsent(identity: Identity): boolean {
    return this.#members.get(identity)?.leavesAtMs !== undefined
  }

  /** Those who are known and in sight. */
  get present(): readonly Identity[] {
    return [...this.#members].flatMap(([identity, { leavesAtMs }]) => (leavesAtMs === undefined ? [identity] : []))
  }

  /** monotonic ms of the next departure to report; Infinity when nobody is held */
  get deadlineMs(): number {
    let deadline = Infinity
    for (const { leavesAtMs } of this.#members.values()) deadline = Math.min(deadline, leavesAtMs ?? Infinity)
    return deadline
  }

  apply(event: RosterEvent, nowMs: number): RosterAction[] {
    switch (event.kind) {
      case 'joined':
        return this.#joined(event.participant)
      case 'renamed':
        return this.#renamed(event.participant)
      case 'left':
        return this.#left(event.identity, event.certain, nowMs)
      case 'reconnecting':
        this.#reconnecting = true
        this.#holdUntil(Infinity)
        return []
      case 'reconnected':
        this.#reconnecting = false
        this.#holdUntil(nowMs + this.#times.graceMs)
        return []
      case 'tick':
        return this.#due(nowMs)
      default:
        return assertNever(event)
    }
  }

  #joined(participant: RoomParticipant): RosterAction[] {
    const member = this.#members.get(participant.identity)
    if (!member) {
      this.#members.set(participant.identity, { name: participant.name, leavesAtMs: undefined })
      return [{ kind: 'joined', participant }]
    }
    member.leavesAtMs = undefined
    return this.#renamed(participant)
  }

  #renamed(participant: RoomParticipant): RosterAction[] {
    const member = this.#members.get(participant.identity)
    if (!member || member.name === participant.name) return []
    member.name = participant.name
    return [{ kind: 'renamed', participant }]
  }

  #left(identity: Identity, certain: boolean, nowMs: number): RosterAction[] {
    const member = this.#members.get(identity)
    if (!member) return []
    if (certain) {
      this.#members.delete(identity)
      return [{ kind: 'left', identity }]
    }
    member.leavesAtMs ??= this.#reconnecting ? Infinity : nowMs + this.#times.holdMs
    return []
  }

  #holdUntil(leavesAtMs: number): void {
    for (const member of this.#members.values()) {
      if (member.leavesAtMs !== undefined) member.leavesAtMs = leavesAtMs
    }
  }

  #due(nowMs: number): RosterAction[] {
    const actions: RosterAction[] = []
    for (const [identity, { leavesAtMs }] of this.#members) {
      if (leavesAtMs === undefined || leavesAtMs > nowMs) continue
      this.#members.delete(identity)
      actions.push({ kind: 'left', identity })
    }
    return actions
  }
}

/** A participant as the port reports it. */
export function asRoomParticipant(identity: Identity, name: string | undefined): RoomParticipant {
  return { identity, name: name === undefined || name === '' ? identity : name }
}
