import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ClaimLostError, type UpstreamError } from '../../src/core/errors.js'
import { asIdentity, newSessionId } from '../../src/core/ids.js'
import { systemClock } from '../../src/core/time.js'
import { silentLogger } from '../../src/observe/logger.js'
import { handoverStore } from '../../src/records/handover-store.js'
import { openStore, type OpenStore } from '../../src/records/sql/open.js'
import { postgresBinaries, startPostgres, type TestPostgres } from '../support/postgres.js'
import { requestFor } from '../support/records.js'

const binaries = postgresBinaries()
let rooms = 0
const request = () => requestFor(`claims-${++rooms}`)
const gap = (fromMs: number) => ({ identity: asIdentity('ann'), fromMs, toMs: fromMs + 10, reason: 'taken_over' as const })

describe.skipIf(binaries === undefined)('claims between processes, on PostgreSQL', () => {
  let server: TestPostgres
  let folder: string
  const opened: OpenStore[] = []

  beforeAll(async () => {
    server = await startPostgres(binaries ?? '')
    folder = await mkdtemp(join(tmpdir(), 'roomscribe-claims-'))
    for (let at = 0; at < 3; at++) {
      opened.push(await openStore({ databaseUrl: server.url, dataDir: folder, clock: systemClock, logger: silentLogger }))
    }
  })
  afterAll(async () => {
    await Promise.all(opened.map((one) => one.close()))
    await server.close()
    await rm(folder, { recursive: true })
  })

  async function meeting() {
    const [one, two, three] = opened
    if (!one || !two || !three) throw new Error('not open')
    const { id } = (await one.store.create(request())).meeting
    return { one, two, three, id }
  }

  /** how many statements wait for a lock */
  const locksWaited = async ({ pool }: OpenStore) => {
    const { rows } = await pool.query<{ n: string }>("SELECT count(*) AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    return Number(rows[0]?.n)
  }

  test('36 of many that take what they saw free, one has it', async () => {
    const { one, two, three, id } = await meeting()
    const seen = await one.claims.standing(id)
    expect(seen).toMatchObject({ state: 'queued', epoch: 0, holder: null, isReleased: false })
    const taken = await Promise.all([one, two, three, one, two, three].map(({ claims }) => claims.take(id, seen)))
    const winners = taken.filter((claim) => claim !== null)
    expect(winners.map(({ claim }) => claim.epoch)).toEqual([1])
    const holder = (await two.claims.standing(id)).holder
    expect([one, two, three].map(({ claims }) => claims.holder)).toContain(holder)
    // it dies: of those that saw that one has it, and is told its silence, not that of one who wanted it too
    const before = opened.find(({ claims }) => claims.holder === holder)!
    const others = opened.filter((other) => other !== before)
    await before.claims.beat()
    await before.pool.query('SELECT pg_sleep(0.5)')
    await Promise.all(others.map(({ claims }) => claims.beat()))
    const dead = await before.claims.standing(id)
    const again = await Promise.all([...others, ...others].map(({ claims }) => claims.take(id, dead)))
    const after = again.filter((claim) => claim !== null)
    expect(after.map(({ claim }) => claim.epoch)).toEqual([2])
    expect(after[0]!.silentMs).toBeGreaterThanOrEqual(500)
  })

  test('of many meetings that are taken at once through several stores exactly as many begin as there are places', async () => {
    const ids = await Promise.all(Array.from({ length: 12 }, async () => (await meeting()).id))
    // what other tests left behind has its place
    const before = await opened[0]!.pool.query<{ n: string }>(
      "SELECT count(*) AS n FROM roomscribe.meeting WHERE epoch > 0 AND state NOT IN ('finalising', 'done', 'failed', 'cancelled', 'missed')",
    )
    const places = Number(before.rows[0]?.n) + 5
    const takes = ids.map(async (id, at) => {
      const { claims } = opened[at % 3]!
      return claims.take(id, await claims.standing(id), places)
    })
    const outcomes = await Promise.allSettled(takes)
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(5)
    const refused = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason as UpstreamError] : []))
    expect(refused.map(({ code, retryable, service }) => ({ code, retryable, service }))).toEqual(
      Array.from({ length: 7 }, () => ({ code: 'no_place', retryable: true, service: 'process' })),
    )
    // one that runs is taken over without a place
    const at = outcomes.findIndex(({ status }) => status === 'fulfilled')
    const { claims } = opened[2]!
    expect((await claims.take(ids[at]!, await claims.standing(ids[at]!), places))?.claim.epoch).toBe(2)
  })

  test('36 what was taken without a release is fenced: nothing of the old claim is written, whatever it is', async () => {
    const { one, two, id } = await meeting()
    const old = (await one.claims.take(id, await one.claims.standing(id)))?.claim
    if (!old) throw new Error('not taken')
    await two.claims.take(id, await two.claims.standing(id))
    const store = handoverStore(one.store, one.claims)
    const writes = [
      () => store.setState(old, 'live', null),
      () => store.saveParticipants(old, []),
      () => store.appendGaps(old, [gap(1)]),
      () => store.appendSegments(old, []),
      () => store.saveSpans(old, []),
      () => store.saveCoverage(old, [], true),
      () => store.saveShare(old, { epoch: old.epoch, rows: [], doubts: [] }),
      () => one.claims.release(old),
    ]
    for (const write of writes) await expect(write()).rejects.toBeInstanceOf(ClaimLostError)
    expect([await two.store.gaps(id), await two.store.shares(id)]).toEqual([[], []])
  })

  test('30 what was released and taken may still bring in what it heard, but not the state, the people or the end', async () => {
    const { one, two, id } = await meeting()
    const old = (await one.claims.take(id, await one.claims.standing(id)))?.claim
    if (!old) throw new Error('not taken')
    await one.claims.release(old)
    const taken = await two.claims.take(id, await two.claims.standing(id))
    expect(taken?.isReleased).toBe(true)
    const store = handoverStore(one.store, one.claims)
    await store.appendGaps(old, [gap(1)])
    await store.saveShare(old, { epoch: old.epoch, rows: [], doubts: [] })
    await store.saveParticipants(old, [{ identity: asIdentity('x'), name: 'x', joinedMs: 0, leftMs: null }])
    await expect(store.setState(old, 'draining', 'shutdown')).rejects.toBeInstanceOf(ClaimLostError)
    await expect(store.saveCoverage(old, [], true)).rejects.toBeInstanceOf(ClaimLostError)
    expect((await two.store.shares(id)).map(({ epoch }) => epoch)).toEqual([1])
    expect([(await two.store.gaps(id)).length, (await two.store.meeting(id)).participants]).toEqual([1, []])
    if (!taken) throw new Error('not taken')
    expect(await two.claims.leftBefore(taken.claim)).toBeNull()
    await one.claims.left(old, 1_234.5)
    expect(await two.claims.leftBefore(taken.claim)).toBe(1_234.5)
  })

  test('30 whoever takes a meeting after one that died before it relieved another is told that this one hears still, as long as it does', async () => {
    const { one, two, three, id } = await meeting()
    const first = (await one.claims.take(id, await one.claims.standing(id)))!.claim
    await one.claims.beat()
    await one.claims.release(first)
    await two.claims.take(id, await two.claims.standing(id))
    const third = await three.claims.take(id, await three.claims.standing(id))
    expect(third).toMatchObject({ isReleased: true, silentMs: expect.any(Number) as unknown })
    await one.claims.left(first, 1_234)
    expect(await three.claims.leftBefore(third!.claim)).toBe(1_234)
    // it has been relieved: the next death is one of the third alone
    expect(await two.claims.take(id, await two.claims.standing(id))).toMatchObject({ isReleased: false })
  })

  test('28 a holder is seen to live by its beat; meeting time and silence are told by the store', async () => {
    const { one, two, id } = await meeting()
    const first = await one.claims.take(id, await one.claims.standing(id))
    if (!first) throw new Error('not taken')
    expect(first).toMatchObject({ elapsedMs: null, silentMs: null })
    const startedAt = new Date(first.storeNowMs - 60_000).toISOString()
    await one.store.setState(first.claim, 'joining', null, { startedAt })
    await one.claims.beat()
    const before = await two.claims.standing(id)
    await one.claims.beat()
    const after = await two.claims.standing(id)
    expect([Number(after.beat) - Number(before.beat), after.holder]).toEqual([1, one.claims.holder])
    const second = await two.claims.take(id, after)
    expect(second?.elapsedMs).toBeGreaterThanOrEqual(60_000)
    expect(second?.silentMs).toBeGreaterThanOrEqual(0)
    // good-bye: whoever holds nothing is forgotten
    await one.claims.leave()
    expect((await two.claims.standing(id)).holder).toBe(two.claims.holder)
  })

  test('28 whoever died before it was in the room heard nobody: the silence told is of the last one that was, when it was taken from it', async () => {
    const { one, two, three, id } = await meeting()
    const take = async ({ claims }: OpenStore) => (await claims.take(id, await claims.standing(id)))!
    const first = await take(one)
    await one.claims.entered(first.claim)
    await one.claims.beat()
    await one.pool.query('SELECT pg_sleep(0.3)')
    const second = await take(two)
    expect(second.silentMs).toBeGreaterThanOrEqual(300)
    // the first one was only frozen, and has nothing to do with the meeting any more
    for (const { claims } of [one, two]) await claims.beat()
    await one.claims.entered(first.claim)
    const third = await take(three)
    expect(third.silentMs).toBeGreaterThanOrEqual(second.silentMs ?? Number.NaN)
    // nobody in the room since: a fourth is told the same; one that follows whoever was there is told its silence
    const fourth = await take(one)
    expect(fourth.silentMs).toBeGreaterThanOrEqual(third.silentMs ?? Number.NaN)
    await one.claims.entered(fourth.claim)
    await one.claims.beat()
    expect((await take(two)).silentMs).toBeLessThan(fourth.silentMs ?? Number.NaN)
  })

  test('41 a sign of life that a store takes late is as old as the answer before it: its sender may be dead', async () => {
    const { one, two, id } = await meeting()
    await one.claims.take(id, await one.claims.standing(id))
    for (let beats = 0; beats < 2; beats++) await one.claims.beat()
    const locker = await two.pool.connect()
    await locker.query('BEGIN')
    await locker.query('SELECT 1 FROM roomscribe.holder WHERE id = $1 FOR UPDATE', [one.claims.holder])
    const late = one.claims.beat()
    await expect.poll(() => locksWaited(two)).toBe(1)
    await locker.query('SELECT pg_sleep(0.5)')
    await locker.query('COMMIT')
    locker.release()
    await late
    const taken = await two.claims.take(id, await two.claims.standing(id))
    expect(taken?.silentMs).toBeGreaterThanOrEqual(500)
    // the time that it says now is that of the claim, and goes on
    expect((await two.claims.nowMs()) - taken!.storeNowMs).toBeGreaterThan(0)
    expect((await two.claims.nowMs()) - taken!.storeNowMs).toBeLessThan(60_000)
    await one.claims.beat()
  })

  test('30 what was released and taken is watched until its holder says that it has seen to it, or gives no sign of life any more', async () => {
    const { one, two, three, id } = await meeting()
    const first = (await one.claims.take(id, await one.claims.standing(id)))!.claim
    await one.claims.beat()
    await one.claims.release(first)
    const second = (await two.claims.take(id, await two.claims.standing(id)))!.claim
    const before = await two.claims.before(second)
    await one.claims.beat()
    const after = await two.claims.before(second)
    expect([...before, ...after].map(({ epoch }) => epoch)).toEqual([1, 1])
    expect(after[0]!.sign).not.toBe(before[0]!.sign)
    await two.claims.beat()
    expect(await two.claims.before(second)).toEqual(after)
    // the newest claim is its holder's, whatever it says
    await two.claims.release(second)
    await two.claims.settled(second)
    expect((await two.claims.standing(id)).holder).toBe(two.claims.holder)
    const third = (await three.claims.take(id, await three.claims.standing(id)))!.claim
    await one.claims.settled(first)
    expect(await two.claims.before(second)).toEqual([])
    expect((await three.claims.before(third)).map(({ epoch }) => epoch)).toEqual([2])
    await two.claims.settled(second)
    expect(await three.claims.before(third)).toEqual([])
  })

  test('30 I2 a session is of the claim under which it was heard, whoever has the meeting when it is stored, or stores it again', async () => {
    const { one, two, id } = await meeting()
    const first = (await one.claims.take(id, await one.claims.standing(id)))!.claim
    await one.claims.release(first)
    const second = (await two.claims.take(id, await two.claims.standing(id)))!.claim
    const record = { vendorId: null, channels: 1, sampleRate: 16_000, sentFrames: 0, acknowledgedFrames: 0, endReason: null }
    const [mine, theirs] = [newSessionId(), newSessionId()]
    await handoverStore(one.store, one.claims).saveSession(first, { ...record, sessionId: mine })
    await two.store.saveSession(second, { ...record, sessionId: theirs })
    await two.store.saveSession(second, { ...record, sessionId: mine, sentFrames: 9 })
    const stored = await two.store.sessions(id)
    expect(stored.map(({ sessionId, epoch, sentFrames }) => [sessionId, epoch, sentFrames])).toEqual([
      [mine, 1, 9],
      [theirs, 2, 0],
    ])
  })

  test('30 I2 of a holder that released the meeting and is taken for dead nothing is written any more, but of one that has settled', async () => {
    const { one, two, three, id } = await meeting()
    const first = (await one.claims.take(id, await one.claims.standing(id)))!.claim
    await one.claims.release(first)
    const second = (await two.claims.take(id, await two.claims.standing(id)))!.claim
    await two.claims.release(second)
    const third = (await three.claims.take(id, await three.claims.standing(id)))!.claim
    await two.claims.settled(second)
    const store = handoverStore(one.store, one.claims)
    await store.appendGaps(first, [gap(1)])
    // asked for before it is revoked, and used after it
    const standing = await one.claims.standIn(first)
    await three.claims.revoke(third, [1, 2])
    expect((await three.claims.before(third)).map(({ epoch, isRevoked }) => [epoch, isRevoked])).toEqual([[1, true]])
    const record = { vendorId: null, channels: 1, sampleRate: 16_000, sentFrames: 0, acknowledgedFrames: 0, endReason: null }
    const writes = (of: typeof store, claim: typeof first) => [
      () => of.appendGaps(claim, [gap(2)]),
      () => of.appendSegments(claim, []),
      () => of.saveSpans(claim, []),
      () => of.saveSession(claim, { ...record, sessionId: newSessionId() }),
      () => of.saveShare(claim, { epoch: first.epoch, rows: [], doubts: [] }),
    ]
    for (const write of [...writes(store, first), ...writes(one.store, standing)])
      await expect(write()).rejects.toBeInstanceOf(ClaimLostError)
    expect([await three.store.gaps(id), await three.store.sessions(id), await three.store.shares(id)]).toEqual([[gap(1)], [], []])
    await handoverStore(two.store, two.claims).appendGaps(second, [gap(3)])
    await handoverStore(three.store, three.claims).appendGaps(third, [gap(4)])
    expect(await three.store.gaps(id)).toHaveLength(3)
  })

  test('30 of two that released the meeting the one that lives writes on when the other one is taken for dead', async () => {
    const { one, two, three, id } = await meeting()
    const first = (await one.claims.take(id, await one.claims.standing(id)))!.claim
    await one.claims.release(first)
    const second = (await two.claims.take(id, await two.claims.standing(id)))!.claim
    await two.claims.release(second)
    const third = (await three.claims.take(id, await three.claims.standing(id)))!.claim
    await three.claims.revoke(third, [first.epoch])
    await expect(handoverStore(one.store, one.claims).appendGaps(first, [gap(1)])).rejects.toBeInstanceOf(ClaimLostError)
    await handoverStore(two.store, two.claims).appendGaps(second, [gap(2)])
    const told = await three.claims.before(third)
    expect(told.map(({ epoch, isRevoked }) => [epoch, isRevoked])).toEqual([
      [1, true],
      [2, false],
    ])
    await three.claims.revoke(third, [])
    // who has lost the meeting takes nobody for dead
    await two.claims.revoke(second, [first.epoch, second.epoch])
    const fourth = (await three.store.claim(id)).epoch
    expect(fourth).toBe(4)
    await three.claims.revoke(third, [second.epoch])
    await handoverStore(two.store, two.claims).appendGaps(second, [gap(3)])
    expect(await three.store.gaps(id)).toHaveLength(2)
  })

  test('30 a revocation waits for a write that is on its way, and a write for a revocation', async () => {
    const { one, two, id } = await meeting()
    const first = (await one.claims.take(id, await one.claims.standing(id)))!.claim
    await one.claims.release(first)
    const second = (await two.claims.take(id, await two.claims.standing(id)))!.claim
    const standing = await one.claims.standIn(first)
    const [writer, order] = [await one.pool.connect(), [] as string[]]
    await writer.query('BEGIN')
    await writer.query('SELECT 1 FROM roomscribe.claim WHERE meeting_id = $1 AND epoch = 1 FOR SHARE', [id])
    const revoked = two.claims.revoke(second, [1]).then(() => order.push('revoked'))
    await expect.poll(() => locksWaited(two)).toBe(1)
    order.push('written')
    await writer.query('COMMIT')
    await revoked
    expect(order).toEqual(['written', 'revoked'])
    // now a revocation that is not through yet
    await writer.query('UPDATE roomscribe.claim SET released = true WHERE meeting_id = $1 AND epoch = 1', [id])
    await writer.query('BEGIN')
    await writer.query('UPDATE roomscribe.claim SET released = false WHERE meeting_id = $1 AND epoch = 1', [id])
    const written = Promise.allSettled([one.store.appendGaps(standing, [gap(1)]), one.store.appendSegments(standing, [])])
    await expect.poll(() => locksWaited(two)).toBe(2)
    await writer.query('COMMIT')
    writer.release()
    expect((await written).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(await two.store.gaps(id)).toEqual([])
  })
})
