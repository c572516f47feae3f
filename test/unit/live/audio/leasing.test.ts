import { expect, test } from 'vitest'
import { asIdentity } from '../../../../src/core/ids.js'
import { RoomOfTracks, block, expectNothingLost, keyOf, numbers, script, silent, who } from './room-of-tracks.js'
import { Track } from '../../../../src/live/audio/track.js'
import { AUDIO_TUNABLES } from '../../../../src/live/audio/tunables.js'
import type { VoiceDetector } from '../../../../src/live/audio/voice/detector.js'

const two = { channels: { max: 2, mode: 'fixed' } } as const

/** Frames of every owner of a channel, in order. */
function owners(room: RoomOfTracks, sessionId: string, channel: number): { identity: string; from: number; to: number }[] {
  return [...room.sink.spans.values()]
    .filter((span) => span.sessionId === sessionId && span.channel === channel)
    .toSorted((a, b) => a.fromFrame - b.fromFrame)
    .map((span) => ({ identity: span.identity, from: span.fromFrame / 16, to: span.toFrame / 16 }))
}

test('S1 thirty people who speak in turn share two channels: everything is sent, with its pre-roll, and nobody waits', () => {
  const room = new RoomOfTracks({}, 0, two)
  for (const index of numbers(0, 29)) room.join(`p${index}`, script(1 + index, [1000 + index * 1500, 1900 + index * 1500]))
  room.run(47_000)
  room.plane.finish(room.nowMs)
  expect(room.sink.sessions.map((session) => session.channels)).toEqual([2])
  expectNothingLost(room)
  for (const row of room.plane.coverageInput().slice(2))
    expect([row.identity, row.waits]).toEqual([row.identity, { count: 1, totalMs: 0, maxMs: 0 }])
  for (const index of numbers(2, 29)) {
    const [span] = room.sink.spansOf(`p${index}`)
    // 0.3 s before the onset, 0.5 s after the end at most
    expect(span!.meetingMs).toBe(700 + index * 1500)
    expect((span!.toFrame - span!.fromFrame) / 16).toBeLessThanOrEqual(300 + 900 + 500)
  }
})

test('S2 with all channels busy speech waits in its ring and takes over after a pause of 0.3 s and a guard of 0.4 s', () => {
  const room = new RoomOfTracks({}, 0, two)
  room.join('ann', script(1, [500, 5000], [5400, 9000]))
  room.join('bob', script(1001, [500, 20_000]))
  room.join('cyd', script(2001, [3000, 4000]))
  room.run(21_000)
  room.plane.finish(room.nowMs)
  expectNothingLost(room)
  const shared = owners(room, 's0', 0)
  expect(shared.map((one) => one.identity).slice(0, 2)).toEqual(['ann', 'cyd'])
  for (const [index, next] of shared.slice(1).entries()) {
    if (next.identity !== shared[index]!.identity) expect(next.from - shared[index]!.to).toBeGreaterThanOrEqual(400)
  }
  const cyd = room.plane.coverageInput().find((row) => row.identity === 'cyd')!
  expect(cyd.waits.maxMs).toBeGreaterThanOrEqual(2000)
  expect(cyd.waits.maxMs).toBeLessThanOrEqual(3000)
})

test.each([
  [0, 250],
  [100, 300],
])('S3 of who had to wait, with a microphone of noise %i, %i ms lead in, after the whole guard', (noise, leadMs) => {
  const room = new RoomOfTracks({}, 0, two)
  room.join('ann', script(1, [500, 5000]))
  room.join('bob', script(1, [500, 20_000]))
  room.join('cyd', (nowMs) => block(noise, nowMs > 3000 && nowMs <= 8000))
  room.run(21_000)
  room.plane.finish(room.nowMs)
  expectNothingLost(room)
  const [cyd] = room.sink.spansOf('cyd')
  expect(cyd!.meetingMs).toBe(3000 - leadMs)
  const [ann] = room.sink.spansOf('ann')
  expect((cyd!.fromFrame - ann!.toFrame) / 16).toBe(400)
})

test('S3 who had to wait for a session that is opened for it has 0.3 s before the onset: the session begins earlier instead', () => {
  const room = new RoomOfTracks({}, 0, { channels: { max: 4, mode: 'auto' } })
  for (const name of ['ann', 'bob', 'cyd']) room.join(name, (nowMs) => block(0, nowMs > (name === 'cyd' ? 3000 : 500) && nowMs <= 8000))
  room.run(10_000)
  const [cyd] = room.sink.spansOf('cyd')
  expect([cyd!.sessionId, cyd!.fromFrame, cyd!.meetingMs]).toEqual(['s1', 0, 2700])
})

test('S2 with all channels taken one is let go after a pause of 0.3 s, so that its guard is over when the next one speaks', () => {
  const room = new RoomOfTracks({}, 0, two)
  room.join('ann', script(1, [500, 3000]))
  room.join('bob', script(1, [500, 9000]))
  room.join('cyd', script(1, [3850, 5000]))
  room.run(10_000)
  expect(room.plane.coverageInput().find((row) => row.identity === 'cyd')!.waits).toEqual({ count: 1, totalMs: 0, maxMs: 0 })
  // whoever pauses for longer than that, and is alone with it, has the channel back at once
  const own = new RoomOfTracks({}, 0, two)
  own.join('ann', script(1, [500, 3000], [3400, 5000], [5450, 7000]))
  own.join('bob', script(1, [500, 9000]))
  own.join('cyd', silent)
  own.run(10_000)
  expect(own.plane.coverageInput().find((row) => row.identity === 'ann')!.waits.maxMs).toBe(0)
  expect([...new Set(owners(own, 's0', 0).map((one) => one.identity))]).toEqual(['ann'])
})

test('S2 of two who pause at once only one lets go for one who waits', () => {
  const room = new RoomOfTracks({ readyChannels: 0 }, 0, two)
  room.join('ann', script(1, [500, 5000], [5400, 8000]))
  room.join('bob', script(1, [500, 5000], [5400, 8000]))
  room.join('cyd', script(1, [4000, 4500]))
  room.run(10_000)
  const asked = new Map(room.plane.coverageInput().map((row) => [row.identity as string, row.waits.count]))
  expect([asked.get('ann')! + asked.get('bob')!, asked.get('cyd')]).toEqual([3, 1])
})

test('A2 who sits down while the session is behind begins later rather than with a hole', () => {
  const room = new RoomOfTracks()
  room.join('ann', script(1, [0, 1e9]))
  room.run(2000)
  room.nowMs += 1000
  room.deliver()
  room.join('bob', script(1, [0, 1e9]), 0)
  room.deliver()
  room.run(2000)
  room.plane.finish(room.nowMs)
  const bob = room.sink.marks('s0' as never, 1)
  expect(bob.slice(bob.indexOf(1), bob.indexOf(1) + 20)).toEqual(numbers(1, 20))
})

test('A5 while channels are left they are kept through silence, however many people are there', () => {
  for (const [people, channels] of [
    [2, two.channels],
    [6, { max: 4, mode: 'fixed' }],
  ] as const) {
    const room = new RoomOfTracks({}, 0, { channels })
    room.join('ann', script(1, [500, 2000], [8000, 9000]))
    room.join('bob', script(1, [1000, 3000]))
    for (const index of numbers(3, people)) room.join(`quiet${index}`, silent)
    room.run(10_000)
    room.plane.finish(room.nowMs)
    expect(room.sink.spansOf('ann').map((span) => span.toFrame - span.fromFrame >= 8 * 16_000)).toEqual([true])
  }
})

test('A6 in a roll a silent holder keeps a channel while everybody can have one', () => {
  const room = new RoomOfTracks()
  room.join('ann', (nowMs) => block(0, nowMs > 500 && nowMs <= 2000))
  room.join('bob', script(1, [500, 10_000]))
  room.run(3000)
  room.join('cyd', script(1, [3500, 5000]))
  room.run(5000)
  expect(room.sink.spansOf('ann').at(-1)!.sessionId).toBe('s1')
})

test('A6 a roll ends after 17 s although nobody pauses and there are more of them than channels', () => {
  const room = new RoomOfTracks({ maxSessionMs: 40_000 }, 0, two)
  for (const name of ['ann', 'bob', 'cyd']) room.join(name, script(1, [0, 1e9]))
  room.run(40_200)
  expect(room.sink.live.length).toBe(2)
  room.run(17_500)
  expect(room.sink.sessions[0]!.isFinished).toBe(true)
})

test('A13 finish during a roll sends who waits without a channel in the new session', () => {
  const room = new RoomOfTracks()
  for (const name of ['ann', 'bob']) room.join(name, script(1, [500, 1e9]))
  room.run(3000)
  for (const name of ['cyd', 'dan', 'eve', 'fay', 'gus']) room.join(name, script(1, [3000, 1e9]))
  room.run(2000)
  expect(room.sink.live.map((session) => session.sessionId)).toEqual(['s0', 's1'])
  expect(room.sink.spansOf('gus')).toEqual([])
  room.plane.finish(room.nowMs)
  expect(room.sink.spansOf('gus').map((span) => span.sessionId)).toEqual(['s1'])
  expectNothingLost(room)
})

test('S6 noise that has waited longer comes after a voice', () => {
  const room = new RoomOfTracks({ noisyMs: 5000, noisyHoldMs: 1000 }, 0, { channels: { max: 1, mode: 'fixed' } })
  room.join('car', script(1, [0, 1e9]))
  room.run(6000)
  room.join('ann', script(1, [6500, 10_000]))
  room.run(2000)
  room.join('bob', script(1, [9000, 10_500]))
  room.run(6000)
  const order = owners(room, 's0', 0).map((one) => one.identity)
  expect(order.filter((one, at) => one !== order[at - 1])).toEqual(['car', 'ann', 'bob', 'car'])
})

test('S3 what waited catches up in pauses, which are cut to 0.3 s, never in speech', () => {
  const room = new RoomOfTracks({}, 0, { channels: { max: 1, mode: 'fixed' } })
  room.join('ann', script(1, [500, 4000]))
  room.join('bob', script(1001, [1000, 2000], [3500, 5000], [7000, 8000]))
  room.run(12_000)
  expect(room.plane.coverageInput().every((row) => row.waitingVoiceMs === 0)).toBe(true)
  room.plane.finish(room.nowMs)
  expectNothingLost(room)
  const bob = owners(room, 's0', 0).filter((one) => one.identity === 'bob')
  expect(bob.length).toBeGreaterThan(1)
})

test('S4 mute is a hard gate: the channel is free as soon as what came before is sent', () => {
  const room = new RoomOfTracks({}, 0, two)
  for (const [index, name] of ['ann', 'bob', 'cyd'].entries())
    room.join(name, script(1 + index * 1000, [500 + index * 20_000, 20_000 * (index + 1)]))
  room.run(1000)
  room.join('dan', script(1, [2000, 6000]))
  room.run(600)
  room.hush('ann')
  room.plane.trackEnded(keyOf('ann'), room.nowMs, true)
  room.run(1200)
  room.join('eve', script(1, [2500, 6000]))
  room.run(200)
  expect(room.sink.live.length).toBe(1)
  room.run(4000)
  const ann = owners(room, 's0', 0)
  expect(ann[0]!.identity).toBe('ann')
  expect(ann[1]!.identity).not.toBe('ann')
  expect(ann[1]!.from - ann[0]!.to).toBeGreaterThanOrEqual(400)
})

test('S5 speech is served in the order in which it came', () => {
  const room = new RoomOfTracks({}, 0, { channels: { max: 1, mode: 'fixed' } })
  room.join('ann', script(1, [500, 5000]))
  for (const [index, name] of ['bob', 'cyd', 'dan', 'eve'].entries())
    room.join(name, script(1000 * (index + 1), [1000 + index * 200, 2000 + index * 200]))
  room.run(20_000)
  room.plane.finish(room.nowMs)
  expectNothingLost(room)
  const order = owners(room, 's0', 0).map((one) => one.identity)
  expect([...new Set(order)]).toEqual(['ann', 'bob', 'cyd', 'dan', 'eve'])
})

test('S6 who never pauses lets others in after 15 s, at their quietest, and is noise after a minute: others come first', () => {
  const room = new RoomOfTracks({}, 0, two)
  const talk = (first: number) => script(first, [0, 1e9])
  room.join('car', talk(1))
  room.join('fan', talk(2))
  for (const [index, name] of ['cyd', 'dan'].entries()) {
    const stretches = numbers(1, 20).map((turn): [number, number] => [turn * 8000 + index * 4000, turn * 8000 + index * 4000 + 2000])
    room.join(name, script(1 + index, ...stretches))
  }
  room.run(160_000)
  const rows = new Map(room.plane.coverageInput().map((row) => [row.identity as string, row]))
  for (const name of ['cyd', 'dan']) {
    const row = rows.get(name)!
    expect([name, row.isNoisy, row.lostVoiceMs]).toEqual([name, false, 0])
    expect(row.waits.maxMs).toBeLessThanOrEqual(17_500)
  }
  expect(rows.get('car')!.isNoisy || rows.get('fan')!.isNoisy).toBe(true)
  room.join('eve', script(1, [163_000, 164_000], [167_000, 168_000], [171_000, 172_000]))
  room.run(20_000)
  const eve = room.plane.coverageInput().find((row) => row.identity === 'eve')!
  expect(eve.waits.count).toBeGreaterThan(0)
  expect(eve.waits.maxMs).toBeLessThanOrEqual(3000)
  room.plane.finish(room.nowMs)
})

/** Says voice three blocks late. */
class LateDetector implements VoiceDetector {
  readonly memoryBlocks = 5
  rms = 0
  peak = 0
  isVoice = false
  isUndecided = false
  confirmed = 0
  closed = 0
  #loud = 0

  hear(samples: Int16Array): void {
    this.rms = Math.abs(samples[1] ?? 0)
    this.peak = this.rms
    const was = this.isVoice
    this.#loud = this.rms >= 200 ? this.#loud + 1 : 0
    this.isVoice = this.#loud > 3
    this.isUndecided = this.#loud > 0 && !this.isVoice
    this.confirmed = this.isVoice && !was ? 3 : 0
  }

  reset(): void {
    this.#loud = 0
  }

  close(): void {
    this.closed++
  }
}

test('S6 who pauses at last is noise no more', () => {
  const who = { key: keyOf('ann'), identity: asIdentity('ann') }
  const track = new Track(who, new LateDetector(), 0, 0, { ...AUDIO_TUNABLES, noisyMs: 1000 })
  const count = (kind: 'voice' | 'silent', blocks: number) => {
    for (let block = 0; block < blocks; block++) track.counted({ kind, rms: 0 })
    return track.isNoisy
  }
  // a pause of less than 0.3 s is none
  expect([count('voice', 10), count('silent', 5), count('voice', 4), count('voice', 1), count('silent', 5), count('silent', 1)]).toEqual([
    false,
    false,
    false,
    true,
    true,
    false,
  ])
})

test('S6 a mute is a pause: who unmutes to speak, and mutes again, is no noise', () => {
  const room = new RoomOfTracks({ noisyMs: 5000 }, 0, two)
  room.join('ann', script(1, [0, 1e9]))
  for (let turn = 0; turn < 5; turn++) {
    room.run(3000)
    room.hush('ann')
    room.plane.trackEnded(keyOf('ann'), room.nowMs, true)
    room.run(2000)
    room.join('ann', script(1, [0, 1e9]))
  }
  expect(room.plane.coverageInput().map(({ isNoisy }) => isNoisy)).toEqual([false])
  room.run(6000)
  expect(room.plane.coverageInput().map(({ isNoisy }) => isNoisy)).toEqual([true])
})

test('S6 a loud microphone is told as noise, voice or not, and is served like anybody', () => {
  const who = { key: keyOf('ann'), identity: asIdentity('ann') }
  const track = new Track(who, new LateDetector(), 0, 0, { ...AUDIO_TUNABLES, noisyMs: 1000 })
  const count = (rms: number, blocks: number, kind: 'voice' | 'silent' = 'silent') => {
    for (let block = 0; block < blocks; block++) track.counted({ kind, rms })
    return [track.isLoud, track.isNoisy]
  }
  const { loudRms } = AUDIO_TUNABLES
  // somebody who speaks in a car pauses: less than 0.3 s of less noise is no quiet
  const told = [count(loudRms, 9), count(2 * loudRms, 5, 'voice'), count(loudRms - 1, 5), count(loudRms, 1), count(loudRms - 1, 5)]
  expect(told).toEqual([
    [false, false],
    [false, false],
    [false, false],
    [true, false],
    [true, false],
  ])
  expect([count(loudRms - 1, 1), count(loudRms, 19), count(loudRms, 1)]).toEqual([
    [false, false],
    [false, false],
    [true, false],
  ])
})

test.each([
  ['muted', (room: RoomOfTracks) => room.plane.trackEnded(keyOf('cyd'), room.nowMs, true)],
  ['unpublished', (room: RoomOfTracks) => room.plane.trackEnded(keyOf('cyd'), room.nowMs, false)],
  ['gone', (room: RoomOfTracks) => room.plane.personLeft(who('cyd'), room.nowMs)],
  [
    'begun anew',
    (room: RoomOfTracks) => {
      room.plane.trackStarted({ key: keyOf('cyd'), identity: who('cyd') }, room.nowMs)
      room.plane.frame(keyOf('cyd'), silent(), room.nowMs)
    },
  ],
  ['there when the meeting ends', () => undefined],
])('S9 what is still undecided when its track is %s is voice, whether it waits or was sent', (_what, end) => {
  for (const max of [2, 4]) {
    const room = new RoomOfTracks({}, 0, { channels: { max, mode: 'fixed' }, detector: () => new LateDetector() })
    for (const name of ['ann', 'bob']) room.join(name, script(1, [500, 1500]))
    room.join('cyd', script(1, [2900, 1e9]))
    room.run(3010)
    room.hush('cyd')
    end(room)
    room.run(90)
    room.plane.finish(room.nowMs)
    expect(room.plane.coverageInput().find((row) => row.identity === 'cyd')!.heardMs).toBe(100)
    expectNothingLost(room)
  }
})

test('S9 what was taken for voice at a mute is not counted again after it, and is voice to every other rule', () => {
  const room = new RoomOfTracks({ idleCloseMs: 3000 }, 0, { channels: two.channels, detector: () => new LateDetector() })
  room.join('ann', script(1, [500, 1500]))
  room.join('cyd', silent)
  room.join('bob', script(1, [2900, 3000], [4800, 4900]))
  room.run(3010)
  room.plane.trackEnded(keyOf('bob'), room.nowMs, true)
  room.run(1590)
  // S8: the session stays open for it; S1: both channels have been taken, so that who is silent lets go
  expect(room.sink.live.length).toBe(1)
  expect(room.sink.spansOf('ann').at(-1)!.toFrame / 16).toBeLessThan(3500)
  room.plane.trackStarted({ key: keyOf('bob'), identity: who('bob') }, room.nowMs)
  room.run(1000)
  room.plane.finish(room.nowMs)
  expect(room.plane.coverageInput().find((row) => row.identity === 'bob')!.heardMs).toBe(100)
})

test('S9 of blocks that were sent without a verdict no more are kept than the detector decides on', () => {
  const named = { key: keyOf('ann'), identity: who('ann') }
  const track = new Track(named, new LateDetector(), 0, 0, AUDIO_TUNABLES)
  for (const index of numbers(1, 9)) track.sentUndecided({ sessionId: 's0' as never, fromFrame: index })
  expect(track.decided(9).sent.map((one) => one.fromFrame)).toEqual([5, 6, 7, 8, 9])
  expect(track.decided(9).sent).toEqual([])
})

test('S9 a verdict that comes late cuts no onset and counts every block of it, whether it waits or was sent', () => {
  for (const channels of [two.channels, { max: 4, mode: 'fixed' } as const]) {
    const detectors: LateDetector[] = []
    const detector = () => {
      const one = new LateDetector()
      detectors.push(one)
      return one
    }
    const room = new RoomOfTracks({}, 0, { channels, detector })
    for (const index of numbers(0, 3)) room.join(`p${index}`, script(1 + index * 1000, [1000 + index * 3000, 3000 + index * 3000]))
    // a click of two blocks is never confirmed
    room.join('click', script(1, [14_000, 14_100]))
    room.run(16_000)
    room.plane.personLeft(who('click'), room.nowMs)
    room.run(100)
    expect(detectors.map((one) => one.closed)).toEqual([0, 0, 0, 0, 1])
    room.plane.finish(room.nowMs)
    expectNothingLost(room)
    for (const index of numbers(0, 3)) {
      const row = room.plane.coverageInput().find((one) => one.identity === `p${index}`)!
      expect(row.heardMs).toBe(2000)
      const first = room.sink.spansOf(`p${index}`).toSorted((a, b) => a.meetingMs - b.meetingMs)[0]!
      expect(first.meetingMs).toBeLessThanOrEqual(700 + index * 3000)
    }
    expect(room.plane.coverageInput().find((row) => row.identity === 'click')!.heardMs).toBe(0)
    expect(detectors.every((one) => one.closed > 0)).toBe(true)
  }
})

test('23 fifty people join at once and each says something: the first word of everybody is heard whole', () => {
  const room = new RoomOfTracks()
  const people = numbers(0, 49)
  const names = people.map((person) => `p${person}`)
  // two or three at a time, half a second each, from the moment of the join
  for (const person of people) {
    const fromMs = Math.floor(person / 2) * 300
    room.join(names[person]!, script(1 + person * 100, [fromMs, fromMs + 500]))
  }
  room.run(20_000)
  room.plane.finish(room.nowMs)
  expectNothingLost(room)
  for (const row of room.plane.coverageInput()) expect([row.identity, row.sentVoiceMs]).toEqual([row.identity, 500])
  expect(room.plane.coverageInput()).toHaveLength(50)
})
