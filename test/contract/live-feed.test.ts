import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { listen } from '../../src/control/api/listen.js'
import { createApi } from '../../src/control/api/server.js'
import { Authenticator, newKey } from '../../src/control/auth/authenticator.js'
import { UpstreamError } from '../../src/core/errors.js'
import { asIdentity, newSessionId } from '../../src/core/ids.js'
import { systemClock } from '../../src/core/time.js'
import { silentLogger } from '../../src/observe/logger.js'
import type { Claim } from '../../src/records/port.js'
import { openStore, type OpenStore } from '../../src/records/sql/open.js'
import { apiDeps } from '../support/api-rig.js'
import { liveServe, type LiveServe } from '../support/live-serve.js'
import { postgresBinaries, startPostgres, type TestPostgres } from '../support/postgres.js'
import { gapFrom, requestFor, segmentOf } from '../support/records.js'
import { SseReader } from '../support/sse-reader.js'

const binaries = postgresBinaries()
const kinds = binaries === undefined ? (['embedded'] as const) : (['embedded', 'postgres'] as const)

describe.each(kinds)('live feed, %s', (kind) => {
  let postgres: TestPostgres | undefined
  let folder = ''
  /** what runs the bots, and what serves; the same where only one process can have the database */
  let writer: OpenStore
  let reader: OpenStore
  let serve: LiveServe
  const readers: SseReader[] = []

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'roomscribe-live-'))
    if (kind === 'postgres') postgres = await startPostgres(binaries ?? '')
    const open = () => openStore({ databaseUrl: postgres?.url ?? null, dataDir: folder, clock: systemClock, logger: silentLogger })
    writer = await open()
    reader = kind === 'postgres' ? await open() : writer
    serve = await liveServe(reader)
  })
  afterAll(async () => {
    for (const one of readers) one.close()
    await serve?.close()
    if (reader !== writer) await reader?.close()
    await writer?.close()
    await postgres?.close()
    await rm(folder, { recursive: true, force: true })
  })

  const read = (claim: Claim, lastId: string | null = null, of = serve) => {
    const one = new SseReader(`${of.url}/v1/meetings/${claim.meetingId}/live`, of.key, lastId)
    readers.push(one)
    return one
  }
  const begin = async (room: string) => {
    const { meeting } = await writer.store.create(requestFor(`${kind}-${room}`))
    const claim = await writer.store.claim(meeting.id)
    await writer.store.setState(claim, 'live', null, { startedAt: new Date().toISOString() })
    return { claim, session: newSessionId() }
  }
  const seqs = (one: SseReader) => one.of('segment').map(({ seq }) => seq)
  const upTo = (n: number) => Array.from({ length: n }, (_, index) => index + 1)

  test('H1 what was said before comes first, then what is said; each segment and gap once, in order', async () => {
    const { claim, session } = await begin('order')
    await writer.store.saveParticipants(claim, [{ identity: asIdentity('ana'), name: 'Ana Perez', joinedMs: 0, leftMs: null }])
    // more than a page
    for (let n = 1; n <= 450; n += 50)
      await writer.store.appendSegments(
        claim,
        upTo(50).map((k) => segmentOf(session, n + k - 1)),
      )
    await writer.store.appendGaps(claim, [gapFrom(0), gapFrom(1000)])
    const one = read(claim)
    await one.until(() => one.of('segment').length >= 200)
    for (let n = 451; n <= 480; n++) await writer.store.appendSegments(claim, [segmentOf(session, n)])
    await writer.store.appendGaps(claim, [gapFrom(2000)])
    await one.until(() => one.of('segment').length >= 480 && one.of('gap').length >= 3)
    expect(seqs(one)).toEqual(upTo(480))
    expect(one.of('gap').map(({ fromMs }) => fromMs)).toEqual([0, 1000, 2000])
    expect(one.of('segment')[479]).toMatchObject({
      identity: 'ana',
      name: 'Ana Perez',
      text: 'text 480',
      utterance: `${session}/utterance 480`,
    })
    expect(one.of('state')[0]).toMatchObject({ id: claim.meetingId, state: 'live', paused: false })
  })

  test('H2 readers that are cut off at any place, and a process that is started again, lose nothing and double nothing', async () => {
    const { claim, session } = await begin('resume')
    let own = await liveServe(reader)
    const told: unknown[] = []
    const gaps: unknown[] = []
    let lastId: string | null = null
    let n = 0
    for (let turn = 0; turn < 25; turn++) {
      const one: SseReader = read(claim, lastId, own)
      // some before it is connected, some meanwhile
      for (let k = 0; k < 5; k++) {
        await writer.store.appendSegments(claim, [segmentOf(session, ++n)])
        if (k === 2) await writer.store.appendGaps(claim, [gapFrom(n * 10)])
        if (k === turn % 5) await one.until(() => one.events.length > 1)
      }
      if (turn === 12) {
        await own.close()
        own = await liveServe(reader)
      } else one.close()
      // an event that came and was not taken in by the page is asked for again: that is the reader's own last id
      told.push(...seqs(one))
      gaps.push(...one.of('gap').map(({ fromMs }) => fromMs))
      lastId = one.lastId
    }
    const last = read(claim, lastId, own)
    await writer.store.appendSegments(claim, [segmentOf(session, ++n)])
    await last.until(() => last.of('segment').some(({ seq }) => seq === n))
    await last.until(() => gaps.length + last.of('gap').length >= 25)
    told.push(...seqs(last))
    gaps.push(...last.of('gap').map(({ fromMs }) => fromMs))
    expect(told).toEqual(upTo(n))
    expect(gaps).toEqual(upTo(25).map((turn) => (turn * 5 - 2) * 10))
    last.close()
    await own.close()
  })

  test('H4 partials of a running meeting come through, and are over with their segment', async () => {
    const { claim, session } = await begin('partials')
    const one = read(claim)
    await one.until(() => one.of('state').length > 0)
    const partial = (text: string) => ({
      id: `${session}/utterance 1`,
      identity: asIdentity('ana'),
      name: 'Ana',
      startMs: 0,
      endMs: 500,
      text,
    })
    for (let at = 0; one.of('partial').length === 0; at++) {
      writer.partials.publish(claim.meetingId, [partial(`good mor${at}`)])
      await Promise.race([one.until(() => one.of('partial').length > 0), systemClock.sleep(100)])
    }
    expect(one.of('partial')[0]).toMatchObject({ id: `${session}/utterance 1`, name: 'Ana' })
    await writer.store.appendSegments(claim, [segmentOf(session, 1)])
    await one.until(() => one.of('segment').length > 0)
    expect(one.of('segment')[0]).toMatchObject({ utterance: `${session}/utterance 1` })
  })

  test('H6 who speaks comes through from another process, without an id, and first to whoever comes later', async () => {
    const { claim, session } = await begin('activity')
    const one = read(claim)
    await one.until(() => one.of('state').length > 0)
    await writer.store.appendSegments(claim, [segmentOf(session, 1)])
    const told = { speaking: [asIdentity('ana')], waiting: [asIdentity('bo')] }
    // the process that serves may not listen yet
    while (one.of('activity').length === 0) {
      writer.partials.publishActivity(claim.meetingId, told)
      await Promise.race([one.until(() => one.of('activity').length > 0), systemClock.sleep(100)])
    }
    const late = read(claim, '1.0')
    await late.until(() => late.of('activity').length > 0)
    writer.partials.publishActivity(claim.meetingId, { speaking: [], waiting: [] })
    for (const reader of [one, late]) {
      await reader.until(() => reader.of('activity').length > 1)
      expect(reader.of('activity')).toEqual([told, { speaking: [], waiting: [] }])
      expect(reader.events.filter(({ event }) => event === 'activity').map(({ id }) => id)).toEqual([null, null])
    }
    expect([one.lastId, late.lastId, late.of('segment')]).toEqual(['1.0', '1.0', []])
  })

  test('people who come and go are told within a second', async () => {
    const { claim } = await begin('people')
    const one = read(claim)
    await one.until(() => one.of('state').length > 0)
    const lags: number[] = []
    const people = ['ana', 'bo', 'cy', 'di', 'ed'].map((name) => ({ identity: asIdentity(name), name, joinedMs: 0, leftMs: null }))
    for (let count = 1; count <= people.length; count++) {
      const savedMs = systemClock.monotonicMs()
      await writer.store.saveParticipants(claim, people.slice(0, count))
      await one.until(() => one.of('state').some(({ participants }) => Array.isArray(participants) && participants.length === count))
      lags.push(systemClock.monotonicMs() - savedMs)
    }
    // the meeting is looked at every 2 s all the same: five of them in a row would take five times that
    expect(lags.reduce((sum, lag) => sum + lag, 0)).toBeLessThan(5_000)
  })

  test('H5 `end` comes last, to whoever reads then and to whoever comes later', async () => {
    const { claim, session } = await begin('end')
    const one = read(claim)
    await one.until(() => one.of('state').length > 0)
    await writer.store.appendSegments(
      claim,
      upTo(20).map((k) => segmentOf(session, k)),
    )
    await writer.store.setState(claim, 'finalising', 'stopped', { endedAt: new Date().toISOString() })
    await writer.store.finish(claim.meetingId)
    await one.until(() => one.of('end').length > 0)
    await one.until(() => one.isClosed)
    expect(seqs(one)).toEqual(upTo(20))
    expect(one.events.at(-1)).toMatchObject({ event: 'end', data: { state: 'done', reason: 'stopped' } })
    const late = read(claim, '15.0')
    await late.until(() => late.isClosed)
    expect(seqs(late)).toEqual([16, 17, 18, 19, 20])
    expect(late.events.at(-1)?.event).toBe('end')
  })

  test('a deleted meeting ends its streams, and is purged with everything that it had', async () => {
    const { claim, session } = await begin('deleted')
    await writer.store.appendSegments(claim, [segmentOf(session, 1)])
    const one = read(claim)
    await one.until(() => one.of('segment').length > 0)
    await reader.store.requestDelete(claim.meetingId)
    await one.until(() => one.isClosed)
    expect(one.of('end')).toEqual([])
    expect(await writer.store.purge(claim.meetingId)).toBe(true)
    await expect(writer.store.segments(claim.meetingId)).rejects.toMatchObject({ code: 'not_found' })
    const again = read(claim)
    await again.until(() => again.status !== null)
    expect(again.status).toBe(404)
  })

  test('wrong ids are refused, ids from beyond are as good as the last one, and a reader that takes nothing is let go of', async () => {
    const { claim, session } = await begin('bad')
    const wrong = read(claim, 'abc')
    await wrong.until(() => wrong.status !== null)
    expect(wrong.status).toBe(400)
    const beyond = read(claim, '999999.0')
    await beyond.until(() => beyond.of('state').length > 0)
    const stuck = read(claim)
    await stuck.until(() => stuck.of('state').length > 0)
    stuck.pause()
    const text = 'x'.repeat(20_000)
    for (let n = 1; n <= 600; n += 20) {
      await writer.store.appendSegments(
        claim,
        upTo(20).map((k) => segmentOf(session, n + k - 1, { text })),
      )
    }
    await beyond.until(() => beyond.of('segment').length >= 600)
    expect(seqs(beyond)).toEqual(upTo(600))
    // what the sockets hold is read on, then the end: it is far behind
    stuck.resume()
    await stuck.until(() => stuck.isClosed)
    expect(stuck.of('segment').length).toBeLessThan(600)
    const back = read(claim, stuck.lastId)
    await back.until(() => back.of('segment').at(-1)?.['seq'] === 600)
    expect([...seqs(stuck), ...seqs(back)]).toEqual(upTo(600))
  })

  const over = (one: SseReader) => one.until(({ isClosed }) => isClosed)
  const keyOf = async () => {
    const made = newKey()
    const { id } = await writer.access.createKey({ name: 'n', scopes: ['meetings:read'], rooms: null }, made.hash)
    return { id, key: made.key }
  }

  test('a stream ends at once when its key is revoked here, within 5 s when elsewhere, and nobody comes back with it', async () => {
    const { claim, session } = await begin('revoked')
    const stays = read(claim)
    for (const where of ['here', 'elsewhere'] as const) {
      const { id, key } = await keyOf()
      const one = read(claim, null, { ...serve, key })
      await one.until(() => one.of('state').length > 0)
      const fromMs = systemClock.monotonicMs()
      if (where === 'elsewhere') await writer.access.revokeKey(id)
      else {
        const url = `${serve.url}/v1/keys/${id}`
        expect((await fetch(url, { method: 'DELETE', headers: { authorization: `Bearer ${serve.key}` } })).status).toBe(204)
      }
      await over(one)
      expect(systemClock.monotonicMs() - fromMs).toBeLessThan(where === 'here' ? 1_000 : 5_000)
      expect(one.of('end')).toEqual([])
      const again = read(claim, one.lastId, { ...serve, key })
      await again.until(({ status }) => status !== null)
      expect(again.status).toBe(401)
    }
    await writer.store.appendSegments(claim, [segmentOf(session, 1)])
    await stays.until(() => stays.of('segment').length === 1)
  })

  test('a stream of a link ends within 5 s of the end of the link', async () => {
    const { claim } = await begin('link')
    const authenticator = new Authenticator(writer.access, systemClock, serve.key)
    const caller = await authenticator.ofKey(serve.key)
    const expiresMs = systemClock.nowMs() + 1_500
    const token = await authenticator.session({ ...caller!, meetingId: claim.meetingId }, expiresMs)
    const one = new SseReader(`${serve.url}/v1/meetings/${claim.meetingId}/live`, { cookie: `roomscribe_session=${token}` })
    readers.push(one)
    await one.until(() => one.of('state').length > 0)
    await over(one)
    const lateMs = systemClock.nowMs() - expiresMs
    expect([lateMs >= -50, lateMs < 5_000]).toEqual([true, true])
  })

  test('HEAD is answered at once and takes no place', async () => {
    const { claim } = await begin('head')
    const { store, access } = reader
    const own = await listen(createApi(apiDeps({ store, access })), '127.0.0.1', 0)
    const headers = { authorization: `Bearer ${serve.key}` }
    const answer = await fetch(`http://127.0.0.1:${own.port}/v1/meetings/${claim.meetingId}/live`, { method: 'HEAD', headers })
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8'])
    await own.close()
  })

  test('a process that has as many readers as it may says so with a status', async () => {
    const { claim } = await begin('full')
    const { store, access } = reader
    const hub = { read: () => Promise.reject(new UpstreamError('too_many_readers', 'full', { service: 'process', retryable: true })) }
    const full = await listen(createApi(apiDeps({ store, access, hub })), '127.0.0.1', 0)
    const answer = await fetch(`http://127.0.0.1:${full.port}/v1/meetings/${claim.meetingId}/live`, {
      headers: { authorization: `Bearer ${serve.key}` },
    })
    expect([answer.status, answer.headers.get('content-type'), answer.headers.get('retry-after')]).toEqual([
      503,
      'application/problem+json',
      '5',
    ])
    expect(await answer.json()).toMatchObject({ code: 'too_many_readers' })
    await full.close()
  })
})
