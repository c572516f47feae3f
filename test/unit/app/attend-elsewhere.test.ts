import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Attendance } from '../../../src/app/attend.js'
import { ClaimLostError } from '../../../src/core/errors.js'
import { newMeetingId, type MeetingId } from '../../../src/core/ids.js'
import { isBlameless, isRunElsewhere } from '../../../src/followup/jobs/policy.js'
import { createLogger } from '../../../src/observe/logger.js'
import { AttendanceRig, partsOf, type AttendanceProcess } from '../../support/attendance-rig.js'

describe('T7 a job of a meeting that is run elsewhere', () => {
  let rig: AttendanceRig
  let one: AttendanceProcess
  let two: AttendanceProcess
  let id: MeetingId

  beforeEach(async () => {
    rig = new AttendanceRig()
    one = rig.process('one')
    two = rig.process('two')
    id = await rig.meeting()
    one.attend(id)
    await rig.clock.settle()
  })
  afterEach(() => rig.end())

  /** Of so long, the share of the time that the jobs of a process took a place. */
  const shareOf = async (process: AttendanceProcess, ms: number) => {
    let busy = 0
    for (let at = 0; at < ms; at += 100) {
      await rig.clock.advance(100)
      busy += process.busy
    }
    return (busy * 100) / ms
  }

  it('37 is put off as soon as a sign of life was seen, at nobody’s expense', async () => {
    const looking = two.attendance.attend(id, new AbortController().signal)
    const outcome = expect(looking).rejects.toSatisfy((thrown) => isRunElsewhere(thrown) && isBlameless(thrown))
    await rig.clock.advance(900)
    await outcome
  })

  it('37 takes a place for a quarter of the time', async () => {
    two.attend(id)
    expect(await shareOf(two, 50_000)).toBeLessThan(0.3)
    expect([two.jobs, two.room.joins.length, one.attendance.running]).toEqual([[], 0, 1])
  })

  it.each([0, 400, 800, 1_200, 1_600, 2_000, 2_400])(
    '28 37 finds a holder dead that died %i ms after it was put off, within 4.5 s',
    async (afterMs) => {
      two.attend(id)
      for (let turn = 0; turn < 50 && two.busy > 0; turn++) await rig.clock.advance(100)
      expect(two.busy).toBe(0)
      await rig.clock.advance(afterMs)
      one.silence()
      await rig.clock.advance(4_500)
      expect(two.room.joins.length).toBe(1)
    },
  )

  it('37 comes back to the process of the bot: of the two that it has then one gives its place back', async () => {
    const job = one.attend(id)
    await rig.clock.settle()
    expect(one.busy).toBe(2)
    job.abort(new ClaimLostError('another worker has taken the job'))
    await rig.clock.settle()
    expect([one.busy, one.attendance.running]).toEqual([1, 1])
  })

  it('37 that was lost keeps the place of its bot until another one is here, or nothing new is begun', async () => {
    const other = (await rig.store.create({ ...(await rig.store.meeting(id)), room: 'other', startAt: null, endAt: null })).meeting.id
    const job = one.attend(other)
    await rig.clock.settle()
    job.abort(new ClaimLostError('another worker has taken the job'))
    await rig.clock.advance(10_000)
    expect(one.busy).toBe(2)
    one.attend(other)
    await rig.clock.settle()
    expect([one.busy, one.jobs]).toEqual([2, ['another worker has taken the job']])
  })

  it('37 that was lost does not hold up a process that ends', async () => {
    const three = rig.process('three')
    const other = (await rig.store.create({ ...(await rig.store.meeting(id)), room: 'other', startAt: null, endAt: null })).meeting.id
    const job = three.attend(other)
    await rig.clock.settle()
    job.abort(new ClaimLostError('another worker has taken the job'))
    await rig.clock.settle()
    expect(three.busy).toBe(1)
    three.attendance.leave('handover')
    await rig.clock.settle()
    expect([three.busy, three.attendance.running]).toEqual([0, 1])
  })

  it('37 is told of once, and forgotten when a thousand others were looked at since', async () => {
    const told: unknown[] = []
    const { claims } = two
    const logger = createLogger('info', (line) => told.push((JSON.parse(line) as { meeting?: unknown }).meeting))
    const attendance = new Attendance(partsOf(two, rig.store, logger))
    const held = { state: 'live', epoch: 1, holder: 'one', isReleased: false } as const
    let beats = 0
    claims.standing = () => Promise.resolve({ ...held, beat: String(beats++) })
    const meeting = await rig.store.meeting(id)
    rig.store.meeting = (of) => Promise.resolve({ ...meeting, id: of })
    const look = async (of: MeetingId) => {
      const outcome = expect(attendance.attend(of, new AbortController().signal)).rejects.toSatisfy(isRunElsewhere)
      await rig.clock.advance(900)
      await outcome
    }
    const others = Array.from({ length: 1_000 }, newMeetingId)
    await look(id)
    for (const other of others.slice(0, 500)) await look(other)
    await look(id)
    expect(told.filter((one) => one === id)).toHaveLength(1)
    for (const other of others.slice(500)) await look(other)
    await look(id)
    // of those that are looked at again and again none is told twice
    expect(told.filter((one) => one === id)).toHaveLength(1)
    for (const other of Array.from({ length: 1_000 }, newMeetingId)) await look(other)
    await look(id)
    expect(told.filter((one) => one === id)).toHaveLength(2)
  })

  it('41 36 a job that was put off while the store was away: the holder that is back 5 s later keeps its meeting', async () => {
    two.attend(id)
    await rig.clock.advance(10_000)
    for (let turn = 0; turn < 50 && two.busy === 0; turn++) await rig.clock.advance(100)
    for (let turn = 0; turn < 50 && two.busy > 0; turn++) await rig.clock.advance(100)
    // nobody can give signs of life
    one.silence()
    two.silence()
    await rig.clock.advance(1_800)
    expect(two.busy).toBe(0)
    two.beats()
    await rig.clock.advance(5_000)
    one.beats()
    await rig.clock.advance(20_000)
    expect([two.room.joins.length, one.attendance.running]).toEqual([0, 1])
  })
})
