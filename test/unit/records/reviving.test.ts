import { expect, test } from 'vitest'
import { deferred } from '../../../src/core/deferred.js'
import { silentLogger } from '../../../src/observe/logger.js'
import type { PgNotification } from '../../../src/records/sql/pool-like.js'
import { EmbeddedPool } from '../../../src/records/sql/embedded/pool.js'
import { Reviving, type Incarnation } from '../../../src/records/sql/embedded/reviving.js'
import { ManualClock } from '../../support/manual-clock.js'

/** A life of a database that the test ends, and what was asked of it. */
class FakeLife implements Incarnation {
  readonly asked: string[] = []
  readonly dying = deferred<Error>()
  readonly death = this.dying.promise
  answer: () => Promise<unknown> = () => Promise.resolve({ command: '', rowCount: 0, rows: [] })
  notify: (message: PgNotification) => void = () => undefined
  onKill: (error: Error) => void = () => undefined
  isKilled = false
  isClosed = false

  readonly query: Incarnation['query'] = (text) => {
    this.asked.push(text)
    return this.answer() as ReturnType<Incarnation['query']> as never
  }
  transactionStatus(): 'I' {
    return 'I'
  }
  onNotification(listener: (message: PgNotification) => void): void {
    this.notify = listener
  }
  kill(error: Error): Promise<void> {
    this.isKilled = true
    this.onKill(error)
    return Promise.resolve()
  }
  close(): Promise<void> {
    this.isClosed = true
    return Promise.resolve()
  }
}

async function rig() {
  const clock = new ManualClock()
  const lives: FakeLife[] = []
  const refusals: Error[] = []
  const begin = () => {
    const refusal = refusals.shift()
    if (refusal) return Promise.reject(refusal)
    const life = new FakeLife()
    lives.push(life)
    return Promise.resolve(life)
  }
  const database = await Reviving.open(begin, clock, silentLogger)
  const pool = new EmbeddedPool(database, clock, { maxWaiting: 10, maxWaitMs: 1_000, maxEndMs: 1_000 })
  database.onDeath((error) => pool.disconnectAll(error))
  return { clock, lives, refusals, database, pool, life: () => lives.at(-1)! }
}

test('33 R1 R2 an error that ended the database opens it again, as often as it takes; meanwhile statements are refused', async () => {
  const { clock, lives, refusals, database, pool, life } = await rig()
  const panic = Object.assign(new Error('could not write to log file'), { severity: 'PANIC', code: 'XX000' })
  const client = await pool.connect()
  await client.query('BEGIN')
  const ends: string[] = []
  client.on('error', () => ends.push('error'))
  client.on('end', () => ends.push('end'))
  refusals.push(new Error('disk full'), new Error('disk full'), new Error('disk full'))
  life().answer = () => Promise.reject(panic)
  await expect(pool.query('INSERT')).rejects.toBe(panic)
  expect([lives[0]?.isKilled, ends]).toEqual([true, ['error', 'end']])
  await expect(pool.query('SELECT 1')).rejects.toMatchObject({ code: 'database_unreachable', retryable: true })
  for (let turn = 0; turn < 10; turn++) await clock.advance(1_000)
  expect(lives).toHaveLength(2)
  await pool.query('SELECT 2')
  expect(lives[1]?.asked).toEqual(['SELECT 2'])
  // P5 the rest of a transaction whose beginning is gone does nothing
  await expect(client.query('COMMIT')).rejects.toMatchObject({ code: 'database_unreachable' })
  client.release()
  await clock.settle()
  expect(lives[1]?.asked).not.toContain('COMMIT')
  await pool.end()
  await database.close()
  expect([lives[1]?.isClosed, clock.pending]).toEqual([true, 0])
})

test('33 R1 a statement without an answer for a minute, and a thread that ended, are deaths too', async () => {
  const { clock, lives, database, pool, life } = await rig()
  const first = life()
  first.answer = () => new Promise((_, reject) => (first.onKill = reject))
  const hanging = pool.query('HANGS').catch((error: unknown) => error)
  const waiting = pool.query('WAITS').catch((error: unknown) => error)
  await clock.settle()
  await clock.advance(60_000)
  expect(await hanging).toMatchObject({ message: 'no answer for 60000 ms' })
  expect(await waiting).toMatchObject({ code: 'database_busy' })
  expect([lives.length, first.isKilled]).toEqual([2, true])
  life().dying.resolve(new Error('database thread ended'))
  await clock.settle()
  await clock.advance(1_000)
  expect(lives).toHaveLength(3)
  await database.close()
  expect(life().isClosed).toBe(true)
})

test('an error of a statement alone ends nothing, and notifications come from whatever life it is', async () => {
  const { lives, database, pool, life } = await rig()
  life().answer = () => Promise.reject(Object.assign(new Error('syntax'), { severity: 'ERROR', code: '42601' }))
  await expect(pool.query('SELEC')).rejects.toThrow('syntax')
  expect(lives).toHaveLength(1)
  const client = await pool.connect()
  const heard = new Promise((resolve) => client.on('notification', resolve))
  life().notify({ channel: 'c', payload: 'p' })
  expect(await heard).toEqual({ channel: 'c', payload: 'p' })
  client.release()
  await database.close()
})
