import { EventEmitter } from 'node:events'
import { deferred } from '../../../core/deferred.js'
import { StateError, UpstreamError } from '../../../core/errors.js'
import type { Clock } from '../../../core/time.js'
import type { PgClientLike, PgNotification, PgPoolLike, PgResult } from '../pool-like.js'

/** The single session under the pool: a node-postgres client, or a fake. */
export interface Session {
  query<Row>(text: string, values?: readonly unknown[]): Promise<PgResult<Row>>
  /** as of the last answer: `I` outside a transaction, `T` inside, `E` inside a failed one */
  transactionStatus(): 'I' | 'T' | 'E' | null
  onNotification(listener: (message: PgNotification) => void): void
}

/** Bounds of the embedded pool. */
export interface EmbeddedLimits {
  /** how many queries may wait for their turn; one more is refused */
  readonly maxWaiting: number
  /** how long a query may wait for its turn (somebody's transaction does not end) */
  readonly maxWaitMs: number
  /** how long the end of the pool waits for what is under way */
  readonly maxEndMs: number
}

interface Waiter {
  readonly client: EmbeddedClient
  readonly start: () => void
}

const busy = (message: string) => new UpstreamError('database_busy', message, { service: 'database', retryable: true })

/**
 * A pool over one session. P1 one client at a time has the turn; the others wait in order of arrival. P2 a turn ends when
 * nothing of its client is under way and the server says that no transaction is open. P3 a client released inside a
 * transaction is rolled back first. P4 a notification reaches every checked-out client: LISTEN belongs to the session.
 */
export class EmbeddedPool extends EventEmitter implements PgPoolLike {
  /** BullMQ reads this to see that a lost connection would be noticed: there is none to lose */
  readonly options = { keepAlive: true }
  readonly #session: Session
  readonly #clock: Clock
  readonly #limits: EmbeddedLimits
  readonly #clients = new Set<EmbeddedClient>()
  readonly #waiting: Waiter[] = []
  #owner: EmbeddedClient | undefined
  #underWay = 0
  #isEnded = false
  #onIdle: (() => void) | undefined

  constructor(session: Session, clock: Clock, limits: EmbeddedLimits) {
    super()
    this.#session = session
    this.#clock = clock
    this.#limits = limits
    // every backend on the pool adds a listener of its own
    this.setMaxListeners(0)
    session.onNotification((message) => {
      for (const client of this.#clients) client.emit('notification', message)
    })
  }

  connect(): Promise<PgClientLike> {
    if (this.#isEnded) return Promise.reject(new StateError('cannot use a pool after calling end on the pool'))
    const client = new EmbeddedClient(this)
    this.#clients.add(client)
    return Promise.resolve(client)
  }

  async query<Row = Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<PgResult<Row>> {
    const client = await this.connect()
    try {
      return await client.query<Row>(text, values)
    } finally {
      client.release()
    }
  }

  /** Refuses new clients and lets what is under way end, for a bounded time; the session belongs to whoever made it. */
  async end(): Promise<void> {
    this.#isEnded = true
    if (!this.#owner) return
    const idle = deferred()
    this.#onIdle = idle.resolve
    const cancel = this.#clock.after(this.#limits.maxEndMs, idle.resolve)
    await idle.promise
    cancel()
  }

  /**
   * The session is a new one: whatever a client had begun in the old one is gone. P5 a client of the old one is told, as by a server
   * whose connection is lost, and does nothing more.
   */
  disconnectAll(error: Error): void {
    for (const client of this.#clients) client.disconnect(error)
  }

  /** for EmbeddedClient only */
  async runFor<Row>(client: EmbeddedClient, text: string, values?: readonly unknown[]): Promise<PgResult<Row>> {
    if (this.#owner === client) this.#underWay++
    else await this.#turn(client)
    try {
      return await this.#session.query<Row>(text, values)
    } catch (thrown) {
      // an error is told before the server has said in which state it left the transaction: ask once more
      await this.#session.query(';').catch(() => undefined)
      throw thrown
    } finally {
      this.#underWay--
      if (this.#session.transactionStatus() === 'I') this.#endTurn(client)
    }
  }

  /** for EmbeddedClient only */
  forget(client: EmbeddedClient): void {
    this.#clients.delete(client)
    if (this.#owner !== client) return
    this.#underWay++
    const ended = () => {
      this.#underWay--
      this.#endTurn(client)
    }
    this.#session.query('ROLLBACK').then(ended, ended)
  }

  /** Resolves with the turn taken and one query counted as under way. */
  #turn(client: EmbeddedClient): Promise<void> {
    if (!this.#owner) {
      this.#owner = client
      this.#underWay = 1
      return Promise.resolve()
    }
    if (this.#waiting.length >= this.#limits.maxWaiting) {
      return Promise.reject(busy(`the embedded database has ${this.#limits.maxWaiting} queries waiting: set DATABASE_URL for this load`))
    }
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        client,
        start: () => {
          cancel()
          this.#underWay++
          resolve()
        },
      }
      const cancel = this.#clock.after(this.#limits.maxWaitMs, () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1)
        reject(busy(`the embedded database did not get to a query within ${this.#limits.maxWaitMs} ms: a transaction stays open`))
      })
      this.#waiting.push(waiter)
    })
  }

  #endTurn(client: EmbeddedClient): void {
    if (this.#owner !== client || this.#underWay > 0) return
    const next = this.#waiting[0]
    this.#owner = next?.client
    if (!next) {
      this.#onIdle?.()
      return
    }
    // whatever else that client asked meanwhile may belong to the transaction that it is about to open
    const granted = this.#waiting.filter((waiter) => waiter.client === next.client)
    for (const waiter of granted) {
      this.#waiting.splice(this.#waiting.indexOf(waiter), 1)
      waiter.start()
    }
  }
}

/** A client of the embedded pool. */
class EmbeddedClient extends EventEmitter implements PgClientLike {
  readonly #pool: EmbeddedPool
  #isReleased = false
  #lost: Error | null = null

  constructor(pool: EmbeddedPool) {
    super()
    this.#pool = pool
  }

  query<Row = Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<PgResult<Row>> {
    if (this.#isReleased) return Promise.reject(new StateError('client was released'))
    if (this.#lost) return Promise.reject(this.#lost)
    return this.#pool.runFor<Row>(this, text, values)
  }

  /** Its session is gone. */
  disconnect(error: Error): void {
    if (this.#lost) return
    this.#lost = error
    if (this.listenerCount('error') > 0) this.emit('error', error)
    this.emit('end')
  }

  release(): void {
    if (this.#isReleased) return
    this.#isReleased = true
    this.#pool.forget(this)
  }
}
