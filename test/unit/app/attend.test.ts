import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ClaimLostError, UpstreamError } from '../../../src/core/errors.js'
import { isBlameless } from '../../../src/followup/jobs/policy.js'
import { AttendanceRig, type AttendanceProcess } from '../../support/attendance-rig.js'
import { requestFor } from '../../support/records.js'
import type { MeetingId } from '../../../src/core/ids.js'

describe('Attendance', () => {
  let rig: AttendanceRig
  let one: AttendanceProcess
  let two: AttendanceProcess
  let id: MeetingId

  beforeEach(async () => {
    rig = new AttendanceRig()
    one = rig.process('one')
    two = rig.process('two')
    id = await rig.meeting()
  })
  afterEach(() => rig.end())

  const say = (process: AttendanceProcess, text: string) =>
    process.stt.sessions.at(-1)?.emit({ channel: 0, text, startSec: 0.1, endSec: 0.5 })
  const texts = async () => (await rig.store.segments(id)).map(({ text }) => text)

  it('T1 a job that comes again joins the bot that runs, and both end with the meeting', async () => {
    one.attend(id)
    await rig.clock.settle()
    one.attend(id)
    await rig.clock.advance(5_000)
    expect([one.room.joins.length, one.attendance.running]).toEqual([1, 1])
    await rig.store.requestStop(id)
    await rig.clock.advance(10_000)
    expect(one.jobs).toEqual(['done', 'done'])
  })

  it('36 T3 a holder that gives signs of life keeps its meeting, however long somebody else has the job', async () => {
    one.attend(id)
    await rig.clock.settle()
    two.attend(id)
    await rig.clock.advance(50_000)
    expect([two.room.joins.length, two.jobs.length, one.attendance.running]).toEqual([0, 0, 1])
    await rig.store.requestStop(id)
    await rig.clock.advance(10_000)
    // T4: the watcher's job ends with the meeting
    expect([one.jobs, two.jobs]).toEqual([['done'], ['done']])
  })

  it('28 T3 a holder that has been silent for 1.25 s is followed within half a second, in the same meeting time', async () => {
    one.attend(id)
    await rig.clock.settle()
    await rig.speak(one, 'ann', 1_000)
    await rig.clock.advance(10_000)
    one.silence()
    two.attend(id)
    await rig.clock.advance(1_200)
    expect(two.room.joins.length).toBe(0)
    await rig.clock.advance(500)
    expect(two.room.joins.length).toBe(1)
    await rig.speak(two, 'ann', 1_000)
    await rig.clock.advance(6_000)
    const spans = await rig.store.spans(id)
    const later = spans.filter(({ sessionId }) => sessionId === two.stt.sessions[0]?.sessionId)
    expect(later[0]?.meetingMs).toBeGreaterThan(12_500)
    expect(later[0]?.meetingMs).toBeLessThan(13_500)
  })

  it('28 who was there before a takeover has a gap from the last stored text to when they are heard again', async () => {
    one.attend(id)
    await rig.clock.settle()
    one.room.connection.participant('bob', 'Bob')
    await rig.speak(one, 'ann', 1_000)
    say(one, 'before')
    await rig.clock.advance(6_000)
    one.silence()
    two.attend(id)
    await rig.clock.advance(2_000)
    await rig.speak(two, 'ann', 500)
    await rig.clock.advance(9_000)
    const gaps = (await rig.store.gaps(id)).filter(({ reason }) => reason === 'taken_over')
    expect([...new Set(gaps.map(({ identity }) => identity))].toSorted()).toEqual(['ann', 'bob'])
    // the text ended 0.5 s after ann began; the second bot is in the room, then she can be heard
    const [until, on] = gaps.filter(({ identity }) => identity === 'ann').toSorted((a, b) => a.fromMs - b.fromMs)
    expect(until?.fromMs).toBeLessThan(1_000)
    expect(on?.fromMs).toBeLessThanOrEqual(until?.toMs ?? 0)
    expect(on?.toMs).toBeGreaterThan(8_000)
    expect(on?.toMs).toBeLessThan(9_500)
    const { participants } = await rig.store.meeting(id)
    expect(participants.map(({ identity, joinedMs }) => [identity, joinedMs < 1_000])).toEqual([
      ['bob', true],
      ['ann', true],
    ])
  })

  it('35 a wall clock that jumps an hour, either way, makes nobody dead and ends no meeting', async () => {
    for (const jumpMs of [3_600_000, -3_600_000]) {
      one.attend(id)
      await rig.clock.settle()
      two.attend(id)
      await rig.clock.advance(3_000)
      two.clock.jumpMs = jumpMs
      await rig.clock.advance(5_000)
      one.clock.jumpMs = jumpMs
      await rig.clock.advance(5_000)
      expect([two.room.joins.length, one.attendance.running, (await rig.store.meeting(id)).state]).toEqual([0, 1, 'waiting'])
    }
  })

  it('36 the frozen owner that wakes up writes nothing, leaves, and watches over the meeting', async () => {
    one.attend(id)
    await rig.clock.settle()
    await rig.speak(one, 'ann', 1_000)
    say(one, 'before')
    await rig.clock.advance(6_000)
    one.silence()
    two.attend(id)
    await rig.clock.advance(3_000)
    await rig.speak(two, 'ann', 500)
    // awake: a late text, then what LiveKit says
    say(one, 'stale')
    await rig.clock.advance(200)
    one.room.connection.end('duplicate_identity')
    await rig.clock.advance(1_000)
    say(two, 'after')
    await rig.clock.advance(1_000)
    expect(await texts()).toEqual(['before', 'after'])
    expect([one.attendance.running, two.attendance.running, one.room.joins.length, one.jobs]).toEqual([0, 1, 1, []])
    expect((await rig.store.meeting(id)).state).toBe('live')
  })

  it('30 a meeting is handed over: heard until the other one is in the room, its last text kept, its state untouched', async () => {
    const job = one.attend(id)
    await rig.clock.settle()
    await rig.speak(one, 'ann', 1_000)
    await rig.clock.advance(6_000)
    await rig.offer(one, job)
    expect(one.jobs).toEqual(['goes back'])
    await rig.speak(one, 'ann', 1_000)
    expect(one.attendance.running).toBe(1)
    two.attend(id)
    await rig.clock.settle()
    expect(two.room.joins.length).toBe(1)
    one.stt.sessions[0]?.emit({ channel: 0, text: 'last words', startSec: 0.1, endSec: 0.5 })
    one.room.connection.end('duplicate_identity')
    // what subscribing takes
    await rig.clock.advance(150)
    await rig.speak(two, 'ann', 500)
    await rig.clock.advance(6_000)
    expect(await texts()).toEqual(['last words'])
    expect([one.attendance.running, two.attendance.running]).toEqual([0, 1])
    expect(await rig.store.meeting(id)).toMatchObject({ state: 'live', reason: null })
    const [gap] = (await rig.store.gaps(id)).filter(({ reason }) => reason === 'taken_over')
    expect(gap?.identity).toBe('ann')
    expect((gap?.toMs ?? 0) - (gap?.fromMs ?? 0)).toBeLessThan(200)
  })

  it.each([
    { heldBackMs: 80, lostMs: 0 },
    { heldBackMs: 600, lostMs: 520 },
  ])(
    '30 what the library held back beyond the usual when the next bot came, $heldBackMs ms, is in the gap: $lostMs ms',
    async ({ heldBackMs, lostMs }) => {
      const job = one.attend(id)
      await rig.clock.settle()
      await rig.speak(one, 'ann', 7_000)
      await rig.offer(one, job)
      two.attend(id)
      await rig.clock.settle()
      one.room.connection.heldBackMs = heldBackMs
      one.room.connection.end('duplicate_identity')
      await rig.clock.advance(150)
      await rig.speak(two, 'ann', 500)
      await rig.clock.advance(6_000)
      const [gap] = (await rig.store.gaps(id)).filter(({ reason }) => reason === 'taken_over')
      expect(gap).toMatchObject({ identity: 'ann', fromMs: 7_020 - lostMs })
    },
  )

  it('30 H4 nothing is heard by two: the next bot hears from when the one before says that it hears no more, a second at most', async () => {
    const job = one.attend(id)
    await rig.clock.settle()
    await rig.speak(one, 'ann', 1_000)
    await rig.clock.advance(6_000)
    await rig.offer(one, job)
    two.attend(id)
    await rig.clock.settle()
    // both are in the room for a while
    await rig.speak(two, 'ann', 400)
    expect(two.stt.sessions.length).toBe(0)
    one.room.connection.end('duplicate_identity')
    await rig.clock.settle()
    await rig.speak(two, 'ann', 500)
    expect(two.stt.sessions.length).toBe(1)
    await rig.clock.advance(9_000)
    const spans = (await rig.store.spans(id)).filter(({ sessionId }) => sessionId === two.stt.sessions[0]?.sessionId)
    // 7 s, and the 400 ms that the first bot heard
    expect(spans[0]?.meetingMs).toBeGreaterThanOrEqual(7_400)
  })

  it('30 H4 a bot before that says nothing is waited for a second', async () => {
    const job = one.attend(id)
    await rig.clock.settle()
    await rig.speak(one, 'ann', 1_000)
    await rig.offer(one, job)
    two.attend(id)
    await rig.clock.settle()
    await rig.speak(two, 'ann', 900)
    expect(two.stt.sessions.length).toBe(0)
    await rig.speak(two, 'ann', 500)
    expect(two.stt.sessions.length).toBe(1)
  })

  it('30 a released meeting that nobody takes is ended here, in order', async () => {
    const job = one.attend(id)
    await rig.clock.settle()
    await rig.speak(one, 'ann', 1_000)
    one.attendance.leave('handover')
    job.abort(new Error('goes back'))
    await rig.clock.advance(3_000)
    one.attendance.leave('stop')
    await rig.clock.advance(10_000)
    expect(await rig.store.meeting(id)).toMatchObject({ state: 'finalising', reason: 'shutdown' })
    expect(await rig.store.coverage(id)).not.toBeNull()
  })

  it('30 a released meeting that is left before the next bot is in the room: that one is told until when it was heard', async () => {
    const job = one.attend(id)
    await rig.clock.settle()
    await rig.speak(one, 'ann', 1_000)
    two.joinsAfter(20_000)
    await rig.offer(one, job)
    two.attend(id)
    await rig.clock.advance(2_000)
    const next = { meetingId: id, epoch: 2 }
    expect(await two.claims.leftBefore(next)).toBeNull()
    const before = rig.clock.monotonicMs()
    one.attendance.leave('stop')
    await rig.clock.advance(1_000)
    const leftMs = (await two.claims.leftBefore(next)) ?? Number.NaN
    expect(leftMs).toBeGreaterThan(2_900)
    expect(leftMs).toBeLessThan(4_100 + rig.clock.monotonicMs() - before)
  })

  it('30 the bot that was to take a released meeting dies before it is in the room: the first one is heard until the third is', async () => {
    const job = one.attend(id)
    await rig.clock.settle()
    await rig.speak(one, 'ann', 3_000)
    two.joinsAfter(120_000)
    await rig.offer(one, job)
    two.attend(id)
    await rig.speak(one, 'ann', 1_000)
    two.silence()
    const three = rig.process('three')
    three.attend(id)
    await rig.speak(one, 'ann', 8_000)
    expect(three.room.joins.length).toBe(1)
    one.room.connection.end('duplicate_identity')
    await rig.clock.advance(200)
    await rig.speak(three, 'ann', 2_000)
    await rig.clock.advance(10_000)
    const gaps = (await rig.store.gaps(id)).filter(({ reason }) => reason === 'taken_over')
    expect(gaps.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0)).toBeLessThan(1_000)
    expect(three.stt.sessions.length).toBe(1)
  })

  it('30 a bot that loses the room after another one has taken its meeting does not come back to throw it out', async () => {
    const job = one.attend(id)
    await rig.clock.settle()
    await rig.speak(one, 'ann', 1_000)
    await rig.offer(one, job)
    two.attend(id)
    await rig.clock.settle()
    one.room.connection.end('connection_lost')
    await rig.clock.advance(6_000)
    expect([one.room.joins.length, one.attendance.running, two.attendance.running]).toEqual([1, 0, 1])
  })

  it('30 a released bot that loses the room comes back while nobody has taken its meeting', async () => {
    const job = one.attend(id)
    await rig.clock.settle()
    await rig.offer(one, job)
    one.room.connection.end('connection_lost')
    await rig.clock.advance(6_000)
    expect([one.room.joins.length, one.attendance.running]).toEqual([2, 1])
  })

  it('30 a job that comes while the process stops is none of its failures', async () => {
    one.attendance.leave('stop')
    await expect(one.attendance.attend(id, new AbortController().signal)).rejects.toSatisfy(isBlameless)
  })

  it("20 somebody else under the bot's name: the owner comes back five times in a minute, then leaves the room to the other", async () => {
    one.attend(id)
    await rig.clock.settle()
    for (let turn = 0; turn < 10 && one.attendance.running > 0; turn++) {
      one.room.connection.end('duplicate_identity')
      await rig.clock.advance(1_000)
    }
    await rig.clock.advance(6_000)
    expect(one.room.joins.length).toBe(6)
    expect(await rig.store.meeting(id)).toMatchObject({ state: 'finalising', reason: 'duplicate_identity' })
  })

  it('41 a store that is away while a job looks costs the job nothing: it is asked until it answers', async () => {
    const away = new UpstreamError('database_unreachable', 'away', { service: 'database', retryable: true })
    const standing = one.claims.standing.bind(one.claims)
    one.claims.standing = () => Promise.reject(away)
    one.attend(id)
    await rig.clock.advance(120_000)
    expect([one.jobs, one.room.joins.length]).toEqual([[], 0])
    one.claims.standing = standing
    await rig.clock.advance(1_500)
    expect(one.room.joins.length).toBe(1)
  })

  describe('41 36 a store that was away', () => {
    /** `two` watches over the meeting of `one`, and the store is away for a while, during which nobody can give signs of life. */
    const outage = async (how: 'fails' | 'hangs', ms: number) => {
      one.attend(id)
      await rig.clock.settle()
      two.attend(id)
      await rig.clock.advance(10_000)
      one.silence()
      const standing = two.claims.standing.bind(two.claims)
      const away = new UpstreamError('database_unreachable', 'away', { service: 'database', retryable: true })
      two.claims.standing = how === 'fails' ? () => Promise.reject(away) : () => rig.clock.sleep(ms).then(() => standing(id))
      await rig.clock.advance(ms)
      two.claims.standing = standing
    }

    it.each(['fails', 'hangs'] as const)('%s: the holder that is back 5 s later keeps its meeting', async (how) => {
      await outage(how, 12_000)
      await rig.clock.advance(5_000)
      one.beats()
      await rig.clock.advance(20_000)
      expect([two.room.joins.length, one.attendance.running]).toEqual([0, 1])
    })

    it.each(['fails', 'hangs'] as const)('%s: the holder that died meanwhile is followed within 8 s', async (how) => {
      await outage(how, 12_000)
      await rig.clock.advance(5_500)
      expect(two.room.joins.length).toBe(0)
      await rig.clock.advance(2_500)
      expect(two.room.joins.length).toBe(1)
    })

    it('a look that fails once in between does not make anybody dead sooner', async () => {
      await outage('fails', 900)
      await rig.clock.advance(4_500)
      expect(two.room.joins.length).toBe(0)
    })
  })

  it('with all places taken a new meeting goes back to the queue, one that runs is taken over, and an end makes a place', async () => {
    one = rig.process('places one', 1)
    two = rig.process('places two', 1)
    const other = (await rig.store.create(requestFor('other'))).meeting.id
    one.attend(id)
    await rig.clock.settle()
    two.attend(other)
    await rig.clock.settle()
    expect([two.room.joins.length, two.jobs]).toEqual([
      0,
      ['1 meetings run already: another one waits until one of them ends, or for a higher ROOMSCRIBE_MAX_SESSIONS'],
    ])
    two.attend(id)
    await rig.clock.advance(1_000)
    one.silence()
    await rig.clock.advance(5_000)
    expect(two.room.joins.length).toBe(1)
    await rig.store.requestStop(id)
    await rig.clock.advance(10_000)
    two.attend(other)
    await rig.clock.settle()
    expect(two.room.joins.length).toBe(2)
  })

  it('30 a meeting whose job is lost is handed over all the same', async () => {
    const job = one.attend(id)
    await rig.clock.settle()
    job.abort(new ClaimLostError('another worker has taken the job'))
    two.attend(id)
    await rig.clock.advance(5_000)
    expect(two.room.joins.length).toBe(0)
    one.attendance.leave('handover')
    await rig.clock.advance(2_500)
    expect([two.room.joins.length, one.attendance.running]).toEqual([1, 1])
    one.room.connection.end('duplicate_identity')
    await rig.clock.advance(6_000)
    expect([one.attendance.running, two.attendance.running]).toEqual([0, 1])
  })

  it('T2 a job whose lock is lost changes nothing while the claim stands', async () => {
    const job = one.attend(id)
    await rig.clock.settle()
    job.abort(new ClaimLostError('another worker has taken the job'))
    await rig.clock.advance(5_000)
    expect([one.attendance.running, one.room.joins.length, (await rig.store.meeting(id)).state]).toEqual([1, 1, 'waiting'])
  })
})
