import { EventEmitter } from 'node:events'
import type { Client } from 'pg'
import { expect, test } from 'vitest'
import { createLogger } from '../../../src/observe/logger.js'
import type { Feed } from '../../../src/records/sql/feed.js'
import { listen } from '../../../src/records/sql/listener.js'
import type { PartialNotices } from '../../../src/records/sql/partial-notices.js'
import { ManualClock } from '../../support/manual-clock.js'

/** A connection to a database that may be away. */
class ScriptedClient extends EventEmitter {
  static isAway = false
  connect = () => (ScriptedClient.isAway ? Promise.reject(new Error('connect ECONNREFUSED')) : Promise.resolve())
  query = () => Promise.resolve()
  end = () => Promise.resolve()
}

test('41 a database that is away for ten minutes is told of at once and after a minute, and when it is back: the feed reads what it missed', async () => {
  const clock = new ManualClock()
  const lines: string[] = []
  const logger = createLogger('info', (line) => lines.push((JSON.parse(line) as { msg: string }).msg))
  const clients: ScriptedClient[] = []
  const newClient = () => {
    const client = new ScriptedClient()
    clients.push(client)
    return client as unknown as Client
  }
  let missed = 0
  const feed: Pick<Feed, 'lost' | 'announced'> = { lost: () => missed++, announced: () => undefined }
  const stop = new AbortController()
  const listening = listen(newClient, 'here', feed as Feed, {} as PartialNotices, clock, logger, stop.signal)
  await clock.settle()
  ScriptedClient.isAway = true
  clients[0]?.emit('error', new Error('terminated'))
  await clock.settle()
  await clock.advance(600_000)
  expect(clients.length).toBeGreaterThan(10)
  expect(missed).toBe(1)
  ScriptedClient.isAway = false
  await clock.advance(20_000)
  expect(missed).toBe(2)
  expect(lines).toEqual([
    'live feed lost the database',
    'live feed has not had the database for a minute: what other processes store is not shown live',
    'live feed has the database again',
  ])
  stop.abort()
  await clock.settle()
  await listening
  expect(clock.pending).toBe(0)
})
