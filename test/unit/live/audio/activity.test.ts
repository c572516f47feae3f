import { expect, test } from 'vitest'
import { asIdentity, trackKey } from '../../../../src/core/ids.js'
import { RoomOfTracks, block, keyOf, silent, speaker, who } from './room-of-tracks.js'

const ONE = { channels: { max: 1, mode: 'fixed' } } as const

/** Speaks in the given stretches of ms. */
const script =
  (...stretches: (readonly [number, number])[]) =>
  (nowMs: number): Int16Array =>
    block(
      1,
      stretches.some(([from, to]) => nowMs > from && nowMs <= to),
    )

const now = (room: RoomOfTracks) => room.plane.activity(room.nowMs)

test('A14 where everybody has a channel, who has voice speaks, until 0.5 s after it; nobody waits', () => {
  const room = new RoomOfTracks()
  room.join('ann', script([1000, 2000]))
  room.join('bob', silent)
  room.run(900)
  expect(now(room)).toEqual({ speaking: [], waiting: [] })
  room.run(300)
  expect(now(room)).toEqual({ speaking: ['ann'], waiting: [] })
  room.run(1200)
  expect(now(room).speaking).toEqual(['ann'])
  room.run(150)
  expect(now(room)).toEqual({ speaking: [], waiting: [] })
})

test('A14 who has voice and no channel speaks and waits, from 0.3 s on, until the channel comes', () => {
  const room = new RoomOfTracks({}, 0, ONE)
  room.join('ann', script([1000, 4000]))
  room.join('bob', script([2000, 5000]))
  room.run(2200)
  expect(now(room)).toEqual({ speaking: ['ann', 'bob'], waiting: [] })
  room.run(300)
  expect(now(room)).toEqual({ speaking: ['ann', 'bob'], waiting: ['bob'] })
  // 0.3 s of pause and 0.4 s of zeros after ann's last word
  room.run(2600)
  expect(now(room)).toEqual({ speaking: ['bob'], waiting: [] })
})

test('A14 a mute, a stall and the end silence at once, and what waits still waits', () => {
  const room = new RoomOfTracks({}, 0, ONE)
  room.join('ann', speaker())
  room.run(1000)
  room.join('bob', speaker())
  room.run(1000)
  room.plane.trackStalled(keyOf('ann'), room.nowMs)
  room.plane.trackEnded(keyOf('bob'), room.nowMs, true)
  expect(now(room)).toEqual({ speaking: [], waiting: ['bob'] })
  room.plane.trackStarted({ key: keyOf('bob'), identity: who('bob') }, room.nowMs + 1)
  expect(room.plane.activity(room.nowMs + 1).speaking).toEqual([])
  room.plane.finish(room.nowMs)
  expect(now(room)).toEqual({ speaking: [], waiting: [] })
})

test('A14 a person with two tracks is told once, and asking changes nothing', () => {
  const room = new RoomOfTracks({}, 0, ONE)
  const screen = trackKey(asIdentity('ann'), 'screenshare')
  room.join('ann', speaker())
  room.plane.trackStarted({ key: screen, identity: who('ann') }, room.nowMs)
  for (let at = 0; at < 40; at++) {
    room.run(50)
    room.plane.frame(screen, block(1, true), room.nowMs)
  }
  const [before, again] = [room.plane.coverageInput(), now(room)]
  expect(again).toEqual({ speaking: ['ann'], waiting: ['ann'] })
  expect(now(room)).toEqual(again)
  expect(room.plane.coverageInput()).toEqual(before)
})
