import { describe, expect, it, test } from 'vitest'
import { UpstreamError } from '../../../../src/core/errors.js'
import { asIdentity, type TrackKey } from '../../../../src/core/ids.js'
import { BOT_OPTIONS, BotRig } from '../../../support/bot-rig.js'

const OPTIONS = { policy: { ...BOT_OPTIONS.policy, rejoinForMs: 300_000 } }

/** The gaps of the room, by person. */
const gapsOf = async (rig: BotRig) => {
  const gaps = (await rig.store.gaps(rig.meeting.id)).filter(({ reason }) => reason === 'reconnecting')
  return gaps.map(({ identity, fromMs, toMs }) => [identity, fromMs, toMs]).toSorted()
}

/** The connection is lost, and nobody can join until the returned function is called. */
const lose = (rig: BotRig): (() => Promise<void>) => {
  const away = () => new UpstreamError('livekit_unreachable', 'away', { service: 'livekit', retryable: true })
  rig.room.failJoins(...Array.from({ length: 1_000 }, away))
  rig.room.connection.end('connection_lost')
  return async () => {
    const before = rig.room.connections.length
    rig.room.healJoins()
    while (rig.room.connections.length === before) await rig.clock.advance(10)
  }
}

/** Speaks for a second and goes on in the same meeting time. */
const spoken = async (rig: BotRig): Promise<TrackKey> => {
  const key = rig.room.connection.start('ann')
  await rig.speak(key, 1_000)
  return key
}

const nowOf = (rig: BotRig): number => rig.clock.nowMs() - 1_700_000_000_000

describe('a connection that ends for good', () => {
  it.each(['room_closed', 'removed'] as const)(
    '26 %s after everybody has left: nobody misses, and the transcript is complete',
    async (reason) => {
      const rig = new BotRig()
      await rig.start()
      await spoken(rig)
      rig.room.connection.leave('ann')
      await rig.clock.advance(5_000)
      rig.room.connection.end(reason)
      expect(await rig.end()).toMatchObject({ reason, failed: false, complete: true })
      expect(await rig.store.gaps(rig.meeting.id)).toEqual([])
    },
  )

  it.each(['room_closed', 'removed'] as const)('26 %s while somebody speaks: what was heard until then is whole', async (reason) => {
    const rig = new BotRig()
    await rig.start()
    await spoken(rig)
    rig.room.connection.participant('bob')
    rig.room.connection.end(reason)
    expect(await rig.end()).toMatchObject({ reason, failed: false, complete: true })
    expect(await rig.store.gaps(rig.meeting.id)).toEqual([])
    expect((await rig.store.coverage(rig.meeting.id))?.doubts).toEqual([])
  })

  it('18 after it was torn for a while: what was missed in that while is a gap', async () => {
    const rig = new BotRig()
    await rig.start()
    await spoken(rig)
    const fromMs = nowOf(rig)
    rig.room.connection.reconnecting()
    await rig.clock.advance(4_000)
    rig.room.connection.end('room_closed')
    await rig.clock.settle()
    expect(await rig.end()).toMatchObject({ reason: 'room_closed', complete: false })
    expect(await gapsOf(rig)).toEqual([['ann', fromMs, fromMs + 4_000]])
  })
})

describe('an outage', () => {
  test('18 who had left misses nothing, who was muted until the bot is back, who was heard until they can be heard again', async () => {
    const rig = new BotRig()
    await rig.start(OPTIONS)
    await spoken(rig)
    rig.room.connection.start('bob')
    rig.room.connection.start('cat')
    rig.room.connection.participant('dan')
    await rig.clock.advance(1_000)
    rig.room.connection.leave('ann')
    rig.room.connection.stop('bob', 'muted')
    await rig.clock.advance(10_000)
    const fromMs = nowOf(rig)
    const back = lose(rig)
    await rig.clock.advance(60_000)
    await back()
    const backMs = nowOf(rig)
    for (const identity of ['bob', 'cat', 'dan']) rig.room.connection.participant(identity)
    await rig.clock.advance(700)
    rig.room.connection.start('cat')
    await rig.clock.advance(20_000)
    rig.room.connection.start('bob')
    await rig.clock.advance(1_000)
    rig.stop.abort()
    expect(await rig.end()).toMatchObject({ complete: false })
    expect(await gapsOf(rig)).toEqual([
      ['bob', fromMs, backMs],
      ['cat', fromMs, backMs + 700],
      ['dan', fromMs, backMs],
    ])
  })

  test('18 who unmuted meanwhile misses until they can be heard', async () => {
    const rig = new BotRig()
    await rig.start(OPTIONS)
    rig.room.connection.start('bob')
    rig.room.connection.stop('bob', 'muted')
    await rig.clock.advance(1_000)
    const back = lose(rig)
    await rig.clock.advance(30_000)
    await back()
    const backMs = nowOf(rig)
    await rig.clock.advance(300)
    rig.room.connection.start('bob')
    rig.stop.abort()
    await rig.clock.settle()
    await rig.end()
    expect(await gapsOf(rig)).toEqual([
      ['bob', 1_000, backMs],
      ['bob', backMs, backMs + 300],
    ])
  })

  test('18 who muted meanwhile misses until the bot is back, which is written down 15 s after that', async () => {
    const rig = new BotRig()
    await rig.start(OPTIONS)
    await spoken(rig)
    const fromMs = nowOf(rig)
    const back = lose(rig)
    await rig.clock.advance(30_000)
    await back()
    const backMs = nowOf(rig)
    rig.room.connection.participant('ann')
    await rig.clock.advance(21_000)
    expect(await gapsOf(rig)).toEqual([['ann', fromMs, backMs]])
    rig.room.connection.start('ann')
    rig.stop.abort()
    await rig.clock.settle()
    await rig.end()
    expect(await gapsOf(rig)).toHaveLength(1)
  })

  test.each(['reconnecting', 'lost'])('17 18 35 %s while this process stands still: missed since what came last', async (how) => {
    const rig = new BotRig()
    await rig.start(OPTIONS)
    const key = await spoken(rig)
    const heardMs = nowOf(rig)
    await rig.clock.advance(6_000)
    // it finds all at once what came before the connection was torn, and that it was
    for (let n = 0; n < 8; n++) rig.room.connection.frame(key, new Int16Array(800), rig.clock.monotonicMs())
    if (how === 'lost') await lose(rig)()
    else {
      rig.room.connection.reconnecting()
      rig.room.connection.reconnected()
    }
    const backMs = nowOf(rig)
    rig.room.connection.start('ann')
    await rig.clock.advance(1_000)
    rig.stop.abort()
    await rig.clock.settle()
    await rig.end()
    const [gap, ...more] = await gapsOf(rig)
    expect([gap?.[0], gap?.[2], more]).toEqual(['ann', backMs, []])
    expect(Number(gap?.[1])).toBeGreaterThanOrEqual(heardMs)
    expect(Number(gap?.[1])).toBeLessThanOrEqual(heardMs + 500)
  })

  test('17 who mutes while the connection is torn misses until it is whole again', async () => {
    const rig = new BotRig()
    await rig.start(OPTIONS)
    await spoken(rig)
    const fromMs = nowOf(rig)
    rig.room.connection.reconnecting()
    await rig.clock.advance(5_400)
    rig.room.connection.reconnected()
    await rig.clock.advance(60_000)
    rig.room.connection.start('ann')
    await rig.clock.advance(1_000)
    rig.stop.abort()
    await rig.clock.settle()
    await rig.end()
    expect(await gapsOf(rig)).toEqual([['ann', fromMs, fromMs + 5_400]])
  })

  test('18 counts from when the connection was torn, and until the meeting is left when it does not end', async () => {
    const rig = new BotRig()
    await rig.start(OPTIONS)
    rig.room.connection.participant('bob')
    await spoken(rig)
    const fromMs = nowOf(rig)
    rig.room.connection.reconnecting()
    await rig.clock.advance(30_000)
    lose(rig)
    await rig.clock.advance(20_000)
    const toMs = nowOf(rig)
    rig.stop.abort()
    await rig.clock.settle()
    await rig.end()
    expect(await gapsOf(rig)).toEqual([
      ['ann', fromMs, toMs],
      ['bob', fromMs, toMs],
    ])
  })

  test('18 a second one right after it goes on from the first for those who were not heard in between', async () => {
    const rig = new BotRig()
    await rig.start(OPTIONS)
    rig.room.connection.participant('bob')
    await spoken(rig)
    const fromMs = nowOf(rig)
    const first = lose(rig)
    await rig.clock.advance(10_000)
    await first()
    const backMs = nowOf(rig)
    for (const identity of ['ann', 'bob']) rig.room.connection.participant(identity)
    await rig.clock.advance(500)
    const againMs = nowOf(rig)
    const second = lose(rig)
    await rig.clock.advance(10_000)
    await second()
    const endMs = nowOf(rig)
    rig.room.connection.start('ann')
    rig.stop.abort()
    await rig.clock.settle()
    await rig.end()
    expect(await gapsOf(rig)).toEqual([
      ['ann', fromMs, endMs],
      ['bob', fromMs, backMs],
      ['bob', againMs, endMs],
    ])
  })

  test('18 who is found in the room afterwards may have come at any time of it', async () => {
    const rig = new BotRig()
    await rig.start(OPTIONS)
    await spoken(rig)
    rig.room.connection.leave('ann')
    await rig.clock.advance(1_000)
    const fromMs = nowOf(rig)
    const join = rig.room.join.bind(rig.room)
    rig.room.join = async (how, events, signal) => {
      const connection = await join(how, events, signal)
      events.participantJoined({ identity: asIdentity('ann'), name: 'Ann' })
      events.participantJoined({ identity: asIdentity('eve'), name: 'Eve' })
      rig.room.connection.start('eve')
      return connection
    }
    const back = lose(rig)
    await rig.clock.advance(10_000)
    await back()
    const backMs = nowOf(rig)
    rig.stop.abort()
    await rig.clock.settle()
    await rig.end()
    expect(await gapsOf(rig)).toEqual([
      ['ann', fromMs, backMs],
      ['eve', fromMs, backMs],
    ])
  })

  test('18 nobody misses while the meeting is paused', async () => {
    const rig = new BotRig()
    await rig.start(OPTIONS)
    rig.room.connection.participant('bob')
    await spoken(rig)
    const fromMs = nowOf(rig)
    const back = lose(rig)
    await rig.clock.advance(10_000)
    const pausedMs = nowOf(rig)
    await rig.store.setPaused(rig.meeting.id, true)
    await rig.clock.settle()
    await rig.clock.advance(10_000)
    const resumedMs = nowOf(rig)
    await rig.store.setPaused(rig.meeting.id, false)
    await rig.clock.settle()
    await rig.clock.advance(10_000)
    await back()
    const backMs = nowOf(rig)
    for (const identity of ['ann', 'bob']) rig.room.connection.participant(identity)
    await rig.store.setPaused(rig.meeting.id, true)
    await rig.clock.settle()
    await rig.clock.advance(1_000)
    const again = lose(rig)
    await rig.clock.advance(10_000)
    await again()
    rig.room.connection.start('ann')
    await rig.clock.advance(1_000)
    await rig.store.setPaused(rig.meeting.id, false)
    await rig.clock.settle()
    await rig.clock.advance(1_000)
    rig.stop.abort()
    await rig.clock.settle()
    await rig.end()
    expect(await gapsOf(rig)).toEqual([
      ['ann', fromMs, pausedMs],
      ['ann', resumedMs, backMs],
      ['bob', fromMs, pausedMs],
      ['bob', resumedMs, backMs],
    ])
  })
})
