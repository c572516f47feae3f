import type { Identity, TrackKey } from '../../core/ids.js'
import type { Clock } from '../../core/time.js'
import type { Gap } from '../audio/span.js'

/**
 * Whoever was heard before, and can be heard within this of the bot's return, has gone on speaking for all that is known. Their own
 * connections may have been lost too: people came back up to 7.4 s after a server was killed and restarted.
 */
const BACK_WITHIN_MS = 15_000
/** Whoever was not heard before, and can be heard within this of the bot's return, had their microphone open when it came in. */
const OPEN_WITHIN_MS = 2_500

/** What an absence works with. */
export interface AbsenceParts {
  readonly clock: Pick<Clock, 'after'>
  readonly meetingMs: () => number
  readonly gap: (gap: Gap) => void
  /** a track that was heard before is not there any more, for all that is known */
  readonly gone: (key: TrackKey) => void
}

/**
 * What nobody heard while the connection to the room was away: for each person as long as they may have been missed, and no longer.
 * N1 Whoever was heard before is missed until they can be heard again; whoever cannot soon after the bot's return has muted or left
 *    meanwhile, and is missed until the return.
 * N2 Whoever was in the room and not heard may have unmuted, and whoever is found there on the return may have come at any time: they are
 *    missed until the return, and whose microphone is open then until they can be heard.
 * N3 Whoever had left before and is not found there is not missed, nor is anybody while nobody is to be heard.
 * N4 While the same connection is restored only the torn tracks are missed: what else changed is told afterwards.
 */
export class Absence {
  readonly #parts: AbsenceParts
  /** heard before, and not since; meeting ms */
  readonly #torn = new Map<TrackKey, { readonly identity: Identity; readonly fromMs: number }>()
  /** there is no connection: who was in the room, whose stretch is written down already; `fromMs` null: nobody is to be heard */
  #lost: { readonly there: ReadonlySet<Identity>; readonly told: Set<Identity>; readonly fromMs: number | null } | null = null
  /** since when the bot is back, and who was not heard until then */
  #back: { readonly atMs: number; readonly quiet: Set<Identity> } | null = null
  #cancel: (() => void) | null = null

  constructor(parts: AbsenceParts) {
    this.#parts = parts
  }

  /** A track that was heard went with its connection. */
  torn(key: TrackKey, identity: Identity, fromMs: number): void {
    this.#left()
    if (!this.#torn.has(key)) this.#torn.set(key, { identity, fromMs })
  }

  /** The connection is lost, and another one is to be made. @param there who was in the room @param fromMs null: nobody is to be heard */
  lost(there: readonly Identity[], fromMs: number | null): void {
    this.#left()
    this.#lost ??= { there: new Set(there), told: new Set(), fromMs }
  }

  /** The connection stands again. @param there who is in the room */
  back(there: readonly Identity[]): void {
    const atMs = this.#parts.meetingMs()
    this.#back = { atMs, quiet: this.#tellQuiet(there, atMs) }
    this.#lost = null
    this.#cancel?.()
    this.#cancel = this.#torn.size === 0 ? null : this.#parts.clock.after(BACK_WITHIN_MS, () => this.#tellTorn(atMs))
  }

  /**
   * Somebody can be heard.
   * @param untilMs what they were missed for from there on is written down by the caller, meeting ms
   * @returns whether it is written down that they were missed until then
   */
  heard(key: TrackKey, identity: Identity, untilMs: number): boolean {
    const torn = this.#torn.get(key)
    const lost = this.#lost
    const back = this.#back
    this.#torn.delete(key)
    const isTold = this.#tellHeard(identity, untilMs, torn?.fromMs)
    lost?.told.add(identity)
    back?.quiet.delete(identity)
    return isTold
  }

  #tellHeard(identity: Identity, untilMs: number, tornMs: number | undefined): boolean {
    if (tornMs !== undefined) this.#tell(identity, tornMs, untilMs)
    else if (this.#lost) return this.#tellQuiet([identity], untilMs, []).size > 0
    else if (this.#back?.quiet.has(identity) && this.#parts.meetingMs() - this.#back.atMs <= OPEN_WITHIN_MS)
      this.#tell(identity, this.#back.atMs, untilMs)
    else return false
    return true
  }

  /** Nobody is to be heard from now on. */
  pause(): void {
    const lost = this.#lost
    this.end()
    if (lost) this.#lost = { ...lost, fromMs: null }
  }

  /** Everybody is to be heard again. */
  resume(): void {
    if (this.#lost?.fromMs === null) this.#lost = { ...this.#lost, told: new Set(), fromMs: this.#parts.meetingMs() }
  }

  /** The meeting is left: whoever is missed was missed until now. */
  end(): void {
    const nowMs = this.#parts.meetingMs()
    this.#tellQuiet([], nowMs)
    this.#tellTorn(this.#back?.atMs ?? nowMs)
    this.close()
  }

  /** Forgets everything: another bot hears. */
  close(): void {
    this.#left()
    this.#torn.clear()
    this.#lost = null
  }

  /** It is not back any more. */
  #left(): void {
    this.#cancel?.()
    this.#cancel = null
    this.#back = null
  }

  /** Of everybody who was not heard and is not written down yet. @returns whom that was */
  #tellQuiet(there: readonly Identity[], toMs: number, before: Iterable<Identity> = this.#lost?.there ?? []): Set<Identity> {
    const { fromMs = null, told } = this.#lost ?? {}
    if (fromMs === null) return new Set()
    const quiet = [...before, ...there].filter((identity) => !told?.has(identity) && !this.#isTorn(identity))
    for (const identity of new Set(quiet)) this.#tell(identity, fromMs, toMs)
    return new Set(quiet)
  }

  #isTorn(identity: Identity): boolean {
    return [...this.#torn.values()].some((torn) => torn.identity === identity)
  }

  #tellTorn(toMs: number): void {
    for (const [key, { identity, fromMs }] of this.#torn) {
      this.#tell(identity, fromMs, toMs)
      this.#parts.gone(key)
    }
    this.#torn.clear()
  }

  #tell(identity: Identity, fromMs: number, toMs: number): void {
    const gap = { fromMs: Math.round(fromMs), toMs: Math.round(toMs) }
    if (gap.toMs > gap.fromMs) this.#parts.gap({ identity, ...gap, reason: 'reconnecting' })
  }
}
