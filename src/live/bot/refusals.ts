import type { Identity, TrackKey } from '../../core/ids.js'
import type { Gap } from '../audio/span.js'

/** Who is not heard because the process hears as many tracks as it may, and since when; meeting ms. */
export class Refusals {
  readonly #since = new Map<TrackKey, { readonly identity: Identity; readonly fromMs: number }>()

  begin(key: TrackKey, identity: Identity, atMs: number): void {
    if (!this.#since.has(key)) this.#since.set(key, { identity, fromMs: atMs })
  }

  /** @returns what was not heard; nothing when the key was not refused */
  end(key: TrackKey, atMs: number): Gap[] {
    const open = this.#since.get(key)
    this.#since.delete(key)
    if (!open) return []
    const { identity, fromMs } = open
    return [{ identity, fromMs: Math.floor(fromMs), toMs: Math.ceil(Math.max(fromMs, atMs)), reason: 'over_capacity' }]
  }

  /** Ends all: the room is left. */
  endAll(atMs: number): Gap[] {
    return [...this.#since.keys()].flatMap((key) => this.end(key, atMs))
  }
}
