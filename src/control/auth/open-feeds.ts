import { toError } from '../../core/errors.js'
import type { Clock } from '../../core/time.js'
import type { Logger } from '../../observe/logger.js'
import type { Authenticator } from './authenticator.js'
import type { Caller } from './caller.js'

/** What open feeds are looked after with. */
export interface OpenFeedsParts {
  readonly authenticator: Pick<Authenticator, 'revokedAmong'>
  readonly clock: Pick<Clock, 'nowMs' | 'every'>
  readonly logger: Logger
}

/** So often is asked whether those who read still may: well within the 5 s in which a revocation takes effect. */
const LOOK_MS = 2000

interface Feed {
  readonly caller: Pick<Caller, 'id' | 'expiresMs'>
  readonly end: () => void
}

/**
 * Answers that go on for hours, and end with the right to read them: when the key is revoked, or the link or session is over.
 * One timer and one question to the store for all of them, however many there are; no timer when there are none. While the store does not
 * answer nobody is sent away but those whose time is over.
 */
export class OpenFeeds {
  readonly #parts: OpenFeedsParts
  readonly #feeds = new Set<Feed>()
  #stop: (() => void) | null = null
  #isLooking = false
  #isStale = false

  constructor(parts: OpenFeedsParts) {
    this.#parts = parts
  }

  /** @param end called at most once @returns takes the feed out: it has ended by itself */
  add(caller: Feed['caller'], end: () => void): () => void {
    const feed: Feed = { caller, end }
    this.#feeds.add(feed)
    this.#stop ??= this.#parts.clock.every(LOOK_MS, () => void this.look())
    return () => this.#remove(feed)
  }

  /** Looks at once: a key was revoked here. One look at a time, and one more for what came meanwhile. Never rejects. */
  async look(): Promise<void> {
    const nowMs = this.#parts.clock.nowMs()
    this.#endAll(({ expiresMs }) => expiresMs !== null && expiresMs <= nowMs)
    this.#isStale = true
    if (this.#isLooking) return
    this.#isLooking = true
    while (this.#isStale) {
      this.#isStale = false
      await this.#lookOnce()
    }
    this.#isLooking = false
  }

  async #lookOnce(): Promise<void> {
    const { authenticator, logger } = this.#parts
    if (this.#feeds.size === 0) return
    try {
      const revoked = await authenticator.revokedAmong(new Set([...this.#feeds].map(({ caller }) => caller.id)))
      if (revoked.size > 0) this.#endAll(({ id }) => revoked.has(id))
    } catch (thrown) {
      logger.warn({ err: toError(thrown) }, 'keys of open feeds could not be looked up')
    }
  }

  #endAll(isOver: (caller: Feed['caller']) => boolean): void {
    for (const feed of this.#feeds) {
      if (!isOver(feed.caller)) continue
      this.#remove(feed)
      feed.end()
    }
  }

  #remove(feed: Feed): void {
    this.#feeds.delete(feed)
    if (this.#feeds.size > 0) return
    this.#stop?.()
    this.#stop = null
  }
}
