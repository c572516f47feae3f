import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Secret } from '../../src/app/config/secret.js'
import { openRecords } from '../../src/app/records.js'
import { startBot } from '../../src/app/bot.js'
import { startUp } from '../../src/app/up.js'
import { ConfigError } from '../../src/core/errors.js'
import { systemClock } from '../../src/core/time.js'
import { openQueue } from '../../src/followup/jobs/open.js'
import type { RoomPort } from '../../src/live/room/port.js'
import { silentLogger } from '../../src/observe/logger.js'
import { FakeRoom } from '../support/fake-room.js'
import { requestFor } from '../support/records.js'
import { testSettings } from '../support/settings.js'

const room = vi.hoisted<{ current: RoomPort | null }>(() => ({ current: null }))
vi.mock('../../src/app/room.js', () => ({ openRoom: () => room.current }))

const taken = createServer()
let folder: string
let rooms: FakeRoom
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'roomscribe-failed-start-'))
  room.current = rooms = new FakeRoom()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
})
afterEach(async () => {
  await new Promise((resolve) => taken.close(resolve))
  rmSync(folder, { recursive: true, force: true })
})

test.each(['up', 'bot'])('`%s` whose port is taken has not begun a meeting that waits', async (role) => {
  const address = taken.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const settings = testSettings(
    { dataDir: folder, port: address.port, gladiaApiUrl: 'http://127.0.0.1:9', apiKey: new Secret('key') },
    { url: 'ws://127.0.0.1:9', apiKey: 'key', apiSecret: 'secret-of-at-least-32-characters-long' },
  )
  const parts = { clock: systemClock, logger: silentLogger, random: Math.random, rssBytes: () => 1 }
  const before = await openRecords(settings, parts)
  const { meeting } = await before.store.create(requestFor('room'))
  // a job that an earlier process left
  const jobs = await openQueue({ redisUrl: null, pool: before.pool, ...parts })
  await jobs.queue.attend(meeting.id)
  await jobs.close()
  await before.close()
  await expect(role === 'up' ? startUp(settings, parts) : startBot(settings, parts)).rejects.toThrow(ConfigError)
  const after = await openRecords(settings, parts)
  try {
    expect([(await after.store.meeting(meeting.id)).state, (await after.claims.standing(meeting.id)).epoch]).toEqual(['queued', 0])
  } finally {
    await after.close()
  }
  expect(rooms.joins).toEqual([])
})
