import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { MeetingId } from '../../src/core/ids.js'
import { systemClock } from '../../src/core/time.js'
import { Relay } from '../../src/followup/pipeline/relay.js'
import { silentLogger } from '../../src/observe/logger.js'
import type { DueWork, MeetingState } from '../../src/records/port.js'
import { WORK_SCHEMA } from '../../src/records/sql/migrations/0002-work.js'
import { openStore, type OpenStore } from '../../src/records/sql/open.js'
import { FakeQueue, letterOf } from '../support/fake-queue.js'
import { postgresBinaries, startPostgres, type TestPostgres } from '../support/postgres.js'
import { requestFor } from '../support/records.js'
import { until } from '../support/until.js'

const binaries = postgresBinaries()
const targets = binaries === undefined ? (['embedded'] as const) : (['embedded', 'postgres'] as const)

describe.each(targets)('the outbox on %s', (kind) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'roomscribe-outbox-'))
  let postgres: TestPostgres | undefined
  let opened: OpenStore
  let rooms = 0
  const open = () => openStore({ databaseUrl: postgres?.url ?? null, dataDir, clock: systemClock, logger: silentLogger })

  beforeAll(async () => {
    if (kind === 'postgres' && binaries !== undefined) postgres = await startPostgres(binaries)
    opened = await open()
  })
  afterAll(async () => {
    await opened?.close()
    await postgres?.close()
    rmSync(dataDir, { recursive: true, force: true })
  })

  const newMeeting = async () => (await opened.store.create(requestFor(`room ${++rooms}`))).meeting.id
  /** Kinds of the work of one meeting. */
  const workOf = async (id: MeetingId): Promise<readonly string[]> => {
    const { rows } = await opened.pool.query<{ kind: string }>('SELECT kind FROM roomscribe.work WHERE meeting_id = $1', [id])
    return rows.map((row) => row.kind)
  }
  const forget = () => opened.pool.query('DELETE FROM roomscribe.work')

  test('I7 what a meeting waits for is written with its state, whatever statement writes that', async () => {
    const id = await newMeeting()
    expect(await workOf(id)).toEqual(['attend'])
    const claim = await opened.store.claim(id)
    const seen: Partial<Record<MeetingState, readonly string[]>> = {}
    for (const state of ['joining', 'live', 'reconnecting', 'draining', 'finalising'] as const) {
      await opened.store.setState(claim, state, null)
      seen[state] = await workOf(id)
    }
    const attend = ['attend']
    expect(seen).toEqual({ joining: attend, live: attend, reconnecting: attend, draining: attend, finalising: ['follow_up'] })
    await opened.store.finish(id)
    expect(await workOf(id)).toEqual([])
    const cancelled = await newMeeting()
    await opened.store.requestStop(cancelled)
    expect(await workOf(cancelled)).toEqual([])
    const failed = await newMeeting()
    await opened.store.setState(await opened.store.claim(failed), 'failed', 'internal_fault')
    expect(await workOf(failed)).toEqual([])
    const { rows } = await opened.pool.query(`INSERT INTO roomscribe.meeting (id, room, vocabulary, state, created_at)
      VALUES (gen_random_uuid(), 'by hand', '[]', 'queued', now()) RETURNING id`)
    expect(await workOf((rows[0] as { id: MeetingId }).id)).toEqual(attend)
  })

  test('I7 a state that is not written writes no work', async () => {
    const id = await newMeeting()
    const stale = await opened.store.claim(id)
    await opened.store.claim(id)
    await expect(opened.store.setState(stale, 'finalising', 'stopped')).rejects.toMatchObject({ code: 'claim_lost' })
    expect(await workOf(id)).toEqual(['attend'])
    const client = await opened.pool.connect()
    await client.query('BEGIN')
    await client.query("UPDATE roomscribe.meeting SET state = 'finalising' WHERE id = $1", [id])
    await client.query('ROLLBACK')
    client.release()
    expect(await workOf(id)).toEqual(['attend'])
  })

  test('W2 of many that take at once each row is given to one, oldest first, and again when its lease is over', async () => {
    await forget()
    const ids: MeetingId[] = []
    for (let n = 0; n < 30; n++) ids.push(await newMeeting())
    const taken = await Promise.all(Array.from({ length: 6 }, () => opened.work.takeDue(7, 60_000)))
    const all = taken.flat().map(({ meetingId }) => meetingId)
    expect(all.length).toBe(30)
    expect(new Set(all)).toEqual(new Set(ids))
    expect(await opened.work.takeDue(100, 60_000)).toEqual([])
    const [first, second, third] = ids.map((meetingId) => ({ meetingId, kind: 'attend' }) as const)
    await opened.work.putOff([first!, second!], 0, true)
    await opened.work.hurry(third!.meetingId)
    const again = await opened.work.takeDue(100, 0)
    expect(again.toSorted((a, b) => a.meetingId.localeCompare(b.meetingId))).toEqual([
      { ...first!, added: 1 },
      { ...second!, added: 1 },
      { ...third!, added: 0 },
    ] satisfies DueWork[])
  })

  // the embedded one has a single connection: nobody to hold up
  if (kind === 'postgres') {
    test('W2 what one relay is about to take holds up no other', async () => {
      await forget()
      const ids: MeetingId[] = []
      for (let n = 0; n < 5; n++) ids.push(await newMeeting())
      const client = await opened.pool.connect()
      await client.query('BEGIN')
      await client.query('SELECT 1 FROM roomscribe.work WHERE meeting_id = ANY($1) FOR UPDATE', [ids.slice(0, 2)])
      const taken = await opened.work.takeDue(10, 60_000)
      await client.query('COMMIT')
      client.release()
      expect(taken.map(({ meetingId }) => meetingId).toSorted()).toEqual(ids.slice(2).toSorted())
    })
  }

  test('43 a stuck step is kept with its meeting, and goes with it', async () => {
    const id = await newMeeting()
    const claim = await opened.store.claim(id)
    await opened.store.setState(claim, 'finalising', 'stopped')
    const { meetingId: _, ...step } = letterOf('deliver', id)
    const work = { meetingId: id, kind: 'follow_up' } as const
    await opened.work.setStuck(work, { ...step, reason: `a\0b${'x'.repeat(2_000)}` })
    const stuck = (await opened.work.stuck([id])).get(id)
    expect(await opened.store.meetingWithStep(id)).toEqual({ meeting: await opened.store.meeting(id), stuck })
    expect(stuck).toMatchObject({ ...step, reason: expect.stringMatching(/^a\uFFFDbx+$/) as string })
    expect(stuck?.reason).toHaveLength(1_000)
    await opened.work.setStuck(work, null)
    expect((await opened.work.stuck([id])).size).toBe(0)
    expect((await opened.store.meetingWithStep(id)).stuck).toBeNull()
    await opened.work.setStuck(work, step)
    await opened.store.finish(id)
    expect((await opened.work.stuck([id])).size).toBe(0)
    await opened.work.setStuck(work, step)
    expect((await opened.work.stuck([])).size).toBe(0)
  })

  test('I7 a process that dies between the state and the queue loses nothing: the next one adds what waits', async () => {
    await forget()
    const ids = [await newMeeting(), await newMeeting()]
    await opened.store.setState(await opened.store.claim(ids[1]!), 'finalising', 'stopped')
    if (kind === 'embedded') await opened.close()
    const next = await open()
    const queue = new FakeQueue()
    const relay = new Relay({ work: next.work, queue, deadLetters: queue, clock: systemClock, logger: silentLogger })
    relay.start()
    await until(() => queue.jobs.length === 2, 10_000)
    await relay.close()
    expect(new Set(queue.jobs)).toEqual(new Set([`attend-${ids[0]}`, `deliver-${ids[1]}`]))
    if (kind === 'embedded') opened = next
    else await next.close()
  })

  test('a database of before the outbox gets work for each meeting that is not over', async () => {
    await forget()
    const ids = [await newMeeting(), await newMeeting(), await newMeeting()]
    const claims = await Promise.all(ids.map((id) => opened.store.claim(id)))
    await opened.store.setState(claims[1]!, 'finalising', 'stopped')
    await opened.store.setState(claims[2]!, 'failed', 'internal_fault')
    await opened.pool.query('DROP TRIGGER meeting_work ON roomscribe.meeting')
    await opened.pool.query('DROP FUNCTION roomscribe.keep_work')
    await opened.pool.query('DROP TABLE roomscribe.work')
    await opened.pool.query(WORK_SCHEMA)
    expect(await Promise.all(ids.map(workOf))).toEqual([['attend'], ['follow_up'], []])
  })
})
