import { expect, test } from 'vitest'
import { BLOCK, RoomOfTracks, block, keyOf, silent, speaker, who } from './room-of-tracks.js'

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)
const EIGHT = { channels: { max: 8, mode: 'fixed' } } as const
const first = (room: RoomOfTracks) => room.sink.sessions[0]!.sessionId

test('A3 no session opens while nobody is heard, and nothing of the silence is a gap', () => {
  const room = new RoomOfTracks()
  room.join('ann', silent)
  room.run(5000)
  room.plane.finish(room.nowMs)
  expect(room.sink.sessions).toEqual([])
  expect(room.sink.gaps).toEqual([])
})

test('A3 the first sound opens the smallest session that seats everybody, with 0.3 s of lead', () => {
  const room = new RoomOfTracks()
  for (const name of ['ann', 'bob', 'cyd']) room.join(name, silent)
  room.run(2000)
  room.join('dan', speaker(7), 50)
  room.run(1000)
  expect(room.sink.sessions.map((session) => session.channels)).toEqual([4])
  const lead = new RoomOfTracks()
  let mark = 0
  lead.join('ann', (nowMs) => block(++mark, nowMs > 2000))
  lead.run(2200)
  const marks = lead.sink.marks(first(lead), 0)
  expect(marks.indexOf(41)).toBeLessThanOrEqual(10)
  expect(marks.slice(0, 4)).toEqual([35, 36, 37, 38])
})

test('A1 every block of a speaker is sent once, in order, on one channel, within 100 ms of its arrival', () => {
  const room = new RoomOfTracks()
  room.join('ann', speaker())
  room.run(10_000)
  const sent = room.sink.marks(first(room), 0)
  expect(sent).toEqual(numbers(1, sent.length))
  expect(sent.length).toBeGreaterThanOrEqual(198)
  room.plane.finish(room.nowMs)
  expect(room.sink.marks(first(room), 0)).toEqual(numbers(1, 200))
  expect(room.sink.session(first(room)).isFinished).toBe(true)
})

test('A11 an unbroken track is one span that tells the meeting time of its samples', () => {
  const room = new RoomOfTracks({}, 5_000_000)
  room.run(1000)
  room.join('ann', speaker())
  room.run(3000)
  room.plane.finish(room.nowMs)
  expect(room.sink.spansOf('ann')).toEqual([
    { sessionId: 's0', channel: 0, fromFrame: 0, toFrame: 60 * BLOCK, trackKey: keyOf('ann'), identity: 'ann', meetingMs: 1000 },
  ])
})

test('A2 a late seat gets zeros after the grace, others are not held up for longer, and what was late follows', () => {
  const room = new RoomOfTracks()
  room.join('ann', speaker(1))
  room.join('bob', speaker(1001))
  room.run(2000)
  const bob = keyOf('bob')
  room.hush('bob')
  room.run(150)
  expect(room.sink.marks(first(room), 0).at(-1)).toBeGreaterThanOrEqual(39)
  room.run(650)
  expect(room.sink.marks(first(room), 0).at(-1)).toBeGreaterThanOrEqual(53)
  for (let mark = 1041; mark <= 1049; mark++) room.plane.frame(bob, block(mark, true), room.nowMs)
  room.run(1000)
  room.plane.finish(room.nowMs)
  expect(room.sink.marks(first(room), 0).filter(Boolean)).toEqual(numbers(1, room.sink.marks(first(room), 0).filter(Boolean).length))
  expect(room.sink.marks(first(room), 1).filter(Boolean)).toEqual(numbers(1001, 1049))
  expect(room.sink.spansOf('bob').length).toBe(2)
  expect(room.sink.gaps).toEqual([])
})

test('A2 frames that queued up behind a stall of the process lose nothing, in order, without zeros between', () => {
  for (const stallMs of [300, 3000, 12_000, 25_000]) {
    const room = new RoomOfTracks()
    room.join('ann', speaker(1))
    room.join('bob', speaker(2001), 70)
    room.run(2000)
    room.nowMs += stallMs
    room.plane.tick(room.nowMs)
    room.nowMs += 40
    room.deliver()
    room.run(4000)
    room.plane.finish(room.nowMs)
    const [ann, bob] = [0, 1].map((channel) => room.sink.marks(first(room), channel))
    const total = Math.floor((2000 + stallMs + 40 + 4000) / 50)
    expect(ann!.filter(Boolean)).toEqual(numbers(1, total))
    expect(bob!.filter(Boolean)).toEqual(numbers(2001, 2000 + Math.floor((2000 + stallMs + 40 + 4000 - 20) / 50)))
    expect(ann!.slice(ann!.indexOf(1), ann!.indexOf(total)).includes(0)).toBe(false)
    expect(room.sink.gaps).toEqual([])
    expect(room.sink.spansOf('ann').length).toBe(1)
  }
})

test('A2 a stall beyond 30 s keeps the last 30 s and records the rest as a gap', () => {
  const room = new RoomOfTracks()
  room.join('ann', speaker(1))
  room.run(2000)
  room.nowMs += 50_000
  room.deliver()
  room.plane.tick(room.nowMs)
  room.run(2000)
  room.plane.finish(room.nowMs)
  expect(room.sink.gaps.every((gap) => gap.reason === 'ring_full')).toBe(true)
  const lost = room.sink.gaps.reduce((sum, gap) => sum + gap.toMs - gap.fromMs, 0)
  const [row] = room.plane.coverageInput()
  expect(row!.lostVoiceMs).toBe(lost)
  expect(row!.heardMs).toBe(row!.lostVoiceMs + row!.sentVoiceMs)
  expect(lost).toBeGreaterThanOrEqual(19_000)
  expect(lost).toBeLessThanOrEqual(21_000)
})

test('A4 what waits too long is cut out of pauses only, down to 0.3 s', () => {
  const room = new RoomOfTracks()
  let mark = 0
  // 1 s of speech, 1 s of silence, again and again; half a second arrives late at first
  room.join('ann', (nowMs) => block(++mark, nowMs % 2000 < 1000))
  room.run(1000)
  const pushed = room.nowMs
  for (let extra = 0; extra < 10; extra++) room.plane.frame(keyOf('ann'), block(++mark, true), pushed)
  room.run(6000)
  room.plane.finish(room.nowMs)
  const [row] = room.plane.coverageInput()
  expect(row!.sentVoiceMs).toBe(row!.heardMs)
  const sent = room.sink.marks(first(room), 0)
  const dropped = numbers(sent.find(Boolean)!, mark).filter((number) => !sent.includes(number))
  expect(dropped.length).toBeGreaterThanOrEqual(8)
  expect(room.sink.spansOf('ann').length).toBeGreaterThan(1)
})

test('A5 a session grows 2, 4, 8 as people are heard, and nobody loses a block on the way', () => {
  const room = new RoomOfTracks({}, 0, EIGHT)
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
  for (const [index, name] of names.entries()) {
    let mark = index * 2000
    // speech with a pause of 0.5 s every 4 s
    room.join(name, (nowMs) => block(++mark, nowMs % 4000 < 3500))
    room.run(5000)
  }
  room.run(3000)
  room.plane.finish(room.nowMs)
  expect(room.sink.sessions.map((session) => session.channels)).toEqual([2, 4, 8])
  for (const row of room.plane.coverageInput()) {
    expect(row.lostVoiceMs + row.waitingVoiceMs).toBe(0)
    expect(row.sentVoiceMs).toBe(row.heardMs)
  }
  expect(room.sink.gaps).toEqual([])
})

test('A5 who takes a channel of a running session brings one block of what nobody could hear, so that nothing after it is late', () => {
  const room = new RoomOfTracks()
  room.join('ann', speaker(5000))
  room.run(1000)
  let mark = 0
  room.join('bob', (nowMs) => block(++mark, nowMs > 3000))
  room.run(4000)
  room.plane.finish(room.nowMs)
  const span = room.sink.spansOf('bob')[0]!
  const sent = room.sink.marks(span.sessionId, span.channel).filter((at) => at > 0)
  // 41 is the first one that can be heard
  expect(sent.slice(0, 2)).toEqual([40, 41])
  expect(span.meetingMs).toBe(3000 - 50)
  expect(room.sink.gaps).toEqual([])
})

test('A6 somebody who never pauses moves after 15 s, cut nowhere', () => {
  const room = new RoomOfTracks()
  room.join('ann', speaker(1))
  room.join('bob', silent)
  room.run(1000)
  room.join('cyd', speaker(1001))
  room.join('dan', speaker(3001))
  room.run(10_000)
  expect(room.sink.live.map((session) => session.channels)).toEqual([2, 4])
  room.run(10_000)
  expect(room.sink.live.map((session) => session.channels)).toEqual([4])
  room.plane.finish(room.nowMs)
  const heard = room.sink.sessions.flatMap((session) =>
    Array.from({ length: session.channels }, (_, channel) => room.sink.marks(session.sessionId, channel)).flat(),
  )
  const ann = heard.filter((mark) => mark > 0 && mark <= 1000)
  expect(ann).toEqual(numbers(1, 420))
})

test('A7 eight people who speak among twenty silent ones are all heard', () => {
  const room = new RoomOfTracks({}, 0, EIGHT)
  for (const index of numbers(1, 20)) room.join(`quiet${index}`, silent)
  room.run(500)
  for (const index of numbers(1, 8)) room.join(`loud${index}`, speaker(index * 1000))
  room.run(3000)
  room.plane.finish(room.nowMs)
  expect(room.sink.sessions.map((session) => session.channels)).toEqual([8])
  expect(room.sink.gaps).toEqual([])
  expect(room.plane.coverageInput().filter((row) => row.sentVoiceMs === 3000).length).toBe(8)
})

test('A8 more voices than channels without a pause take turns; what a ring cannot hold is a gap no_channel', () => {
  const room = new RoomOfTracks()
  for (const index of numbers(1, 5)) room.join(`p${index}`, speaker(index * 5000))
  room.run(60_000)
  room.plane.finish(room.nowMs)
  expect(room.sink.sessions.map((session) => session.channels)).toEqual([4])
  expect(room.sink.gaps).toEqual([])
  for (const row of room.plane.coverageInput()) {
    expect(row.heardMs).toBe(row.sentVoiceMs + row.lostVoiceMs)
    expect(row.lostVoiceMs).toBe(0)
    expect(row.waits.maxMs).toBeLessThanOrEqual(20_000)
  }
  const crowd = new RoomOfTracks({ ringBlocks: 100 }, 0, { channels: { max: 1, mode: 'fixed' } })
  for (const index of numbers(1, 3)) crowd.join(`p${index}`, speaker(index * 5000))
  crowd.run(60_000)
  crowd.plane.finish(crowd.nowMs)
  for (const row of crowd.plane.coverageInput()) {
    const gapMs = crowd.sink.gaps.reduce((sum, gap) => sum + (gap.identity === row.identity ? gap.toMs - gap.fromMs : 0), 0)
    expect(row.lostVoiceMs).toBe(gapMs)
    expect(row.sentVoiceMs).toBeGreaterThan(10_000)
    expect(row.heardMs).toBe(row.sentVoiceMs + row.lostVoiceMs)
  }
  for (const { reason } of crowd.sink.gaps) expect(['no_channel', 'ring_full']).toContain(reason)
})

test('A9 a channel is given to another owner only after 0.4 s of zeros; its own owner gets it back at once', () => {
  const room = new RoomOfTracks({}, 0, { channels: { max: 2, mode: 'fixed' } })
  room.join('ann', speaker(1))
  room.join('bob', speaker(1001))
  room.run(1000)
  room.leave('bob')
  room.join('cyd', speaker(2001))
  room.run(2000)
  const marks = room.sink.marks(first(room), 1)
  const end = marks.findLastIndex((mark) => mark > 1000 && mark < 2000)
  const start = marks.findIndex((mark) => mark > 2000)
  expect(start - end - 1).toBeGreaterThanOrEqual(8)
  expect(marks.filter((mark) => mark > 2000)[0]).toBe(2001)
  room.plane.trackEnded(keyOf('ann'), room.nowMs, false)
  room.run(200)
  room.join('ann', speaker(5001))
  room.run(500)
  expect(room.sink.marks(first(room), 0).at(-1)).toBeGreaterThan(5000)
})

test('A9 a muted track keeps its channel while everybody has one, and lets go of it when there are more people', () => {
  const room = new RoomOfTracks({}, 0, { channels: { max: 2, mode: 'fixed' } })
  room.join('ann', speaker(1))
  room.join('bob', speaker(1001))
  room.run(1000)
  room.hush('ann')
  room.plane.trackEnded(keyOf('ann'), room.nowMs, true)
  room.run(3000)
  room.plane.trackStarted({ key: keyOf('ann'), identity: who('ann') }, room.nowMs)
  room.join('ann', speaker(501))
  room.run(500)
  expect(room.sink.marks(first(room), 0).at(-1)).toBeGreaterThan(500)
  room.hush('ann')
  room.plane.trackEnded(keyOf('ann'), room.nowMs, true)
  room.join('cyd', speaker(2001))
  room.run(3000)
  expect(room.sink.marks(first(room), 0).at(-1)).toBeGreaterThan(2040)
  expect(room.sink.gaps).toEqual([])
})

test('A10 when a session dies everybody moves to a new one at once and loses nothing that was not sent', () => {
  const room = new RoomOfTracks()
  room.join('ann', speaker(1))
  room.join('bob', speaker(1001))
  room.run(2000)
  room.plane.sessionEnded(first(room), room.nowMs)
  expect(room.sink.sessions.map((session) => session.channels)).toEqual([2, 2])
  room.run(2000)
  room.plane.sessionEnded(first(room), room.nowMs)
  room.plane.finish(room.nowMs)
  expect(room.sink.sessions.length).toBe(2)
  const ann = room.sink.sessions.flatMap((session) => room.sink.marks(session.sessionId, 0)).filter(Boolean)
  expect(ann).toEqual(numbers(1, 80))
})

test('A10 either session of a roll may die', () => {
  for (const dying of [0, 1]) {
    const room = new RoomOfTracks()
    room.join('ann', speaker(1))
    room.join('bob', speaker(1001))
    room.run(1000)
    room.join('cyd', speaker(2001))
    room.run(1000)
    expect(room.sink.live.length).toBe(2)
    room.plane.sessionEnded(room.sink.sessions[dying]!.sessionId, room.nowMs)
    room.run(20_000)
    room.plane.finish(room.nowMs)
    for (const row of room.plane.coverageInput()) expect(row.sentVoiceMs).toBe(row.heardMs)
    expect(room.sink.gaps).toEqual([])
  }
})

test('A12 frames that were lost right before a track ends are a gap, although the clock has not moved on yet', () => {
  const room = new RoomOfTracks()
  const speak = speaker(1)
  room.join('ann', (nowMs) => (nowMs > 2000 && nowMs <= 3000 ? null : speak()))
  room.run(3500)
  room.plane.trackEnded(keyOf('ann'), room.nowMs, true)
  expect(room.sink.gaps).toEqual([{ identity: 'ann', fromMs: 2500, toMs: 3500, reason: 'not_received' }])
})

test('19 A12 frames that come while a track is stalled do not end its gap, which begins where packets may have stopped', () => {
  const room = new RoomOfTracks()
  room.join('ann', speaker(1))
  room.run(5000)
  room.plane.trackStalled(keyOf('ann'), room.nowMs, 2000)
  room.run(4000)
  expect(room.sink.gaps).toEqual([])
  room.plane.trackResumed(keyOf('ann'), room.nowMs)
  room.run(1000)
  expect(room.sink.gaps).toEqual([{ identity: 'ann', fromMs: 2000, toMs: 9000, reason: 'not_received' }])
  room.plane.finish(room.nowMs)
  expect(room.sink.gaps).toHaveLength(1)
})

test('A12 a stalled track is not waited for, and its absence is a gap from its last sample to the next', () => {
  const room = new RoomOfTracks()
  room.join('ann', speaker(1))
  room.join('bob', speaker(1001))
  room.run(2000)
  room.hush('bob')
  room.run(1000)
  room.plane.trackStalled(keyOf('bob'), room.nowMs)
  room.run(4000)
  room.plane.trackResumed(keyOf('bob'), room.nowMs)
  room.join('bob', speaker(1101))
  room.run(1000)
  expect(room.sink.gaps).toEqual([{ identity: 'bob', fromMs: 2000, toMs: 7000, reason: 'not_received' }])
  room.hush('bob')
  room.plane.trackStalled(keyOf('bob'), room.nowMs)
  room.run(1000)
  room.plane.finish(room.nowMs)
  expect(room.sink.gaps[1]).toEqual({ identity: 'bob', fromMs: 8000, toMs: 9000, reason: 'not_received' })
})

test('A11 frames that went missing move the clock on and leave a gap; later samples are dated right', () => {
  const room = new RoomOfTracks()
  let mark = 0
  room.join('ann', (nowMs) => (nowMs > 3000 && nowMs <= 3500 ? null : block(++mark, true)))
  room.run(10_000)
  room.plane.finish(room.nowMs)
  expect(room.sink.gaps.length).toBe(1)
  expect(room.sink.gaps[0]).toMatchObject({ identity: 'ann', reason: 'not_received' })
  expect(room.sink.gaps[0]!.toMs - room.sink.gaps[0]!.fromMs).toBe(500)
  const last = room.sink.spansOf('ann').at(-1)!
  expect(last.meetingMs + (last.toFrame - last.fromFrame) / 16).toBe(10_000)
})

test('an old session is rolled before its maximum age, nothing cut', () => {
  const room = new RoomOfTracks({ maxSessionMs: 10_000 })
  let mark = 0
  room.join('ann', (nowMs) => block(++mark, nowMs % 3000 < 2500))
  room.run(30_000)
  room.plane.finish(room.nowMs)
  expect(room.sink.sessions.length).toBeGreaterThanOrEqual(3)
  const [row] = room.plane.coverageInput()
  expect(row!.sentVoiceMs).toBe(row!.heardMs)
})

test('frames of nobody, of an ended track, and calls after finish change nothing; a frame of another length throws', () => {
  const room = new RoomOfTracks()
  room.plane.frame(keyOf('nobody'), block(1, true), 0)
  room.join('ann', speaker(1))
  room.run(500)
  expect(() => room.plane.frame(keyOf('ann'), new Int16Array(799), room.nowMs)).toThrow(RangeError)
  room.plane.finish(room.nowMs)
  const log = [...room.sink.log]
  room.run(500)
  room.plane.finish(room.nowMs)
  room.plane.sessionEnded(first(room), room.nowMs)
  expect(room.sink.log).toEqual(log)
  expect(room.plane.coverageInput().map((row) => row.identity)).toEqual([who('ann')])
})
