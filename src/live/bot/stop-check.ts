import { backoffMs } from '../../core/backoff.js'
import { NotFoundError, toError, type ClaimLoss } from '../../core/errors.js'
import type { MeetingId } from '../../core/ids.js'
import type { Scope } from '../../core/scope.js'
import type { Clock } from '../../core/time.js'
import type { Logger } from '../../observe/logger.js'
import type { MeetingRecord, MeetingStore } from '../../records/port.js'

const BACKOFF = { firstMs: 500, maxMs: 5_000 }

/** What a stop check works with. */
export interface StopCheckParts {
  readonly clock: Clock
  readonly random: () => number
  readonly scope: Scope
  readonly logger: Logger
  readonly store: Pick<MeetingStore, 'meeting'>
  readonly id: MeetingId
  /** the meeting as it is in the store: somebody may have asked for the end, or for a pause */
  readonly seen: (meeting: MeetingRecord) => void
  /** there is no such meeting any more: it was deleted, and is purged */
  readonly claimLost: (loss: ClaimLoss) => void
}

/**
 * Asks the store whether the meeting is to end or to pause, as often as there is reason to: one look at a time, and one more for what came meanwhile.
 * A store that is away must not end the meeting, and must not keep it from ending once it is back.
 */
export class StopCheck {
  readonly #parts: StopCheckParts
  /** asked for and not answered yet */
  #open = 0

  constructor(parts: StopCheckParts) {
    this.#parts = parts
  }

  /** There is reason to look. */
  ask(): void {
    this.#open++
    if (this.#open === 1) this.#parts.scope.run('check stop', (signal) => this.#look(signal))
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { clock, random, logger, store, id, seen } = this.#parts
    for (let attempt = 0; this.#open > 0;) {
      const asked = this.#open
      try {
        seen(await store.meeting(id))
        this.#open -= asked
      } catch (thrown) {
        if (thrown instanceof NotFoundError) {
          this.#open = 0
          return this.#parts.claimLost('purged')
        }
        logger.warn({ err: toError(thrown), attempt }, 'store did not say whether the meeting is to end')
        await clock.sleep(backoffMs(BACKOFF, attempt++, random), signal)
      }
    }
  }
}
