import { toError } from '../../core/errors.js'
import type { Scope } from '../../core/scope.js'
import type { Logger } from '../../observe/logger.js'
import type { RoomConnection } from '../room/port.js'

/** What a pause acts on. */
export interface PauseParts {
  readonly listener: { pause(): void; resume(): void }
  /** whether the speech session is to be closed as soon as what was said before is sent */
  readonly rest: (isResting: boolean) => void
  readonly connection: () => RoomConnection | null
  readonly scope: Scope
  readonly logger: Logger
}

/** Whether a meeting is paused: nobody is heard then, nothing is sent, and the people in the room see it at the bot's name. */
export class Pause {
  readonly #parts: PauseParts
  #isPaused = false
  #isShown = false

  constructor(parts: PauseParts) {
    this.#parts = parts
  }

  /** What the store says; the same again changes nothing. */
  set(isPaused: boolean): void {
    if (isPaused === this.#isPaused) return
    this.#isPaused = isPaused
    const { listener, rest, logger } = this.#parts
    logger.info({ isPaused }, isPaused ? 'meeting is paused' : 'meeting is resumed')
    if (isPaused) listener.pause()
    else listener.resume()
    rest(isPaused)
    this.show()
  }

  /** Shows it in the room; to be called after each join, too. */
  show(): void {
    const { connection, scope, logger } = this.#parts
    const room = connection()
    const isPaused = this.#isPaused
    if (room === null || (!isPaused && !this.#isShown)) return
    this.#isShown = isPaused
    scope.run('show pause', () =>
      room.showPaused(isPaused).catch((thrown: unknown) => logger.warn({ err: toError(thrown) }, 'pause could not be shown in the room')),
    )
  }
}
