import type { AudioSourceKind, Identity } from '../../../core/ids.js'

/** An open microphone, or shared sound, that the server lists. */
export interface OpenTrack {
  readonly sid: string
  readonly identity: Identity
  readonly name: string
  readonly source: AudioSourceKind
}

/** A room as its server lists it. */
export interface ServerView {
  readonly people: ReadonlySet<Identity>
  readonly open: readonly OpenTrack[]
}

/** The same room as the library's events tell it. */
export interface EventView {
  readonly people: readonly Identity[]
  readonly isOpen: (sid: string) => boolean
}

/** What the server lists and no event told. */
export interface Untold {
  /** `sinceMs`: the last look that did not list it, monotonic ms */
  readonly open: readonly (OpenTrack & { readonly sinceMs: number })[]
  readonly gone: readonly Identity[]
}

/** What a look showed. */
export interface Look {
  /** something differs, as it does for a moment when an event is on its way */
  readonly differs: boolean
  /** it has differed for so long that no event of it is on its way; null: it has not */
  readonly untold: Untold | null
}

interface Difference {
  readonly seenMs: number
  readonly sinceMs: number
}

/**
 * Notices that a connection hears nothing of its room any more, although its media and its keep-alive go on: the server lists open
 * microphones, or has lost people, of whom no event told. Pure; monotonic ms in.
 */
export class EventWatch {
  readonly #confirmMs: number
  readonly #differences = new Map<string, Difference>()
  #lookedMs = Number.NaN

  /** @param confirmMs an event takes less */
  constructor(confirmMs: number) {
    this.#confirmMs = confirmMs
  }

  /** From now on events tell everything; nothing is known of before. */
  begin(nowMs: number): void {
    this.#differences.clear()
    this.#lookedMs = nowMs
  }

  /** @param askedMs when the server was asked: its answer was true some time after */
  look(server: ServerView, events: EventView, askedMs: number): Look {
    const open = server.open.filter(({ sid }) => !events.isOpen(sid))
    const gone = events.people.filter((identity) => !server.people.has(identity))
    const keys = new Set([...open.map(({ sid }) => `open ${sid}`), ...gone.map((identity) => `gone ${identity}`)])
    for (const key of this.#differences.keys()) if (!keys.has(key)) this.#differences.delete(key)
    for (const key of keys) {
      if (!this.#differences.has(key)) this.#differences.set(key, { seenMs: askedMs, sinceMs: this.#lookedMs })
    }
    this.#lookedMs = askedMs
    const isCertain = [...this.#differences.values()].some(({ seenMs }) => askedMs - seenMs >= this.#confirmMs)
    const withTimes = open.map((track) => ({ ...track, sinceMs: this.#differences.get(`open ${track.sid}`)?.sinceMs ?? askedMs }))
    return { differs: keys.size > 0, untold: isCertain ? { open: withTimes, gone } : null }
  }
}
