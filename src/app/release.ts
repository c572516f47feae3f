import { backoffMs } from '../core/backoff.js'
import { ClaimLostError } from '../core/errors.js'
import type { MeetingId } from '../core/ids.js'
import { atMost } from '../core/within.js'
import type { BotDeps } from '../live/bot/bot.js'
import type { MeetingBot } from '../live/bot/meeting-bot.js'
import { LastingFault } from '../observe/lasting-fault.js'

/** Between two tries: so long, and by chance up to 3 s more, since all meetings of a process ask at once. */
const WAIT_MS = 500
const BACKOFF = { firstMs: 500, maxMs: 3_000 }
/** The job of the meeting goes back to the queue after so long at the latest: a store that hangs does not hold it. */
const FIRST_TRY_MS = 1_000

/** What releasing works with. */
export type ReleaseParts = Pick<BotDeps, 'clock' | 'logger' | 'random'>

/**
 * Offers the meeting of a bot to other processes: the store is asked until it has taken that, or there is nothing to take over. A store
 * that is away just then ends no meeting.
 */
export class Release {
  readonly #parts: ReleaseParts
  readonly #id: MeetingId
  readonly #bot: Pick<MeetingBot, 'release' | 'checkClaim'>
  readonly #enough: AbortSignal
  #first: Promise<void> | null = null

  /** @param enough aborted: the meeting is over, or is about to be ended here */
  constructor(parts: ReleaseParts, id: MeetingId, bot: Pick<MeetingBot, 'release' | 'checkClaim'>, enough: AbortSignal) {
    this.#parts = parts
    this.#id = id
    this.#bot = bot
    this.#enough = enough
  }

  /** Begins once, however often it is called. @returns when the first try is over, within a second; the others go on by themselves */
  begin(): Promise<void> {
    this.#first ??= this.#begin()
    return atMost(this.#parts.clock, FIRST_TRY_MS, this.#first)
  }

  async #begin(): Promise<void> {
    const logger = this.#parts.logger.child({ meeting: this.#id })
    const fault = new LastingFault(
      { clock: this.#parts.clock, logger },
      {
        failed: 'meeting could not be released: the store is asked again',
        lasts: 'meeting has not been released for a minute: no other process can take it',
        over: 'meeting could be released in the end',
      },
    )
    if (!(await this.#try(fault))) void this.#again(fault)
  }

  async #again(fault: LastingFault): Promise<void> {
    const { clock, random } = this.#parts
    for (let attempt = 0; !this.#enough.aborted; attempt++) {
      await clock.sleep(WAIT_MS + backoffMs(BACKOFF, attempt, random), this.#enough).catch(() => undefined)
      if (this.#enough.aborted || (await this.#try(fault))) return
    }
  }

  /** @returns whether there is nothing more to ask for */
  async #try(fault: LastingFault): Promise<boolean> {
    try {
      const isReleased = await this.#bot.release()
      if (isReleased) fault.worked()
      return true
    } catch (thrown) {
      if (!(thrown instanceof ClaimLostError)) {
        fault.failed(thrown)
        return false
      }
      // taken without, or by whoever saw a release whose answer was lost
      this.#bot.checkClaim()
      return true
    }
  }
}
