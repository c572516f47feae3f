import { describe, expect, test } from 'vitest'
import { deferred } from '../../../src/core/deferred.js'
import { StateError, UpstreamError } from '../../../src/core/errors.js'
import { EmbeddedPool, type Session } from '../../../src/records/sql/embedded/pool.js'
import type { PgResult } from '../../../src/records/sql/pool-like.js'
import { ManualClock } from '../../support/manual-clock.js'

/** Answers each statement when told to, and keeps the order in which they came. */
class ScriptedSession implements Session {
  readonly texts: string[] = []
  readonly #answers: { text: string; answer: () => void }[] = []
  #status: 'I' | 'T' = 'I'

  query<Row>(text: string): Promise<PgResult<Row>> {
    this.texts.push(text)
    const { promise, resolve } = deferred<PgResult<Row>>()
    const answer = () => {
      if (text === 'BEGIN') this.#status = 'T'
      if (text === 'COMMIT' || text === 'ROLLBACK') this.#status = 'I'
      resolve({ command: '', rowCount: 0, rows: [] })
    }
    this.#answers.push({ text, answer })
    return promise
  }

  transactionStatus() {
    return this.#status
  }

  onNotification(): void {}

  /** Answers the oldest statement. */
  answer(): void {
    this.#answers.shift()?.answer()
  }
}

const stage = (limits = { maxWaiting: 3, maxWaitMs: 1000, maxEndMs: 500 }) => {
  const clock = new ManualClock()
  const session = new ScriptedSession()
  return { clock, session, pool: new EmbeddedPool(session, clock, limits) }
}

describe('turns', () => {
  test('P1 P2 nothing of another client comes between BEGIN and COMMIT', async () => {
    const { clock, session, pool } = stage()
    const [first, second] = [await pool.connect(), await pool.connect()]
    const done = [first.query('BEGIN'), second.query('other')]
    await clock.settle()
    session.answer()
    await clock.settle()
    done.push(first.query('inside'), first.query('COMMIT'))
    await clock.settle()
    expect(session.texts).toEqual(['BEGIN', 'inside', 'COMMIT'])
    session.answer()
    await clock.settle()
    session.answer()
    await clock.settle()
    expect(session.texts).toEqual(['BEGIN', 'inside', 'COMMIT', 'other'])
    session.answer()
    await Promise.all(done)
    expect(clock.pending).toBe(0)
  })

  test('P3 a client released in a transaction is rolled back before the next has its turn', async () => {
    const { clock, session, pool } = stage()
    const client = await pool.connect()
    void client.query('BEGIN')
    const other = pool.query('other')
    await clock.settle()
    session.answer()
    await clock.settle()
    client.release()
    client.release()
    expect(session.texts).toEqual(['BEGIN', 'ROLLBACK'])
    session.answer()
    await clock.settle()
    session.answer()
    await other
    expect(session.texts).toEqual(['BEGIN', 'ROLLBACK', 'other'])
    await expect(client.query('late')).rejects.toBeInstanceOf(StateError)
  })

  test('I8 one query more than may wait is refused, and one that waits too long gives up', async () => {
    const { clock, session, pool } = stage()
    const client = await pool.connect()
    void client.query('BEGIN')
    await clock.settle()
    session.answer()
    await clock.settle()
    const waiting = Array.from({ length: 3 }, () => pool.query('wait').catch((error: unknown) => error))
    await clock.settle()
    await expect(pool.query('one more')).rejects.toMatchObject({ code: 'database_busy', retryable: true })
    await clock.advance(1000)
    for (const error of await Promise.all(waiting)) expect(error).toBeInstanceOf(UpstreamError)
    expect(clock.pending).toBe(0)
    expect(session.texts).toEqual(['BEGIN'])
  })

  test('the end waits for what is under way, for a bounded time, and takes nothing new', async () => {
    const { clock, session, pool } = stage()
    const query = pool.query('slow')
    await clock.settle()
    let isEnded = false
    const ended = pool.end().then(() => (isEnded = true))
    await expect(pool.connect()).rejects.toBeInstanceOf(StateError)
    await clock.settle()
    expect(isEnded).toBe(false)
    session.answer()
    await Promise.all([query, ended])
    expect(clock.pending).toBe(0)

    const stuck = stage()
    const client = await stuck.pool.connect()
    void client.query('BEGIN')
    const bounded = stuck.pool.end()
    await stuck.clock.advance(500)
    await bounded
  })
})
