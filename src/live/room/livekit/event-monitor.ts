import type { Clock } from '../../../core/time.js'
import type { Logger } from '../../../observe/logger.js'
import { type EventView, EventWatch, type ServerView, type Untold } from './event-watch.js'
import type { RoomTunables } from './tunables.js'

/** What the monitor needs. */
export interface EventMonitorParts {
  readonly clock: Clock
  readonly logger: Logger
  readonly tunables: Pick<RoomTunables, 'lookEveryMs' | 'confirmLookMs'>
  /** asks the server; null: it does not list this bot. It answers or fails in a bounded time */
  readonly ask: () => Promise<ServerView | null>
  /** what events have told until now */
  readonly told: () => EventView
  readonly report: (untold: Untold) => void
}

/** Feeds the EventWatch: asks the server who is in the room, and once more soon when that differs. A server that does not answer shows nothing. */
export class EventMonitor {
  readonly #parts: EventMonitorParts
  readonly #watch: EventWatch
  #cancelEvery: (() => void) | undefined
  #cancelConfirm: (() => void) | undefined
  #isAsking = false
  /** what was asked before it changed says nothing */
  #turn = 0
  #isPaused = true

  constructor(parts: EventMonitorParts) {
    this.#parts = parts
    this.#watch = new EventWatch(parts.tunables.confirmLookMs)
  }

  start(): void {
    this.resume()
    this.#cancelEvery = this.#parts.clock.every(this.#parts.tunables.lookEveryMs, () => void this.#look())
  }

  stop(): void {
    this.pause()
    this.#cancelEvery?.()
  }

  /** While the connection is restored no event is expected. */
  pause(): void {
    this.#isPaused = true
    this.#turn += 1
    this.#cancelConfirm?.()
    this.#cancelConfirm = undefined
  }

  resume(): void {
    this.#isPaused = false
    this.#watch.begin(this.#parts.clock.monotonicMs())
  }

  async #look(): Promise<void> {
    const { clock, logger, tunables, ask, told, report } = this.#parts
    if (this.#isAsking || this.#isPaused) return
    this.#isAsking = true
    const turn = this.#turn
    const askedMs = clock.monotonicMs()
    try {
      const server = await ask()
      if (turn !== this.#turn || !server) return
      const { differs, untold } = this.#watch.look(server, told(), askedMs)
      if (untold) report(untold)
      else if (differs) this.#cancelConfirm ??= clock.after(tunables.confirmLookMs, () => this.#confirm())
    } catch (thrown) {
      logger.debug({ err: thrown }, 'the server does not tell who is in the room')
    } finally {
      this.#isAsking = false
    }
  }

  #confirm(): void {
    this.#cancelConfirm = undefined
    void this.#look()
  }
}
