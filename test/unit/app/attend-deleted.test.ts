import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Attendance } from '../../../src/app/attend.js'
import { UpstreamError } from '../../../src/core/errors.js'
import type { MeetingId } from '../../../src/core/ids.js'
import { AttendanceRig, partsOf, type AttendanceProcess } from '../../support/attendance-rig.js'
import { FakeFinals } from '../../support/fake-finals.js'

describe('58 a meeting that is deleted and purged', () => {
  let rig: AttendanceRig
  let one: AttendanceProcess
  let finals: FakeFinals
  let attendance: Attendance
  let jobs: string[]
  let id: MeetingId

  beforeEach(async () => {
    rig = new AttendanceRig()
    one = rig.process('one')
    finals = new FakeFinals()
    const parts = partsOf(one, rig.store)
    attendance = new Attendance({ ...parts, deps: { ...parts.deps, finals } })
    jobs = []
    id = await rig.meeting()
  })
  afterEach(async () => {
    attendance.leave('stop')
    await rig.clock.advance(30_000)
    await rig.end()
  })

  const attend = async () => {
    void attendance.attend(id, new AbortController().signal).then(
      () => jobs.push('done'),
      (thrown: unknown) => jobs.push(String(thrown)),
    )
    await rig.clock.settle()
  }
  const say = (text: string) => one.stt.sessions.at(-1)?.emit({ channel: 0, text, startSec: 0.1, endSec: 0.5 })
  const ended = () => [jobs, attendance.running, one.stt.sessions.map(({ ended: how }) => how !== null), finals.closed]

  it('before its job comes: there is nothing to attend, and nothing has failed', async () => {
    await rig.store.requestDelete(id)
    await rig.store.purge(id)
    await attend()
    await rig.clock.advance(1_000)
    expect([jobs, one.room.joins.length]).toEqual([['done'], 0])
  })

  it('while its bot waits for the last texts: none of them stays on the disk, and the bot is done', async () => {
    await attend()
    await rig.speak(one, 'ann', 1_000)
    one.stt.sessions[0]!.autoFinish = false
    await rig.store.requestDelete(id)
    await rig.clock.advance(40_000)
    await rig.store.purge(id)
    say('late')
    one.stt.sessions[0]!.end('done')
    await rig.clock.advance(1_000)
    expect(ended()).toEqual([['done'], 0, [true], [false]])
  })

  it('while the store is away from its bot: the bot leaves the room when it is back, and nothing of it stays', async () => {
    await attend()
    await rig.speak(one, 'ann', 1_000)
    one.stt.sessions[0]!.autoAcknowledge = false
    const stub = rig.store as unknown as Record<string, unknown>
    const away = () => Promise.reject(new UpstreamError('database_unreachable', 'away', { service: 'database', retryable: true }))
    const names = ['meeting', 'setState', 'saveParticipants', 'saveSession', 'saveSpans', 'appendSegments', 'appendGaps']
    for (const name of names) stub[name] = away
    await rig.store.requestDelete(id)
    await rig.speak(one, 'ann', 1_000)
    say('unheard')
    await rig.clock.advance(60_000)
    await rig.store.purge(id)
    for (const name of names) delete stub[name]
    await rig.clock.advance(6_000)
    expect(ended()).toEqual([['done'], 0, [true], [false]])
    expect(one.room.connection.closes).toBe(1)
    const { taken } = one.stt.sessions[0]!
    expect([taken?.isDiscarded, taken?.isLeft]).toEqual([true, false])
  })
})
