import { claimLossOf, toError, type ClaimLoss } from '../../core/errors.js'
import type { Logger } from '../../observe/logger.js'
import type { Claim, MeetingReason, MeetingState, MeetingStore } from '../../records/port.js'
import type { Patience } from './patience.js'

/** What the writes work with. */
export interface StateWritesParts {
  readonly store: Pick<MeetingStore, 'setState'>
  readonly claim: Claim
  readonly patience: Patience
  readonly logger: Logger
  /** the meeting is another process's: nothing is written any more */
  readonly isClaimLost: () => boolean
  /** a write was refused */
  readonly claimLost: (loss: ClaimLoss) => void
}

/** Writes the states of one meeting into the store, one after the other, in their order. */
export class StateWrites {
  readonly #parts: StateWritesParts
  #last: Promise<void> = Promise.resolve()

  constructor(parts: StateWritesParts) {
    this.#parts = parts
  }

  /** Never throws: a state that cannot be stored is logged. */
  write(state: MeetingState, reason: MeetingReason | null): void {
    const { store, claim, patience, logger, isClaimLost, claimLost } = this.#parts
    this.#last = this.#last
      .then(() => (isClaimLost() ? undefined : patience.run(() => store.setState(claim, state, reason))))
      .catch((thrown: unknown) => {
        const loss = claimLossOf(thrown)
        if (loss !== null) claimLost(loss)
        else logger.warn({ err: toError(thrown), state }, 'state could not be stored')
      })
  }

  /** When everything that was to be written is, or never will be. */
  settled(): Promise<void> {
    return this.#last
  }
}
