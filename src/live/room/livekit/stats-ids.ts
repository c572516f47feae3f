import type { RemoteAudioTrack } from '@livekit/rtc-node'
import type { TrackKey } from '../../../core/ids.js'

/** Asks under which id the statistics list what is received of a track; undefined: nothing has come yet. */
export type StatsIdOf = (track: RemoteAudioTrack, signal: AbortSignal) => Promise<string | undefined>

interface Sought {
  readonly track: RemoteAudioTrack
  readonly closing: AbortController
  id: string | undefined
  isAsked: boolean
}

/** Which open track is which in the statistics of a connection: these list tracks by an id that the library gives to nobody but the track itself. */
export class StatsIds {
  readonly #statsIdOf: StatsIdOf
  readonly #onError: (error: unknown) => void
  readonly #tracks = new Map<TrackKey, Sought>()

  constructor(statsIdOf: StatsIdOf, onError: (error: unknown) => void) {
    this.#statsIdOf = statsIdOf
    this.#onError = onError
  }

  opened(key: TrackKey, track: RemoteAudioTrack): void {
    this.closed(key)
    this.#tracks.set(key, { track, closing: new AbortController(), id: undefined, isAsked: false })
  }

  closed(key: TrackKey): void {
    this.#tracks.get(key)?.closing.abort()
    this.#tracks.delete(key)
  }

  /** Asks for the ids that are not known yet, each once at a time. */
  seek(): void {
    for (const sought of this.#tracks.values()) if (sought.id === undefined && !sought.isAsked) void this.#ask(sought)
  }

  /** Ends all asking. */
  stop(): void {
    for (const key of this.#tracks.keys()) this.closed(key)
  }

  /** What belongs to each open track, of a list by id. */
  pick<Entry extends { readonly id: string }>(entries: readonly Entry[]): Map<TrackKey, Entry> {
    const byId = new Map(entries.map((entry) => [entry.id, entry]))
    const picked = new Map<TrackKey, Entry>()
    for (const [key, { id }] of this.#tracks) {
      const entry = id === undefined ? undefined : byId.get(id)
      if (entry) picked.set(key, entry)
    }
    return picked
  }

  async #ask(sought: Sought): Promise<void> {
    sought.isAsked = true
    try {
      sought.id = await this.#statsIdOf(sought.track, sought.closing.signal)
    } catch (thrown) {
      if (!sought.closing.signal.aborted) this.#onError(thrown)
    } finally {
      sought.isAsked = false
    }
  }
}
