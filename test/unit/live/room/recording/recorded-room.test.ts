import { expect, test } from 'vitest'
import { deferred } from '../../../../../src/core/deferred.js'
import { asIdentity } from '../../../../../src/core/ids.js'
import { RecordedRoom } from '../../../../../src/live/room/recording/recorded-room.js'
import { RecordingClock } from '../../../../../src/live/room/recording/recording-clock.js'
import type { Recording } from '../../../../../src/live/room/recording/wav-file.js'
import { ManualClock } from '../../../../support/manual-clock.js'
import { RoomRecorder } from '../../../../support/room-recorder.js'

/** Frames that are filled with their number; the read of `brokenAt` fails. */
class FakeRecording implements Recording {
  readonly channels: number
  readonly lengthMs: number
  readonly #frames: number
  readonly #brokenAt: number
  #read = 0

  constructor(frames: number, channels = 1, brokenAt = Number.POSITIVE_INFINITY) {
    this.channels = channels
    this.#frames = frames
    this.lengthMs = frames * 50
    this.#brokenAt = brokenAt
  }

  next() {
    if (this.#read === this.#brokenAt) return Promise.reject(new Error('the disk is gone'))
    if (this.#read === this.#frames) return Promise.resolve(null)
    const number = ++this.#read
    return Promise.resolve(Array.from({ length: this.channels }, (_, channel) => new Int16Array(800).fill(number * 10 + channel)))
  }

  close() {
    return Promise.resolve()
  }
}

const person = (name: string) => ({ identity: asIdentity(name), name })
const OPTIONS = { room: 'r', botIdentity: 'bot', botName: 'bot' }

function rig(sources: readonly (readonly [Recording, ...string[]])[], speed = 1) {
  const real = new ManualClock(1_000)
  const clock = new RecordingClock(real)
  const told = { failures: [] as string[], lagMs: 0, played: [] as string[], frames: [] as string[] }
  const room = new RecordedRoom({
    sources: sources.map(([recording, ...names]) => ({ recording, people: names.map(person) })),
    clock,
    real,
    speed,
    lagMs: () => told.lagMs,
    progress: (playedMs, isHeld) => told.played.push(`${playedMs}${isHeld ? ' held' : ''}`),
    failed: (error) => told.failures.push(error.message),
  })
  const events = new RoomRecorder()
  const listener = Object.assign(events, {
    frame: (key: string, samples: Int16Array, arrivedMs: number) => told.frames.push(`${key} ${samples[0]} ${arrivedMs - 1_000}`),
  })
  const join = async (to = listener) => {
    const connection = await room.join(OPTIONS, to)
    await real.settle()
    return connection
  }
  return { real, clock, room, join, events: listener, told }
}

test('everybody is there from the start, speaks from 0 on, and leaves where their own file ends', async () => {
  const { real, room, join, events, told } = rig([
    [new FakeRecording(2, 2), 'ann', 'bob'],
    [new FakeRecording(4), 'cyd'],
  ])
  const connection = await join()
  expect(events.lines).toEqual(['ann', 'bob', 'cyd'].flatMap((name) => [`joined ${name} ${name}`, `started microphone:${name}`]))
  await real.advance(1_000)
  const frames = ['ann 10 50', 'bob 11 50', 'cyd 10 50', 'ann 20 100', 'bob 21 100', 'cyd 20 100', 'cyd 30 150', 'cyd 40 200']
  expect(told.frames).toEqual(frames.map((frame) => `microphone:${frame}`))
  expect(events.lines.slice(6)).toEqual(['ann', 'bob', 'cyd'].flatMap((name) => [`ended microphone:${name} left`, `left ${name}`]))
  expect([room.unplayed(), told.played.at(-1)]).toEqual([[], '200'])
  await connection.close()
  expect(events.lines.at(-1)).toBe('end left')
})

test('it is played at a multiple of real time', async () => {
  const { real, join, told } = rig([[new FakeRecording(100), 'ann']], 4)
  const connection = await join()
  await real.advance(500)
  expect(told.frames).toHaveLength(40)
  await connection.close()
})

test('after a stall of the process a quarter of a second is made up for, at most', async () => {
  const { real, join, told } = rig([[new FakeRecording(1_000), 'ann']])
  const connection = await join()
  await real.advance(500)
  const before = told.frames.length
  real.stall(10_000)
  for (let step = 0; step < 10; step++) await real.advance(5)
  expect(told.frames.length - before).toBe(8)
  // and no frame is late by its own clock
  expect(told.frames.at(-1)).toBe(`microphone:ann ${told.frames.length * 10} ${told.frames.length * 50}`)
  await connection.close()
})

test('R2 a speech service that lags is waited for; one that takes nothing for two minutes ends the room', async () => {
  const { real, room, join, events, told } = rig([[new FakeRecording(1_000), 'ann']])
  await join()
  await real.advance(500)
  told.lagMs = 10_001
  await real.advance(100)
  const held = told.frames.length
  await real.advance(100_000)
  expect([told.frames.length, told.played.at(-1)]).toEqual([held, `${held * 50} held`])
  told.lagMs = 9_000
  await real.advance(1_000)
  expect(told.frames.length).toBeGreaterThan(held)
  told.lagMs = 20_000
  await real.advance(60_000)
  // something was taken
  told.lagMs = 15_000
  await real.advance(119_000)
  expect(events.lines.at(-1)).toBe('started microphone:ann')
  await real.advance(2_000)
  expect([events.lines.at(-1), told.failures]).toEqual([
    'end room_closed',
    ['the speech service has taken nothing for 120 s: the rest is not sent'],
  ])
  expect(room.unplayed()).toEqual([{ identity: 'ann', fromMs: told.frames.length * 50, toMs: 50_000 }])
})

test('R3 a file that cannot be read on ends there, the others go on, and what is missing is known', async () => {
  const { real, room, join, told } = rig([
    [new FakeRecording(10, 2, 3), 'ann', 'bob'],
    [new FakeRecording(5), 'cyd'],
  ])
  const connection = await join()
  await real.advance(2_000)
  expect([told.failures, told.frames.at(-1)]).toEqual([['the disk is gone'], 'microphone:cyd 50 250'])
  expect(room.unplayed()).toEqual(['ann', 'bob'].map((identity) => ({ identity, fromMs: 150, toMs: 500 })))
  await connection.close()
})

test('R3 left early, all that was not played is known, nothing is played on, and its clock goes by itself', async () => {
  const { real, clock, room, join, events, told } = rig([[new FakeRecording(10), 'ann']])
  const connection = await join()
  await real.advance(210)
  const played = told.frames.length
  await connection.close()
  await connection.close()
  const atMs = clock.monotonicMs()
  await real.advance(1_000)
  expect([told.frames.length, events.lines.filter((line) => line.startsWith('end '))]).toEqual([played, ['end left']])
  expect(room.unplayed()).toEqual([{ identity: 'ann', fromMs: played * 50, toMs: 500 }])
  expect(clock.monotonicMs() - atMs).toBeGreaterThan(900)
  clock.close()
  expect(real.pending).toBe(0)
})

test('what is being read when the room is left is not played', async () => {
  const recording = new FakeRecording(10)
  const gate = deferred()
  const read = recording.next.bind(recording)
  const next = async () => {
    await gate.promise
    return read()
  }
  const { real, room, join, events, told } = rig([[Object.assign(recording, { next }), 'ann']])
  const connection = await join()
  real.stall(10_000)
  const closing = connection.close()
  gate.resolve()
  await closing
  expect([told.frames, events.lines.at(-1), room.unplayed().length]).toEqual([[], 'end left', 1])
})

test('an exception in a handler ends the room with a fault', async () => {
  const { real, join, events, told } = rig([[new FakeRecording(10), 'ann']])
  const broken = Object.assign(events, {
    frame: () => {
      throw new Error('a bug')
    },
  })
  await join(broken)
  await real.advance(1_000)
  expect([events.lines.at(-1), events.error?.message, told.failures]).toEqual(['end fault', 'a bug', ['a bug']])
})
