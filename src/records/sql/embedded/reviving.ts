import { backoffMs } from '../../../core/backoff.js'
import { deferred } from '../../../core/deferred.js'
import { toError, UpstreamError } from '../../../core/errors.js'
import type { Clock } from '../../../core/time.js'
import type { Logger } from '../../../observe/logger.js'
import { isFatal } from '../failures.js'
import type { PgNotification, PgResult } from '../pool-like.js'
import type { Session } from './pool.js'

/** One life of the database: a thread with one session. */
export interface Incarnation extends Session {
  /** resolves when it ended by itself */
  readonly death: Promise<Error>
  /** Ends it at once, refusing what waits for an answer. */
  kill(error: Error): Promise<void>
  close(): Promise<void>
}

const RETRY = { firstMs: 250, maxMs: 2_000 }
/** A statement without an answer for so long hangs: PGlite stops answering after a write to its log failed. */
const HANG_MS = 60_000

const away = () =>
  new UpstreamError('database_unreachable', 'the embedded database is being opened again', { service: 'database', retryable: true })

/**
 * The session of an embedded database that outlives it. PostgreSQL ends when it cannot write its log (a full disk); a server is then
 * started again by its supervisor. R1 an error that ended the database, or no answer for a minute, is its death: what waits is refused.
 * R2 it is opened again, with growing waits up to 2 s, until that works; what was acknowledged is in its log. R3 meanwhile every statement
 * is refused as `database_unreachable`.
 */
export class Reviving implements Session {
  readonly #start: () => Promise<Incarnation>
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #over = new AbortController()
  readonly #notified: ((message: PgNotification) => void)[] = []
  readonly #died: ((error: Error) => void)[] = []
  #current: Incarnation | null = null
  #reviving: Promise<void> = Promise.resolve()

  private constructor(start: () => Promise<Incarnation>, clock: Clock, logger: Logger) {
    this.#start = start
    this.#clock = clock
    this.#logger = logger
  }

  /** @param start begins one life. @throws what it throws the first time */
  static async open(start: () => Promise<Incarnation>, clock: Clock, logger: Logger): Promise<Reviving> {
    const reviving = new Reviving(start, clock, logger)
    reviving.#take(await start())
    return reviving
  }

  /** Told of each death, before anything of the next life. */
  onDeath(listener: (error: Error) => void): void {
    this.#died.push(listener)
  }

  async query<Row>(text: string, values?: readonly unknown[]): Promise<PgResult<Row>> {
    const current = this.#current
    if (!current) throw away()
    const cancel = this.#clock.after(HANG_MS, () => this.#bury(current, new Error(`no answer for ${HANG_MS} ms`)))
    try {
      return await current.query<Row>(text, values)
    } catch (thrown) {
      if (isFatal(thrown)) this.#bury(current, toError(thrown))
      throw thrown
    } finally {
      cancel()
    }
  }

  transactionStatus(): 'I' | 'T' | 'E' | null {
    return this.#current ? this.#current.transactionStatus() : 'I'
  }

  onNotification(listener: (message: PgNotification) => void): void {
    this.#notified.push(listener)
  }

  async close(): Promise<void> {
    this.#over.abort(new Error('closed'))
    await this.#reviving
    await this.#current?.close()
  }

  #take(incarnation: Incarnation): void {
    this.#current = incarnation
    incarnation.onNotification((message) => {
      for (const listener of this.#notified) listener(message)
    })
    void incarnation.death.then((error) => this.#bury(incarnation, error))
  }

  #bury(incarnation: Incarnation, error: Error): void {
    if (this.#current !== incarnation || this.#over.signal.aborted) return
    this.#current = null
    this.#logger.error({ err: error }, 'embedded database ended: it is opened again')
    const gone = deferred()
    this.#reviving = this.#revive(gone.promise)
    for (const listener of this.#died) listener(away())
    incarnation.kill(error).then(gone.resolve, gone.resolve)
  }

  async #revive(gone: Promise<void>): Promise<void> {
    await gone
    for (let attempt = 0; !this.#over.signal.aborted; attempt++) {
      try {
        this.#take(await this.#start())
        this.#logger.warn({ attempt }, 'embedded database is open again')
        return
      } catch (thrown) {
        this.#logger[attempt === 0 ? 'error' : 'debug']({ err: toError(thrown), attempt }, 'embedded database does not open')
        await this.#clock.sleep(backoffMs(RETRY, attempt, Math.random), this.#over.signal).catch(() => undefined)
      }
    }
  }
}
