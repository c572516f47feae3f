import type { Identity, TrackKey } from '../../core/ids.js'
import type { Gap } from '../audio/span.js'
import type { RefusalReason } from '../room/port.js'

/** A person who is not heard at all although their microphone is open, why, and since when; meeting ms. */
export interface Refusal {
  readonly identity: Identity
  readonly reason: RefusalReason
  readonly fromMs: number
}

/** Who is not heard at all although their microphone is open. */
export class Refusals {
  readonly #open = new Map<TrackKey, Refusal>()
  /** nobody is to be heard */
  #isHeld: boolean

  constructor(isHeld: boolean) {
    this.#isHeld = isHeld
  }

  begin(key: TrackKey, identity: Identity, reason: RefusalReason, atMs: number): void {
    if (!this.#open.has(key)) this.#open.set(key, { identity, reason, fromMs: Math.max(0, atMs) })
  }

  /** Takes the refusal of a key out without writing anything down; null when there is none, or nobody is to be heard. */
  take(key: TrackKey): Refusal | null {
    const open = this.#open.get(key)
    this.#open.delete(key)
    return this.#isHeld ? null : (open ?? null)
  }

  /** @returns what was not heard; nothing when the key was not refused */
  end(key: TrackKey, atMs: number): Gap[] {
    const open = this.take(key)
    return open ? [gapOf(open, atMs)] : []
  }

  /** Ends all: the room is left. */
  endAll(atMs: number): Gap[] {
    return [...this.#open.keys()].flatMap((key) => this.end(key, atMs))
  }

  /** Nobody is to be heard from now on. @returns what was not heard until now */
  hold(atMs: number): Gap[] {
    const gaps = this.#isHeld ? [] : Array.from(this.#open.values(), (open) => gapOf(open, atMs))
    this.#isHeld = true
    return gaps
  }

  /** Everybody is to be heard from now on: who is refused is missed since now. */
  release(atMs: number): void {
    if (this.#isHeld) for (const [key, open] of this.#open) this.#open.set(key, { ...open, fromMs: atMs })
    this.#isHeld = false
  }
}

/** What was not heard until now. */
export function gapOf({ identity, reason, fromMs }: Refusal, atMs: number): Gap {
  return { identity, fromMs: Math.floor(fromMs), toMs: Math.ceil(Math.max(fromMs, atMs)), reason }
}
