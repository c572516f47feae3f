import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newMeetingId } from '../../src/core/ids.js'
import { systemClock } from '../../src/core/time.js'
import { silentLogger } from '../../src/observe/logger.js'
import { openStore, type OpenStore } from '../../src/records/sql/open.js'
import { postgresBinaries, startPostgres } from '../support/postgres.js'
import { requestFor } from '../support/records.js'

const open = (databaseUrl: string | null, dataDir: string) => openStore({ databaseUrl, dataDir, clock: systemClock, logger: silentLogger })

/** So many processes on one database, and how to end them. */
type Opening = () => Promise<{ readonly stores: readonly OpenStore[]; close(): Promise<void> }>

async function embedded(): ReturnType<Opening> {
  const folder = await mkdtemp(join(tmpdir(), 'roomscribe-auto-join-'))
  const store = await open(null, folder)
  return {
    stores: [store],
    close: async () => {
      await store.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function server(): ReturnType<Opening> {
  const postgres = await startPostgres(postgresBinaries() ?? '')
  const stores = [await open(postgres.url, ''), await open(postgres.url, '')]
  return {
    stores,
    close: async () => {
      for (const store of stores) await store.close()
      await postgres.close()
    },
  }
}

const databases: readonly (readonly [string, Opening])[] = [
  ['PGlite', embedded],
  ...(postgresBinaries() === undefined ? [] : ([['PostgreSQL, two processes', server]] as const)),
]

for (const [name, opening] of databases) {
  describe(`what auto-join keeps, on ${name}`, () => {
    let opened: Awaited<ReturnType<Opening>>
    beforeAll(async () => {
      opened = await opening()
    })
    afterAll(() => opened.close())
    const books = () => opened.stores.map(({ autoJoin }) => autoJoin)

    test('an event is new to one of those that ask at the same time, and to nobody after', async () => {
      for (let event = 0; event < 10; event++) {
        const answers = await Promise.all(Array.from({ length: 10 }, (_, n) => books()[n % books().length]!.firstSeen(`EV_${event}`)))
        expect(answers.filter((ageMs) => ageMs === null)).toHaveLength(1)
      }
      const [book] = books()
      expect(await book!.firstSeen('EV_0')).toBeGreaterThanOrEqual(0)
      expect([await book!.hasSeen('EV_9'), await book!.hasSeen('EV_10')]).toEqual([true, false])
    })

    test('a round is one process’s, and the next one is due later', async () => {
      const takes = (everyMs: number) => Promise.all(Array.from({ length: 20 }, (_, n) => books()[n % books().length]!.takeRound(everyMs)))
      expect((await takes(60_000)).filter(Boolean)).toHaveLength(1)
      expect((await takes(60_000)).filter(Boolean)).toEqual([])
      await opened.stores[0]!.pool.query('UPDATE roomscribe.auto_join_round SET due_at = clock_timestamp()')
      expect((await takes(60_000)).filter(Boolean)).toHaveLength(1)
    })

    test('what is known of a newer meeting of a room is not written over, and its name is kept nowhere', async () => {
      const [book] = books()
      const [old, fresh] = [newMeetingId(), newMeetingId()]
      expect(await book!.memory('secret room')).toBeNull()
      const memory = { meetingId: fresh, sid: 'RM_1', isOwn: true, isCleared: false }
      await book!.remember('secret room', memory)
      await book!.remember('secret room', { meetingId: old, sid: null, isOwn: false, isCleared: true })
      expect(await book!.memory('secret room')).toEqual(memory)
      await book!.remember('secret room', { ...memory, isCleared: true })
      expect(await book!.memory('secret room')).toEqual({ ...memory, isCleared: true })
      // one that was asked for earlier, and came later, is known by whoever knew the other
      const later = { ...memory, meetingId: old, isOwn: false }
      await book!.remember('secret room', later, fresh)
      expect(await book!.memory('secret room')).toEqual(later)
      const { rows } = await opened.stores[0]!.pool.query('SELECT * FROM roomscribe.auto_join')
      expect(JSON.stringify(rows)).not.toContain('secret')
    })

    test('old events and rooms are forgotten, young ones are not', async () => {
      const [{ pool, autoJoin } = opened.stores[0]!] = opened.stores
      await autoJoin.firstSeen('EV_old')
      await autoJoin.firstSeen('EV_young')
      await autoJoin.remember('old', { meetingId: newMeetingId(), sid: null, isOwn: false, isCleared: false })
      await pool.query("UPDATE roomscribe.webhook_event SET received_at = received_at - interval '2 hours' WHERE id = 'EV_old'")
      await pool.query("UPDATE roomscribe.auto_join SET changed_at = changed_at - interval '31 days' WHERE room_sid IS NULL")
      await autoJoin.prune()
      expect([await autoJoin.hasSeen('EV_old'), await autoJoin.hasSeen('EV_young'), await autoJoin.memory('old')]).toEqual([
        false,
        true,
        null,
      ])
    })

    test('meetings are counted by state, those that are over are not', async () => {
      const { store, countByState } = opened.stores[0]!
      await store.create(requestFor('a'))
      const { meeting } = await store.create(requestFor('b'))
      await store.create(requestFor('c', { startAt: '2999-01-01T00:00:00Z' }))
      await store.requestStop(meeting.id)
      expect(Object.fromEntries(await countByState())).toEqual({ queued: 1, scheduled: 1 })
    })
  })
}
