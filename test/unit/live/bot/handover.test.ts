import { describe, expect, test, vi } from 'vitest'
import { deferred } from '../../../../src/core/deferred.js'
import { asIdentity, newSessionId } from '../../../../src/core/ids.js'
import type { Gap } from '../../../../src/live/audio/span.js'
import { Handover } from '../../../../src/live/bot/handover.js'
import type { Tenure } from '../../../../src/live/bot/inheritance.js'
import { People } from '../../../../src/live/bot/people.js'
import { silentLogger } from '../../../../src/observe/logger.js'
import type { ParticipantRecord } from '../../../../src/records/port.js'
import { attended } from '../../../support/attendance-rig.js'
import { ManualClock } from '../../../support/manual-clock.js'
import { MemoryStore } from '../../../support/memory-store.js'
import { requestFor, segmentOf, spanOf } from '../../../support/records.js'

const person = (name: string, joinedMs: number, leftMs: number | null): ParticipantRecord => ({
  identity: asIdentity(name),
  name,
  joinedMs,
  leftMs,
})

const START_MS = 1_700_000_000_000

/** A takeover 60 s into a meeting, of which the bot before gave its last sign `silentMs` ago. */
async function takenOver(
  people: readonly ParticipantRecord[],
  silentMs = 8_000,
  isReleased = false,
  before: Tenure['before'] = () => Promise.resolve([]),
  leftBefore: Tenure['leftBefore'] = () => Promise.resolve(60_000),
) {
  const clock = new ManualClock(START_MS)
  const store = new MemoryStore(() => clock.nowMs())
  const { meeting } = await store.create(requestFor('r'))
  const claim = await store.claim(meeting.id)
  await store.saveParticipants(claim, people)
  const text = { ...segmentOf(newSessionId(), 1), identity: asIdentity('ann'), startMs: 44_000, endMs: 45_000 }
  // cyd never made a sound
  const heard = people.filter(({ identity }) => identity !== 'cyd')
  const spans = heard.map(({ identity, leftMs }, channel) => {
    return { ...spanOf(text.sessionId, 0, 16 * Math.min(leftMs ?? 45_000, 45_000)), channel, identity, meetingMs: 0 }
  })
  await store.appendSegments(claim, [text], spans)
  const gaps: Gap[] = []
  const known = new People()
  const tenure: Tenure = {
    elapsedMs: 60_000,
    storeNowMs: START_MS,
    silentMs,
    isReleased,
    check: () => Promise.resolve('held'),
    release: () => Promise.resolve(),
    left: () => Promise.resolve(),
    leftBefore,
    entered: () => Promise.resolve(),
    settled: () => Promise.resolve(),
    before,
    revoke: () => Promise.resolve(),
  }
  const handover = new Handover({
    tenure,
    store,
    people: known,
    clock,
    logger: silentLogger,
    meetingMs: () => 60_000 + clock.monotonicMs() - START_MS,
    gap: (gap) => gaps.push(gap),
    keep: () => undefined,
    open: () => undefined,
  })
  await handover.inherit(meeting.id)
  handover.asked()
  return { clock, gaps, handover, known }
}

describe('28 what nobody heard between two bots', () => {
  test('of a meeting that ends before the new bot is in the room is a gap to the end of each person who was there', async () => {
    const { clock, gaps, handover } = await takenOver([person('ann', 0, null), person('bob', 50_000, null)])
    await clock.advance(3_000)
    handover.settle()
    expect(gaps).toEqual([
      { identity: 'ann', fromMs: 45_000, toMs: 63_000, reason: 'taken_over' },
      { identity: 'bob', fromMs: 50_000, toMs: 63_000, reason: 'taken_over' },
    ])
    handover.settle()
    expect(gaps).toHaveLength(2)
  })

  test('of a released meeting that ends so is heard by the bot before', async () => {
    const { clock, gaps, handover } = await takenOver([person('ann', 0, null), person('bob', 0, 59_000)], 0, true)
    await clock.advance(3_000)
    handover.settle()
    expect(gaps).toEqual([])
  })

  test('is a gap of who had left before, from their last text to when they left', async () => {
    const people = [person('ann', 0, 47_500), person('bob', 0, 40_000), person('cyd', 0, 40_000), person('dan', 0, 20_000)]
    for (const isEntered of [true, false]) {
      const { gaps, handover } = await takenOver(people)
      if (isEntered) await handover.entered(new AbortController().signal)
      handover.settle()
      // the last sign is of 52 s: what was said 20 s before it has its text, or never will
      expect(gaps).toEqual([
        { identity: 'ann', fromMs: 45_000, toMs: 47_500, reason: 'taken_over' },
        { identity: 'bob', fromMs: 32_000, toMs: 40_000, reason: 'taken_over' },
      ])
    }
  })

  test('is one gap of who had left before and is back', async () => {
    const { gaps, handover, known } = await takenOver([person('ann', 0, 47_500)])
    known.joined(asIdentity('ann'), 'ann', 60_000)
    await handover.entered(new AbortController().signal)
    handover.settle()
    expect(gaps).toEqual([{ identity: 'ann', fromMs: 45_000, toMs: 60_000, reason: 'taken_over' }])
  })

  test('goes on until a person who was there can be heard, and says so, once', async () => {
    const { clock, gaps, handover } = await takenOver([person('ann', 0, null)])
    await handover.entered(new AbortController().signal)
    await clock.advance(1_000)
    expect(['ann', 'ann', 'bob'].map((name) => handover.heard(asIdentity(name)))).toEqual([true, false, false])
    await clock.advance(5_000)
    expect(gaps).toEqual([
      { identity: 'ann', fromMs: 45_000, toMs: 60_000, reason: 'taken_over' },
      { identity: 'ann', fromMs: 60_000, toMs: 61_000, reason: 'taken_over' },
    ])
    expect(handover.heard(asIdentity('ann'))).toBe(false)
  })

  test('is over for who is heard before the bot knows who is there', async () => {
    const { clock, gaps, handover } = await takenOver([person('ann', 0, null)])
    expect(handover.heard(asIdentity('ann'))).toBe(false)
    await handover.entered(new AbortController().signal)
    await clock.advance(1_000)
    // she has muted and unmuted
    expect(handover.heard(asIdentity('ann'))).toBe(false)
    expect(gaps).toEqual([{ identity: 'ann', fromMs: 45_000, toMs: 60_000, reason: 'taken_over' }])
  })
})

/** A process that has taken a meeting, is in its room, and waits to be told until when the one before has heard: `said` tells it. */
async function waiting() {
  const { rig, one, two, id, job } = await attended()
  const left = deferred()
  const { leftBefore } = two.claims
  two.claims.leftBefore = (claim) => left.promise.then(() => leftBefore.call(two.claims, claim))
  await rig.offer(one, job)
  two.attend(id)
  await rig.clock.settle()
  one.room.connection.end('duplicate_identity')
  const gaps = async (identity: string) => (await rig.store.gaps(id)).filter((gap) => gap.identity === identity)
  const missedMs = async (identity: string) => (await gaps(identity)).reduce((ms, { fromMs, toMs }) => ms + toMs - fromMs, 0)
  return { rig, two, id, said: () => left.resolve(), gaps, missedMs }
}

test('30 H4 the next bot hears within a second although the store stands still as soon as it is in the room', async () => {
  const { rig, one, two, id, job } = await attended()
  two.claims.leftBefore = () => new Promise(() => undefined)
  await rig.offer(one, job)
  two.attend(id)
  await rig.clock.settle()
  one.room.connection.end('duplicate_identity')
  await rig.speak(two, 'ann', 6_000)
  await rig.clock.advance(3_000)
  const gaps = (await rig.store.gaps(id)).filter(({ reason }) => reason === 'taken_over')
  const missedMs = gaps.reduce((ms, { fromMs, toMs }) => ms + toMs - fromMs, 0)
  expect(missedMs).toBeLessThanOrEqual(1_250)
  expect(two.stt.last.sentFrames / 16).toBeGreaterThanOrEqual(4_500)
  await rig.end()
})

test.each([
  ['a store that stood still says nothing of the silence of one that gave its meeting away', 'blind', 2_500],
  ['a process that has just begun does not know whether the store stood still', 'new', 2_500],
  ['one that gave its meeting away, and has been silent for long, is dead', 'watching', 20_000],
])('30 41 %s', async (_, how, mostMs) => {
  const { rig, one, two: other, id, job } = await attended()
  await rig.speak(one, 'ann', 8_000)
  const two = how === 'new' ? rig.process('new') : other
  const { take } = two.claims
  two.claims.take = async (...of) => {
    const taken = await take.apply(two.claims, of)
    return taken && { ...taken, silentMs: 30_000 }
  }
  if (how === 'blind') {
    two.silence()
    await rig.clock.advance(2_000)
  }
  await rig.offer(one, job)
  two.attend(id)
  await rig.clock.settle()
  one.room.connection.end('duplicate_identity')
  await rig.clock.advance(5_000)
  const missedMs = (await rig.store.gaps(id)).reduce((ms, { fromMs, toMs }) => ms + toMs - fromMs, 0)
  expect(missedMs).toBeGreaterThanOrEqual(mostMs - 12_000)
  expect(missedMs).toBeLessThan(mostMs)
  await rig.end()
})

test('30 H1 who speaks while the bot before has not said until when it heard, and mutes, is missed from where the new bot was in the room', async () => {
  const { rig, two, said, gaps } = await waiting()
  await rig.speak(two, 'ann', 500)
  two.room.connection.stop('ann', 'muted')
  said()
  await rig.clock.advance(5_000)
  const missed = (await gaps('ann')).filter(({ reason }) => reason === 'taken_over')
  expect(missed.reduce((ms, { fromMs, toMs }) => ms + toMs - fromMs, 0)).toBeGreaterThanOrEqual(500)
  await rig.end()
})

test('30 the end of a meeting waits for the bot before, and what is said after the bot has left is no gap', async () => {
  const { rig, one, two, id, job } = await attended()
  // it has much to bring to text
  one.stt.last.autoFinish = false
  await rig.offer(one, job)
  two.attend(id)
  await rig.clock.settle()
  one.room.connection.end('duplicate_identity')
  await rig.clock.advance(150)
  await rig.speak(two, 'ann', 5_000)
  const endMs = rig.clock.nowMs() - Date.parse((await rig.store.meeting(id)).startedAt!)
  await rig.store.requestStop(id)
  await rig.clock.advance(20_000)
  expect((await rig.store.meeting(id)).state).toBe('finalising')
  for (const { toMs } of await rig.store.gaps(id)) expect(toMs).toBeLessThanOrEqual(endMs + 100)
  one.stt.last.end('done')
  await rig.end()
})

test('30 H1 a bot that gave the meeting away and died, and the meeting ends before the next one is in the room: what it had heard last is a gap', async () => {
  const { rig, one, two, id, job } = await attended()
  await rig.offer(one, job)
  // what it hears from now on nobody stores
  const { saveSpans } = rig.store
  rig.store.saveSpans = () => new Promise(() => undefined)
  await rig.speak(one, 'ann', 3_000)
  one.silence()
  rig.store.saveSpans = saveSpans
  two.stt.results = () => Promise.resolve({ utterances: [], isWhole: true })
  two.joinsAfter(60_000)
  two.attend(id)
  await rig.clock.advance(4_000)
  await rig.store.requestStop(id)
  await rig.clock.advance(70_000)
  expect((await rig.store.meeting(id)).state).toBe('finalising')
  const gaps = (await rig.store.gaps(id)).filter(({ reason }) => reason === 'taken_over')
  expect(gaps.map(({ identity }) => identity)).toContain('ann')
  expect(Math.max(...gaps.map(({ toMs }) => toMs))).toBeGreaterThanOrEqual(5_000)
})

test('30 H1 a bot that gave the meeting away and died, and the next one gives it away before that is known: what it had heard last is a gap', async () => {
  const { rig, one, two, id, job } = await attended()
  const three = rig.process('three')
  for (const { stt } of [two, three]) stt.results = () => Promise.resolve({ utterances: [], isWhole: true })
  await rig.offer(one, job)
  // what it hears from now on nobody stores
  const { saveSpans } = rig.store
  rig.store.saveSpans = () => new Promise(() => undefined)
  await rig.speak(one, 'ann', 3_000)
  one.silence()
  rig.store.saveSpans = saveSpans
  const second = two.attend(id)
  await rig.clock.advance(1_500)
  await rig.speak(two, 'ann', 1_500)
  two.stt.last.emit({ channel: 0, text: 'heard', startSec: 0.2, endSec: 0.8 })
  await rig.clock.settle()
  await rig.offer(two, second)
  three.attend(id)
  await rig.clock.settle()
  two.room.connection.end('duplicate_identity')
  await rig.clock.advance(30_000)
  expect(two.attendance.running).toBe(0)
  const gaps = (await rig.store.gaps(id)).filter(({ identity, reason }) => identity === 'ann' && reason === 'taken_over')
  const heard = (await rig.store.segments(id)).find(({ text }) => text === 'heard')
  expect(heard?.startMs).toBeGreaterThan(5_000)
  expect(gaps.some(({ fromMs, toMs }) => fromMs <= 3_000 && toMs >= 4_500)).toBe(true)
  await rig.end()
})

test('30 H1 a bot that was never in the room asks until when the one before has heard: it may have left before the meeting ended', async () => {
  const { rig, one, two, id, job } = await attended()
  // the store takes its time with what is asked for here
  const asked = deferred()
  const { release } = one.claims
  one.claims.release = (claim) => asked.promise.then(() => release.call(one.claims, claim))
  one.stt.last.autoFinish = false
  job.abort(new Error('goes back'))
  one.attendance.leave('handover')
  await rig.clock.settle()
  one.attendance.leave('stop')
  await rig.clock.advance(500)
  asked.resolve()
  two.joinsAfter(60_000)
  two.attend(id)
  await rig.clock.advance(1_000)
  one.stt.last.end('done')
  await rig.clock.advance(20_000)
  const gaps = (await rig.store.gaps(id)).filter(({ reason }) => reason === 'taken_over')
  expect(gaps.map(({ identity }) => identity)).toEqual(['ann'])
  expect((gaps[0]?.toMs ?? 0) - (gaps[0]?.fromMs ?? 0)).toBeGreaterThanOrEqual(500)
  await rig.end()
})

test.each([
  ['when it has brought in what it heard', 1],
  ['or does not say that it has', 3],
])('30 H1 41 a bot that leaves while the store is away says later until when it heard: %s', async (_, failures) => {
  const { rig, one, two, id, job } = await attended()
  const { left } = one.claims
  let failed = 0
  one.claims.left = (...of) => (failed++ < failures ? Promise.reject(new Error('away')) : left.apply(one.claims, of))
  one.stt.last.autoFinish = false
  await rig.offer(one, job)
  one.attendance.leave('stop')
  await rig.clock.advance(4_000)
  two.attend(id)
  await rig.clock.advance(1_000)
  one.stt.last.end('done')
  await rig.clock.advance(5_000)
  const claim = rig.table.claims.get(id)![0]!
  if (failures === 1) {
    const [gap] = (await rig.store.gaps(id)).filter(({ reason }) => reason === 'taken_over').toSorted((a, b) => a.fromMs - b.fromMs)
    expect(gap).toMatchObject({ identity: 'ann', fromMs: claim.leftMs })
    expect(gap!.toMs - gap!.fromMs).toBeGreaterThanOrEqual(3_500)
  } else expect([claim.leftMs, claim.holder]).toEqual([null, 'one'])
  await rig.end()
})

test('30 H1 41 a store that says only later that the bot before had left long ago: who was there then is missed from then on', async () => {
  let asked = 0
  const leftBefore = () => (asked++ === 0 ? new Promise<never>(() => undefined) : Promise.resolve(52_000))
  const people = [person('ann', 0, null), person('bob', 0, 52_000), person('dan', 0, 20_000)]
  const { clock, gaps, handover } = await takenOver(people, 0, true, undefined, leftBefore)
  const entered = handover.entered(new AbortController().signal)
  await clock.advance(1_000)
  await entered
  expect(handover.isUnsaid).toBe(true)
  expect(await handover.fate(new AbortController().signal)).toBe('settled')
  expect(gaps).toEqual([
    { identity: 'ann', fromMs: 52_000, toMs: 60_000, reason: 'taken_over' },
    { identity: 'bob', fromMs: 52_000, toMs: 60_000, reason: 'taken_over' },
  ])
  expect(handover.isUnsaid).toBe(false)
  handover.settle()
})

test('30 a bot that has said until when it heard is not taken for dead when the meeting ends', async () => {
  const { handover } = await takenOver([person('ann', 0, null)], 0, true)
  await handover.entered(new AbortController().signal)
  expect(handover.isUnsaid).toBe(false)
  handover.settle()
})

test('30 H1 of two bots that gave the meeting away one lives, the other has died, and the meeting ends before that is known: its last is a gap', async () => {
  const { rig, one, two, id, job } = await attended()
  const three = rig.process('three')
  one.stt.last.autoFinish = false
  await rig.offer(one, job)
  const second = two.attend(id)
  await rig.clock.settle()
  one.room.connection.end('duplicate_identity')
  await rig.clock.advance(150)
  await rig.offer(two, second)
  const { saveSpans } = rig.store
  rig.store.saveSpans = () => new Promise(() => undefined)
  await rig.speak(two, 'ann', 3_000)
  two.silence()
  for (const say of ['left', 'settled', 'standIn'] as const) two.claims[say] = () => new Promise<never>(() => undefined)
  rig.store.saveSpans = saveSpans
  three.joinsAfter(60_000)
  three.attend(id)
  await rig.clock.advance(1_000)
  await rig.store.requestStop(id)
  await rig.clock.advance(30_000)
  expect((await rig.store.meeting(id)).state).toBe('finalising')
  const gaps = (await rig.store.gaps(id)).filter(({ identity, reason }) => identity === 'ann' && reason === 'taken_over')
  expect(gaps.some(({ fromMs, toMs }) => fromMs <= 3_000 && toMs >= 4_500)).toBe(true)
})

test('30 H1 who comes while the bot before has not said until when it heard is missed from then on', async () => {
  const { rig, two, said, missedMs } = await waiting()
  await rig.speak(two, 'bob', 500)
  said()
  await rig.clock.advance(5_000)
  expect(await missedMs('bob')).toBeGreaterThanOrEqual(500)
  expect(await missedMs('bob')).toBeLessThan(700)
  await rig.end()
})

test('30 H1 who could not be heard until then is a gap at once: a bot that dies next leaves it', async () => {
  const { rig, two, said, missedMs } = await waiting()
  await rig.speak(two, 'ann', 500)
  said()
  await rig.clock.advance(200)
  expect(await missedMs('ann')).toBeGreaterThanOrEqual(500)
  await rig.end()
})

test('30 H1 of a bot that is told to stop while it waits everybody is missed until then, and nobody after it', async () => {
  const { rig, two, said, gaps, missedMs } = await waiting()
  await rig.speak(two, 'ann', 500)
  two.attendance.leave('stop')
  await rig.clock.advance(100)
  said()
  await rig.clock.advance(30_000)
  expect(await missedMs('ann')).toBeGreaterThanOrEqual(500)
  expect(await missedMs('ann')).toBeLessThan(1_000)
  expect((await gaps('ann')).filter(({ reason }) => reason !== 'taken_over')).toEqual([])
  await rig.end()
})

test('36 a bot that loses the meeting while it waits for the word of the one before ends without a fault', async () => {
  const { rig, two, id } = await waiting()
  const error = vi.spyOn(silentLogger, 'error')
  await rig.process('three').claims.take(id, await two.claims.standing(id))
  two.room.connection.leave('ann')
  await rig.clock.advance(5_000)
  expect([two.attendance.running, error.mock.calls.map(([, message]) => message)]).toEqual([0, []])
  error.mockRestore()
  await rig.end()
})

test('28 30 what a bot had that gave the meeting away, and lives, is its own to bring in, also when the next one has died', async () => {
  let isSettled = false
  let signs = 0
  const before = () => Promise.resolve(isSettled ? [] : [{ epoch: 1, sign: String(signs++), isRevoked: false }])
  const { clock, handover } = await takenOver([person('ann', 0, null)], 2_000, false, before)
  const fates: string[] = []
  const enough = new AbortController()
  void handover.fate(enough.signal).then((fate) => fates.push(fate))
  await clock.advance(60_000)
  expect(fates).toEqual([])
  isSettled = true
  await clock.advance(2_000)
  expect(fates).toEqual(['died'])
})

test('30 H1 who mutes for a moment while a bot waits for the word of the one before is missed on both sides of it', async () => {
  const { rig, two, said, missedMs } = await waiting()
  await rig.speak(two, 'ann', 500)
  two.room.connection.stop('ann', 'muted')
  await rig.clock.advance(20)
  await rig.speak(two, 'ann', 400)
  said()
  await rig.clock.advance(5_000)
  expect(await missedMs('ann')).toBeGreaterThanOrEqual(900)
  expect(await missedMs('ann')).toBeLessThan(1_100)
  await rig.end()
})

test('30 H1 the last of who had left before is a gap too when the bot that gave the meeting away has died, by what is stored, not by signs of life', async () => {
  const people = [person('ann', 0, null), person('bob', 20_000, 59_000), person('cyd', 0, 40_000), person('dan', 0, 20_000)]
  const { clock, handover } = await takenOver(people, 0, true)
  await clock.advance(3_000)
  handover.settle()
  expect(handover.heardBefore({ segments: [], spans: [], sessions: [] }, [])).toEqual([
    // her last text ends then
    { identity: 'ann', fromMs: 45_000, untilMs: 63_000 },
    // the last that is stored is that he left
    { identity: 'bob', fromMs: 39_000, untilMs: 59_000 },
    { identity: 'dan', fromMs: 39_000, untilMs: 20_000 },
  ])
})

test('28 the bot before has died when nobody gave the meeting away', async () => {
  const { handover } = await takenOver([person('ann', 0, null)])
  expect(await handover.fate(new AbortController().signal)).toBe('crashed')
})
