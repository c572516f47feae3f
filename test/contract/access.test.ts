import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createApi } from '../../src/control/api/server.js'
import { systemClock } from '../../src/core/time.js'
import { silentLogger } from '../../src/observe/logger.js'
import { openStore, type OpenStore } from '../../src/records/sql/open.js'
import { API_KEY, apiDeps } from '../support/api-rig.js'
import { FakeQueue } from '../support/fake-queue.js'
import { ManualClock } from '../support/manual-clock.js'
import { postgresBinaries, startPostgres, type TestPostgres } from '../support/postgres.js'
import { requestFor } from '../support/records.js'

const binaries = postgresBinaries()
const kinds = binaries === undefined ? (['embedded'] as const) : (['embedded', 'postgres'] as const)
const hashOf = (text: string) => createHash('sha256').update(text).digest('hex')

describe.each(kinds)('keys, the log of writes and kept answers, %s', (kind) => {
  let postgres: TestPostgres | undefined
  let folder = ''
  /** two processes on a server; the same where only one can have the database */
  let one: OpenStore
  let other: OpenStore
  const clock = new ManualClock(1_700_000_000_000)

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'roomscribe-access-'))
    if (kind === 'postgres') postgres = await startPostgres(binaries ?? '')
    const open = () => openStore({ databaseUrl: postgres?.url ?? null, dataDir: folder, clock, logger: silentLogger })
    one = await open()
    other = kind === 'postgres' ? await open() : one
  })
  afterAll(async () => {
    if (other !== one) await other?.close()
    await one?.close()
    await postgres?.close()
    await rm(folder, { recursive: true, force: true })
  })

  test('a key is found by its hash until it is revoked, by every process', async () => {
    const key = await one.access.createKey({ name: 'a\u0000b', scopes: ['meetings:read'], rooms: ['x-*'] }, hashOf('k'))
    expect(await other.access.keyByHash(hashOf('k'))).toEqual({ key, hash: hashOf('k') })
    expect(key).toMatchObject({ name: 'a\uFFFDb', rooms: ['x-*'], lastUsedAt: null, revokedAt: null })
    await other.access.used(key.id)
    expect((await one.access.keyById(key.id))?.lastUsedAt).toBe(new Date(clock.nowMs()).toISOString())
    const { id: stays } = await one.access.createKey({ name: 'b', scopes: ['admin'], rooms: null }, hashOf('stays'))
    const asked = [key.id, stays, 'nothing', '0199aaaa-0000-7000-8000-000000000000']
    expect(await other.access.validKeys(asked)).toEqual(new Set([key.id, stays]))
    await one.access.revokeKey(key.id)
    await one.access.revokeKey(key.id)
    expect(await other.access.validKeys(asked)).toEqual(new Set([stays]))
    expect(await other.access.validKeys([])).toEqual(new Set())
    await one.access.revokeKey(stays)
    expect([await other.access.keyByHash(hashOf('k')), await other.access.keyById(key.id)]).toEqual([null, null])
    expect((await other.access.keys()).map(({ id, revokedAt }) => [id, revokedAt !== null])).toEqual([
      [stays, true],
      [key.id, true],
    ])
    await expect(one.access.revokeKey('nothing')).rejects.toMatchObject({ code: 'not_found' })
    expect(await one.access.keyById("' OR true --")).toBeNull()
  })

  test('all processes sign with one secret', async () => {
    const secrets = await Promise.all([one, other, one, other].map(({ access }) => access.signingSecret()))
    expect(new Set(secrets).size).toBe(1)
    expect(secrets[0]?.length).toBeGreaterThan(40)
  })

  test('of many at once under one Idempotency-Key exactly one is new; who does not answer in a minute is given up', async () => {
    const begin = (of: OpenStore, hash = 'h') => of.access.begin('key', 'abc', hash)
    const standings = await Promise.all(Array.from({ length: 40 }, (_, n) => begin(n % 2 === 0 ? one : other)))
    expect(standings.filter(({ kind: is }) => is === 'new')).toHaveLength(1)
    expect(standings.filter(({ kind: is }) => is === 'running')).toHaveLength(39)
    expect(await begin(other, 'another')).toEqual({ kind: 'other' })
    await clock.advance(60_001)
    expect(await begin(other)).toEqual({ kind: 'new' })
    await other.access.settle('key', 'abc', { status: 201, contentType: 'application/json', body: '{"a":1}' })
    expect(await begin(one)).toEqual({ kind: 'done', answer: { status: 201, contentType: 'application/json', body: '{"a":1}' } })
    expect(await one.access.begin('another key', 'abc', 'h')).toEqual({ kind: 'new' })
    await clock.advance(24 * 3_600_000 + 1)
    expect(await begin(one, 'another')).toEqual({ kind: 'new' })
    await one.access.settle('key', 'abc', null)
    expect(await begin(other)).toEqual({ kind: 'new' })
  })

  test('the log of writes is paged, and goes back a year', async () => {
    const write = (status: number) =>
      one.access.audit({ keyId: 'k', keyName: 'n', method: 'POST', path: '/v1/meetings', status, meetingId: null, note: null })
    for (const status of [200, 201, 400]) await write(status)
    const first = await other.access.audits({ limit: 2 })
    expect(first.map(({ status }) => status)).toEqual([400, 201])
    expect((await other.access.audits({ before: first[1]?.id ?? 0, limit: 10 })).map(({ status }) => status)).toEqual([200])
    await clock.advance(367 * 86_400_000)
    await write(202)
    await one.access.prune()
    expect((await one.access.audits({ limit: 10 })).map(({ status }) => status)).toEqual([202])
  })

  test('a note of a write goes with its meeting', async () => {
    const [{ meeting }, other] = [await one.store.create(requestFor('noted')), (await one.store.create(requestFor('noted-2'))).meeting]
    for (const { id } of [meeting, other])
      await one.access.audit({ keyId: 'k', keyName: 'n', method: 'POST', path: '/', status: 202, meetingId: id, note: 'all have left' })
    const notes = async () => (await one.access.audits({ limit: 2 })).map(({ note }) => note)
    expect(await one.store.purge(meeting.id)).toBe(false)
    expect(await notes()).toEqual(['all have left', 'all have left'])
    await one.store.requestDelete(meeting.id)
    expect(await one.store.purge(meeting.id)).toBe(true)
    expect(await notes()).toEqual(['all have left', null])
  })

  test('a thousand starts at once through two processes make one meeting of each room, and one bot', async () => {
    const queues = [new FakeQueue(), new FakeQueue()]
    const apis = [one, other].map(({ store, work, access }, at) => {
      const queue = queues[at] ?? new FakeQueue()
      return createApi(apiDeps({ store, work, access, queue, deadLetters: queue, clock: systemClock }))
    })
    const start = async (n: number) => {
      const response = await apis[n % 2]!.request('/v1/meetings', {
        method: 'POST',
        headers: { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' },
        body: JSON.stringify({ room: `race-${n % 10}` }),
      })
      return { status: response.status, id: ((await response.json()) as { id: string }).id }
    }
    const answers = await Promise.all(Array.from({ length: 1000 }, (_, n) => start(n)))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(10)
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(990)
    expect(new Set(answers.map(({ id }) => id)).size).toBe(10)
    expect(new Set(queues.flatMap(({ jobs }) => jobs.map((job) => JSON.stringify(job)))).size).toBe(10)
  })

  test('rooms of a key are matched as they are written, whatever they contain', async () => {
    for (const room of ['a_b', 'axb', 'a%b', 'a\\b', 'a*b']) await one.store.create(requestFor(room))
    const seen = async (pattern: string) => (await other.store.meetings({ rooms: [pattern], limit: 50 })).map(({ room }) => room).toSorted()
    expect(await seen('a_b')).toEqual(['a_b'])
    expect(await seen('a%b')).toEqual(['a%b'])
    expect(await seen('a\\b')).toEqual(['a\\b'])
    expect(await seen('a*b')).toEqual(['a%b', 'a*b', 'a\\b', 'a_b', 'axb'])
  })

  test('no key, link or token is in the table of kept answers', async () => {
    const { store, work, access } = one
    const guest = () => Promise.resolve({ url: 'wss://livekit', token: 'guest-token', identity: 'guest-1' })
    const api = createApi(apiDeps({ store, work, access, guest, clock: systemClock }))
    const { meeting } = await store.create(requestFor('secrets'))
    const secrets: string[] = []
    for (const [path, body] of [
      ['/v1/keys', { name: 'n', scopes: ['meetings:read'] }],
      [`/v1/meetings/${meeting.id}/links`, {}],
      [`/v1/meetings/${meeting.id}/guest`, { name: 'Ann' }],
    ] as const) {
      const headers = { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json', 'idempotency-key': `secret ${path}` }
      const response = await api.request(path, { method: 'POST', headers, body: JSON.stringify(body) })
      expect(response.status).toBe(201)
      const { key, token } = (await response.json()) as { key?: string; token?: string }
      secrets.push(key ?? token ?? '')
    }
    const { rows } = await other.pool.query("SELECT * FROM roomscribe.idempotency WHERE idempotency_key LIKE 'secret %'", [])
    expect([rows.length, secrets.filter((secret) => secret.length < 10 || JSON.stringify(rows).includes(secret))]).toEqual([3, []])
  })
})
