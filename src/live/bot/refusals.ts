import type { Identity, TrackKey } from '../../core/ids.js'
import type { Gap } from '../audio/span.js'
import type { RefusalReason } from '../room/port.js'

/** Who is not heard at all although their microphone is open, why, and since when; meeting ms. */
export class Refusals {
  readonly #since = new Map<TrackKey, { readonly identity: Identity; readonly reason: RefusalReason; readonly fromMs: number }>()

  begin(key: TrackKey, identity: Identity, reason: RefusalReason, atMs: number): void {
    if (!this.#since.has(key)) this.#since.set(key, { identity, reason, fromMs: Math.max(0, atMs) })
  }

  /** @returns what was not heard; nothing when the key was not refused */
  end(key: TrackKey, atMs: number): Gap[] {
    const open = this.#since.get(key)
    this.#since.delete(key)
    if (!open) return []
    const { identity, reason, fromMs } = open
    return [{ identity, fromMs: Math.floor(fromMs), toMs: Math.ceil(Math.max(fromMs, atMs)), reason }]
  }

  /** Ends all: the room is left. */
  endAll(atMs: number): Gap[] {
    return [...this.#since.keys()].flatMap((key) => this.end(key, atMs))
  }
}
