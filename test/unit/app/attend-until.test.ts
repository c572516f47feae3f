import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Attendance } from '../../../src/app/attend.js'
import { attendUntil } from '../../../src/app/attend-until.js'
import { deferred } from '../../../src/core/deferred.js'
import { UpstreamError } from '../../../src/core/errors.js'
import type { MeetingId } from '../../../src/core/ids.js'
import { AttendanceRig, partsOf, type AttendanceProcess } from '../../support/attendance-rig.js'

describe('a meeting in the foreground', () => {
  let rig: AttendanceRig
  let one: AttendanceProcess
  let id: MeetingId
  let ctrlC: AbortController
  let ended: string[]

  beforeEach(async () => {
    rig = new AttendanceRig()
    one = rig.process('one')
    id = await rig.meeting()
    ctrlC = new AbortController()
    ended = []
  })
  afterEach(() => rig.end())

  const attend = async () => {
    const attendance = new Attendance({ ...partsOf(one, rig.store), elsewhere: () => undefined })
    told(attendUntil(attendance, id, ctrlC.signal))
    await rig.clock.settle()
    return attendance
  }
  const told = (done: Promise<void>) =>
    void done.then(
      () => ended.push('done'),
      (thrown: unknown) => ended.push(String(thrown)),
    )
  const interrupt = () => ctrlC.abort(new Error('interrupted'))

  it('36 that is run here ends with Ctrl-C', async () => {
    await attend()
    interrupt()
    await rig.clock.advance(10_000)
    expect([ended, (await rig.store.meeting(id)).state]).toEqual([['done'], 'finalising'])
  })

  it('36 that is run elsewhere goes on there after Ctrl-C', async () => {
    const two = rig.process('two')
    two.attend(id)
    await rig.clock.settle()
    await attend()
    await rig.clock.advance(5_000)
    interrupt()
    await rig.clock.advance(1_000)
    expect([ended, two.attendance.running]).toEqual([['done'], 1])
  })

  it('36 that was taken over goes on there after Ctrl-C in the moment in which the claim is lost', async () => {
    const attendance = await attend()
    await rig.speak(one, 'ann', 1_000)
    one.silence()
    const two = rig.process('two')
    const take = two.claims.take.bind(two.claims)
    two.claims.take = async (...of) => {
      const taken = await take(...of)
      if (taken) interrupt()
      return taken
    }
    two.attend(id)
    await rig.clock.advance(10_000)
    expect([ended, attendance.running, two.attendance.running]).toEqual([['done'], 0, 1])
  })

  it('36 whose bot fails after Ctrl-C is told as that', async () => {
    const failed = deferred()
    told(attendUntil({ running: 1, attend: () => failed.promise, leave: () => undefined }, id, ctrlC.signal))
    interrupt()
    failed.reject(new UpstreamError('database_failed', 'refused', { service: 'database', retryable: false }))
    await rig.clock.settle()
    expect(ended).toEqual(['UpstreamError: refused'])
  })
})
