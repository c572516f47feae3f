import * as fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { AutoJoin, type Hint } from '../../../../src/control/webhooks/livekit/auto-join.js'
import { UpstreamError } from '../../../../src/core/errors.js'
import { silentLogger } from '../../../../src/observe/logger.js'
import { FINAL_STATES, type MeetingRecord } from '../../../../src/records/port.js'
import { FakeCensus } from '../../../support/fake-census.js'
import { FakeQueue } from '../../../support/fake-queue.js'
import { ManualClock } from '../../../support/manual-clock.js'
import { MemoryAutoJoin } from '../../../support/memory-auto-join.js'
import { MemoryStore } from '../../../support/memory-store.js'

const open: AutoJoin[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

/** A server, a store and so many processes that join by themselves. */
function rig({ processes = 1, minPeople = 1 }: { processes?: number; minPeople?: number } = {}) {
  const clock = new ManualClock(1_000_000)
  const now = () => clock.nowMs()
  const census = new FakeCensus(now)
  const store = new MemoryStore(now)
  const book = new MemoryAutoJoin(now)
  const queue = new FakeQueue()
  const started: Hint[] = []
  const joins = Array.from({ length: processes }, () => {
    const parts = { census, store, book, queue, clock, logger: silentLogger, language: null, minPeople }
    const join = new AutoJoin({ ...parts, patterns: ['team-*', 'all hands'], started: (by) => started.push(by) })
    open.push(join)
    return join
  })
  const meetings = (room: string) => store.meetings({ room, limit: 100 })
  const running = async (room: string) => (await meetings(room)).filter(({ state }) => !FINAL_STATES.includes(state))
  /** What a bot does about a meeting: joins it, and leaves when it is told to or everybody has gone. */
  const bot = async (room: string) => {
    const [meeting] = await running(room)
    if (!meeting) return
    const claim = await store.claim(meeting.id)
    if (meeting.stopRequested) await end(meeting, 'stopped')
    else if (meeting.state === 'queued') await store.setState(claim, 'live', null)
    else if (census.count(room) === 0) await end(meeting, 'everybody_left')
  }
  const end = async ({ id }: MeetingRecord, reason: 'stopped' | 'everybody_left') => {
    await store.setState(await store.claim(id), 'done', reason, { endedAt: new Date(now()).toISOString() })
  }
  return { clock, census, store, book, queue, joins, join: joins[0]!, started, meetings, running, bot }
}

describe('auto-join', () => {
  test('a webhook starts a bot as a request by API does, in a room that fits', async () => {
    const { census, join, clock, queue, running, started } = rig()
    census.enter('team-a', 'ana')
    census.enter('other', 'ana')
    join.look('team-a')
    join.look('other')
    await clock.settle()
    const [meeting] = await running('team-a')
    expect(meeting).toMatchObject({ room: 'team-a', state: 'queued' })
    expect(queue.jobs).toEqual([`attend-${meeting?.id}`])
    expect(await running('other')).toEqual([])
    expect(started).toEqual(['webhook'])
  })

  test('rooms are listed at the start and every 15 s, so lost webhooks are made up for', async () => {
    const { census, join, clock, running, started } = rig()
    census.enter('team-a', 'ana')
    join.start()
    await clock.settle()
    expect(await running('team-a')).toHaveLength(1)
    census.enter('all hands', 'bo')
    await clock.advance(14_000)
    expect(await running('all hands')).toHaveLength(0)
    await clock.advance(1_000)
    expect(await running('all hands')).toHaveLength(1)
    expect(started).toEqual(['listing', 'listing'])
  })

  test('of several processes one lists rooms at a time', async () => {
    const { census, joins, clock } = rig({ processes: 5 })
    for (const join of joins) join.start()
    await clock.settle()
    const [first] = [census.calls]
    expect(first).toBe(1)
    await clock.advance(60_000)
    expect(census.calls).toBe(5)
  })

  test('a thousand hints about one room ask the server a few times', async () => {
    const { census, join, clock, running } = rig()
    census.enter('team-a', 'ana')
    for (let n = 0; n < 1_000; n++) join.look('team-a')
    await clock.settle()
    expect(census.calls).toBeLessThanOrEqual(4)
    expect(await running('team-a')).toHaveLength(1)
  })

  test('a server that is away is asked again by the next round', async () => {
    const { census, join, clock, running } = rig()
    census.refusal = new UpstreamError('livekit_unreachable', 'away', { service: 'livekit', retryable: true })
    census.enter('team-a', 'ana')
    join.start()
    join.look('team-a')
    await clock.advance(15_000)
    expect(await running('team-a')).toHaveLength(0)
    census.refusal = null
    await clock.advance(15_000)
    expect(await running('team-a')).toHaveLength(1)
  })

  test('a meeting of ours that nobody runs yet is cancelled when its room ends, also when no webhook says so', async () => {
    const { census, join, clock, meetings } = rig()
    join.start()
    census.enter('team-a', 'ana')
    join.look('team-a')
    await clock.settle()
    census.end('team-a')
    await clock.advance(20_000)
    expect((await meetings('team-a')).map(({ state }) => state)).toEqual(['cancelled'])
    census.enter('team-a', 'ana')
    join.look('team-a')
    await clock.settle()
    expect((await meetings('team-a')).map(({ state }) => state)).toEqual(['queued', 'cancelled'])
  })

  test('people who come while a meeting is ending are in a new one 2 s after it has ended', async () => {
    const { census, store, join, clock, meetings, running } = rig()
    census.enter('team-a', 'ana')
    join.look('team-a')
    await clock.settle()
    const [meeting] = await running('team-a')
    const claim = await store.claim(meeting!.id)
    await store.setState(claim, 'finalising', 'everybody_left')
    join.look('team-a')
    await clock.advance(6_000)
    expect(await meetings('team-a')).toHaveLength(1)
    await store.finish(meeting!.id)
    await clock.advance(2_000)
    expect((await meetings('team-a')).map(({ state }) => state)).toEqual(['queued', 'done'])
  })

  test('a meeting whose end is held up is looked at again for 40 s, then by the rounds only', async () => {
    const { census, store, join, clock, running } = rig()
    census.enter('team-a', 'ana')
    join.look('team-a')
    await clock.settle()
    const [meeting] = await running('team-a')
    await store.setState(await store.claim(meeting!.id), 'finalising', 'everybody_left')
    join.look('team-a')
    await clock.settle()
    await clock.advance(60_000)
    const { calls } = census
    expect(calls).toBeGreaterThan(40)
    await clock.advance(600_000)
    expect([census.calls, clock.pending]).toEqual([calls, 0])
    await store.finish(meeting!.id)
    join.look('team-a')
    await clock.settle()
    expect(await running('team-a')).toHaveLength(1)
  })

  test('nothing is left open after close', async () => {
    const { census, join, clock, store, running } = rig()
    census.enter('team-a', 'ana')
    join.start()
    await clock.settle()
    const [meeting] = await running('team-a')
    await store.setState(await store.claim(meeting!.id), 'draining', null)
    join.look('team-a')
    await clock.settle()
    expect(clock.pending).toBeGreaterThan(1)
    await join.close()
    await join.close()
    expect(clock.pending).toBe(0)
    join.look('team-a')
  })
})

type Move =
  | { readonly kind: 'enter' | 'leave'; readonly room: number; readonly person: number; readonly told: number }
  | { readonly kind: 'end' | 'stop' | 'bot' | 'look'; readonly room: number; readonly told: number }
  | { readonly kind: 'wait'; readonly ms: number }

const ROOMS = ['team-0', 'team-1']
const room = fc.nat({ max: 1 })
/** whether the webhook comes (to which process), is lost (0), or comes more than once */
const told = fc.nat({ max: 3 })
const move: fc.Arbitrary<Move> = fc.oneof(
  fc.record({ kind: fc.constantFrom('enter', 'leave'), room, person: fc.nat({ max: 2 }), told }),
  fc.record({ kind: fc.constantFrom('end', 'stop', 'bot', 'bot', 'look'), room, told }),
  fc.record({ kind: fc.constant('wait'), ms: fc.nat({ max: 20_000 }) }),
)

test('whatever happens in any order, with webhooks lost, doubled and late: one bot a room, none after a stop until the room was empty, and one at last', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(move, { maxLength: 30 }), fc.integer({ min: 1, max: 2 }), async (moves, minPeople) => {
      const { clock, census, store, joins, meetings, running, bot } = rig({ processes: 2, minPeople })
      for (const join of joins) join.start()
      await clock.settle()
      /** rooms in which a person stopped a meeting and that have had people since */
      const held = new Set<string>()
      const known = new Map(ROOMS.map((name) => [name, 0]))
      const check = async () => {
        for (const name of ROOMS) {
          const { length } = await meetings(name)
          expect((await running(name)).length).toBeLessThanOrEqual(1)
          if (held.has(name)) expect(`${name} has ${length}`).toBe(`${name} has ${known.get(name)}`)
          known.set(name, length)
          if (census.count(name) === 0) held.delete(name)
        }
      }
      for (const one of moves) {
        if (one.kind === 'wait') await clock.advance(one.ms)
        else {
          const name = ROOMS[one.room]!
          if (one.kind === 'enter') census.enter(name, `p${one.person}`)
          if (one.kind === 'leave') census.leave(name, `p${one.person}`)
          if (one.kind === 'end') census.end(name)
          if (census.count(name) === 0) held.delete(name)
          if (one.kind === 'bot') await bot(name)
          if (one.kind === 'stop') {
            const [meeting] = await running(name)
            if (meeting) {
              await store.requestStop(meeting.id)
              await bot(name)
              if (census.count(name) > 0) held.add(name)
            }
          }
          if (one.kind !== 'bot' && one.kind !== 'stop') for (let n = 0; n < one.told; n++) joins[n % 2]!.look(name)
        }
        await clock.settle()
        await check()
      }
      await clock.advance(30_000)
      await check()
      for (const name of ROOMS) {
        const wasStopped = (await meetings(name)).some(({ reason }) => reason === 'stopped')
        if (!wasStopped && census.count(name) >= minPeople) expect(await running(name)).toHaveLength(1)
        census.end(name)
      }
      await clock.advance(30_000)
      for (const name of ROOMS) await bot(name)
      for (const name of ROOMS) await bot(name)
      for (const name of ROOMS) for (let n = 0; n < minPeople; n++) census.enter(name, `q${n}`)
      await clock.advance(30_000)
      for (const name of ROOMS) expect(await running(name)).toHaveLength(1)
      for (const join of joins) await join.close()
    }),
    { numRuns: 60 },
  )
})
