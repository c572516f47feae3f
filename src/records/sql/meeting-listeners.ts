import { toError } from '../../core/errors.js'
import type { MeetingId } from '../../core/ids.js'
import type { Logger } from '../../observe/logger.js'

/** Who in this process wants to be told something of which meeting. One that throws keeps nothing from the others. */
export class MeetingListeners<Told> {
  readonly #what: string
  readonly #logger: Logger
  readonly #all = new Map<MeetingId, Set<(told: Told) => void>>()

  /** @param what they are told, for the log */
  constructor(what: string, logger: Logger) {
    this.#what = what
    this.#logger = logger
  }

  get isEmpty(): boolean {
    return this.#all.size === 0
  }

  /** @returns takes it away again */
  add(id: MeetingId, listener: (told: Told) => void): () => void {
    const all = this.#all.get(id) ?? new Set()
    this.#all.set(id, all.add(listener))
    return () => {
      all.delete(listener)
      if (all.size === 0 && this.#all.get(id) === all) this.#all.delete(id)
    }
  }

  tell(id: MeetingId, told: Told): void {
    for (const listener of this.#all.get(id) ?? []) {
      try {
        listener(told)
      } catch (thrown) {
        this.#logger.error({ err: toError(thrown), what: this.#what }, 'listener of a live meeting failed')
      }
    }
  }
}
