import { describe, expect, test } from 'vitest'
import { asIdentity, trackKey } from '../../../../src/core/ids.js'
import { People } from '../../../../src/live/bot/people.js'
import { RoomListener } from '../../../../src/live/bot/room-listener.js'
import { LATE_START_MS } from '../../../../src/live/room/port.js'
import { BotRig, loud } from '../../../support/bot-rig.js'
import { ManualClock } from '../../../support/manual-clock.js'

const BOB = trackKey(asIdentity('bob'), 'microphone')

/** Bob's microphone was opened `beforeMs` ago, and can be heard from now on. */
const opened = (rig: BotRig, beforeMs: number) => rig.room.connection.start('bob', 'microphone', rig.clock.monotonicMs() - beforeMs)

const gapsOf = async (rig: BotRig) =>
  (await rig.store.gaps(rig.meeting.id)).map(({ identity, reason, fromMs, toMs }) => [identity, reason, fromMs, toMs])

/** The meeting is ended. @returns the gaps, whether the transcript is called complete, and how long bob was there */
async function ended(rig: BotRig) {
  rig.stop.abort()
  const { complete } = await rig.end()
  const row = (await rig.store.coverage(rig.meeting.id))?.rows.find(({ identity }) => identity === 'bob')
  return { gaps: await gapsOf(rig), complete, presentMs: row?.presentMs }
}

async function live(): Promise<BotRig> {
  const rig = new BotRig()
  await rig.start()
  rig.room.connection.participant('bob')
  await rig.clock.advance(1_000)
  return rig
}

describe('an open microphone of which nothing comes at first', () => {
  test.each([1_600, 3_000, 4_900])('for %d ms is a gap from its opening to its first sample, once', async (lateMs) => {
    const rig = await live()
    await rig.clock.advance(lateMs - 200)
    opened(rig, lateMs - 200)
    // the stream needs a moment too
    await rig.clock.advance(200)
    await rig.speak(BOB, 2_000)
    expect(await ended(rig)).toMatchObject({ gaps: [['bob', 'not_received', 1_000, 1_000 + lateMs]], complete: false })
  })

  test('for no longer than is allowed is no gap, and counts as time in which bob was there', async () => {
    const rig = await live()
    await rig.clock.advance(LATE_START_MS)
    opened(rig, LATE_START_MS)
    await rig.speak(BOB, 2_000)
    const { gaps, complete, presentMs } = await ended(rig)
    expect([gaps, complete]).toEqual([[], true])
    expect(presentMs).toBeGreaterThanOrEqual(2_000 + LATE_START_MS)
  })

  test('and that is muted before anything comes is a gap until then', async () => {
    const rig = await live()
    await rig.clock.advance(1_400)
    opened(rig, 1_400)
    await rig.clock.advance(400)
    rig.room.connection.stop('bob', 'muted')
    await rig.clock.advance(5_000)
    expect(await ended(rig)).toMatchObject({ gaps: [['bob', 'not_received', 1_000, 2_800]], complete: false })
  })

  test('and that is told to be refused before it is heard is one gap to its first sample', async () => {
    const rig = await live()
    await rig.clock.advance(1_500)
    rig.room.connection.refuse('bob', 'not_received', 1_500)
    await rig.clock.advance(3_000)
    opened(rig, 4_500)
    await rig.clock.advance(500)
    await rig.speak(BOB, 1_000)
    expect(await ended(rig)).toMatchObject({ gaps: [['bob', 'not_received', 1_000, 6_000]], complete: false })
  })

  test('and that stalls meanwhile is one gap, though bob had been heard and was muted before', async () => {
    const rig = await live()
    opened(rig, 0)
    await rig.speak(BOB, 1_000)
    rig.room.connection.stop('bob', 'muted')
    await rig.clock.advance(10_000)
    opened(rig, 100)
    const fromMs = rig.clock.nowMs() - 1_700_000_000_000 - 100
    await rig.clock.advance(2_500)
    rig.room.connection.stall(BOB, 'no_frames', rig.clock.monotonicMs() - 2_500)
    await rig.clock.advance(1_000)
    rig.room.connection.resume(BOB)
    await rig.speak(BOB, 1_000)
    expect(await ended(rig)).toMatchObject({ gaps: [['bob', 'not_received', fromMs, fromMs + 3_600]], complete: false })
  })

  test('when the connection is lost is a gap until then, and what follows is another', async () => {
    const rig = await live()
    await rig.clock.advance(1_000)
    opened(rig, 1_000)
    await rig.clock.advance(1_000)
    rig.room.connection.reconnecting()
    await rig.clock.advance(2_000)
    rig.room.connection.reconnected()
    opened(rig, 0)
    await rig.speak(BOB, 1_000)
    expect(await ended(rig)).toMatchObject({
      gaps: [
        ['bob', 'not_received', 1_000, 3_000],
        ['bob', 'reconnecting', 3_000, 5_000],
      ],
    })
  })
})

test('a microphone of which nothing came when a pause began, or since, is missed from its end on', async () => {
  const rig = await live()
  opened(rig, 0)
  await rig.speak(BOB, 1_000)
  await rig.store.setPaused(rig.meeting.id, true)
  await rig.clock.advance(2_000)
  rig.room.connection.stall(BOB, 'no_packets', rig.clock.monotonicMs() - 1_000)
  await rig.clock.advance(5_000)
  await rig.store.setPaused(rig.meeting.id, false)
  await rig.clock.advance(1_000)
  await rig.speak(BOB, 3_000)
  rig.room.connection.resume(BOB)
  const resumedMs = rig.clock.nowMs() - 1_700_000_000_000
  await rig.speak(BOB, 1_000)
  const { gaps } = await ended(rig)
  expect(gaps.map(([identity, reason]) => [identity, reason])).toEqual([['bob', 'not_received']])
  const [, , fromMs, toMs] = gaps[0] ?? []
  expect(fromMs).toBeGreaterThan(resumedMs - 4_500)
  expect(Math.abs(Number(toMs) - resumedMs)).toBeLessThan(100)
})

describe('no gap', () => {
  test('is made of a burst: the first frame waited while this process stood still', async () => {
    const rig = await live()
    opened(rig, 100)
    await rig.clock.advance(3_000)
    for (let frame = 0; frame < 59; frame++) rig.room.connection.frame(BOB, loud(), rig.clock.monotonicMs())
    await rig.speak(BOB, 2_000)
    expect(await ended(rig)).toMatchObject({ gaps: [], complete: true })
  })

  test('is made of the time in which nobody was to be heard', async () => {
    const rig = await live()
    await rig.store.setPaused(rig.meeting.id, true)
    await rig.clock.advance(1_000)
    const before = await gapsOf(rig)
    rig.room.connection.refuse('bob', 'not_received', 1_500)
    await rig.clock.advance(5_000)
    await rig.store.setPaused(rig.meeting.id, false)
    await rig.clock.advance(1_000)
    const resumedMs = rig.clock.nowMs() - 1_700_000_000_000
    opened(rig, 8_500)
    await rig.speak(BOB, 1_000)
    const { gaps } = await ended(rig)
    expect(before).toEqual([])
    expect(gaps).toHaveLength(1)
    const [, , fromMs, toMs] = gaps[0] ?? []
    // who is refused when the pause ends is missed from there
    expect(fromMs).toBeGreaterThan(resumedMs - 1_000)
    expect(toMs).toBe(resumedMs)
  })

  test('is told twice: after a lost connection the person is missed until it stands, and not received from there', async () => {
    const rig = await live()
    opened(rig, 0)
    await rig.speak(BOB, 1_000)
    const fromMs = rig.clock.nowMs() - 1_700_000_000_000
    rig.room.connection.reconnecting()
    await rig.clock.advance(2_000)
    rig.room.connection.reconnected()
    await rig.clock.advance(1_500)
    rig.room.connection.refuse('bob', 'not_received', 1_500)
    await rig.clock.advance(2_000)
    opened(rig, 3_500)
    await rig.clock.advance(100)
    await rig.speak(BOB, 1_000)
    expect((await ended(rig)).gaps.toSorted()).toEqual([
      ['bob', 'not_received', fromMs + 2_000, fromMs + 5_600],
      ['bob', 'reconnecting', fromMs, fromMs + 2_000],
    ])
  })

  test('is made of the end of a pause: an open microphone that comes soon after it', async () => {
    const rig = await live()
    await rig.store.setPaused(rig.meeting.id, true)
    await rig.clock.advance(6_000)
    await rig.store.setPaused(rig.meeting.id, false)
    await rig.clock.advance(1_000)
    opened(rig, 3_000)
    await rig.speak(BOB, 1_000)
    expect((await ended(rig)).gaps).toEqual([])
  })

  test('overlaps with that of a reconnect, which lasts until the person can be heard again', async () => {
    const rig = await live()
    opened(rig, 0)
    await rig.speak(BOB, 1_000)
    const fromMs = rig.clock.nowMs() - 1_700_000_000_000
    rig.room.connection.reconnecting()
    await rig.clock.advance(2_000)
    rig.room.connection.reconnected()
    await rig.clock.advance(1_000)
    opened(rig, 1_000)
    await rig.clock.advance(800)
    await rig.speak(BOB, 1_000)
    expect((await ended(rig)).gaps).toEqual([['bob', 'reconnecting', fromMs, fromMs + 3_000]])
  })

  test('overlaps with that of a takeover, which lasts until the person can be heard', () => {
    const clock = new ManualClock(0)
    const openings: unknown[] = []
    const nothing = () => undefined
    const listener = new RoomListener({
      isHeld: false,
      clock,
      people: new People(),
      scribe: {
        meetingMs: () => 10_000,
        trackStarted: (_key, identity, opening) => void openings.push([identity, opening?.sinceMs]),
        trackEnded: () => 0,
        gap: nothing,
        trackStalled: nothing,
        trackResumed: nothing,
        personLeft: nothing,
        frame: nothing,
      },
      handover: { came: () => undefined, heard: (identity) => identity === 'ann', isHandedOver: false },
      keep: nothing,
      present: nothing,
      reconnecting: nothing,
      reconnected: nothing,
      ended: nothing,
    })
    const nowMs = clock.monotonicMs()
    const events = listener.events(new AbortController().signal)
    for (const name of ['ann', 'bob']) {
      const identity = asIdentity(name)
      events.trackStarted({ key: trackKey(identity, 'microphone'), identity, source: 'microphone' }, nowMs - 500)
    }
    expect(openings).toEqual([
      ['ann', 10_000],
      ['bob', 9_500],
    ])
  })
})
