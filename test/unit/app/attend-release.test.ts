import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Release } from '../../../src/app/release.js'
import { ClaimLostError, UpstreamError } from '../../../src/core/errors.js'
import type { MeetingId } from '../../../src/core/ids.js'
import { newMeetingId } from '../../../src/core/ids.js'
import { createLogger } from '../../../src/observe/logger.js'
import { AttendanceRig, type AttendanceProcess } from '../../support/attendance-rig.js'
import { ManualClock } from '../../support/manual-clock.js'

const away = () => Promise.reject(new UpstreamError('database_unreachable', 'away', { service: 'database', retryable: true }))

describe('T5 the store is away when a process is told to end', () => {
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

  it('30 41 for 2 s: its meeting is handed over, and ends nowhere', async () => {
    const job = one.attend(id)
    await rig.clock.settle()
    await rig.speak(one, 'ann', 1_000)
    const release = one.claims.release.bind(one.claims)
    one.claims.release = away
    await rig.offer(one, job)
    // the job does not wait for the store
    expect(one.jobs).toEqual(['goes back'])
    two.attend(id)
    await rig.clock.advance(2_000)
    expect(two.room.joins.length).toBe(0)
    one.claims.release = release
    await rig.clock.advance(5_000)
    expect([two.room.joins.length, one.attendance.running]).toEqual([1, 1])
    one.room.connection.end('duplicate_identity')
    await rig.speak(two, 'ann', 6_000)
    // the deadline: there is nothing left to end
    one.attendance.leave('stop')
    await rig.speak(two, 'ann', 6_000)
    expect([one.attendance.running, two.attendance.running]).toEqual([0, 1])
    expect(await rig.store.meeting(id)).toMatchObject({ state: 'live', reason: null })
  })

  it('30 41 until the deadline: the meeting is ended in order, and nobody asks any more', async () => {
    const job = one.attend(id)
    await rig.clock.settle()
    await rig.speak(one, 'ann', 1_000)
    let asked = 0
    one.claims.release = () => {
      asked += 1
      return away()
    }
    await rig.offer(one, job)
    await rig.clock.advance(60_000)
    // 0.5 s, and up to 3 s more
    expect(asked).toBeGreaterThan(17)
    expect(asked).toBeLessThan(60)
    one.attendance.leave('stop')
    await rig.clock.advance(10_000)
    const atEnd = asked
    await rig.clock.advance(60_000)
    expect(asked).toBe(atEnd)
    expect(await rig.store.meeting(id)).toMatchObject({ state: 'finalising', reason: 'shutdown' })
  })

  it('a store that hangs keeps the job for a second', async () => {
    const job = one.attend(id)
    await rig.clock.settle()
    one.claims.release = () => rig.clock.sleep(30_000)
    await rig.offer(one, job)
    expect(one.jobs).toEqual([])
    await rig.clock.advance(1_000)
    expect(one.jobs).toEqual(['goes back'])
  })
})

describe('releasing a meeting', () => {
  function rigOf(answers: (() => Promise<boolean>)[]) {
    const lines: string[] = []
    const clock = new ManualClock()
    const logger = createLogger('debug', (line) => lines.push((JSON.parse(line) as { msg: string }).msg))
    const asked: number[] = []
    let checks = 0
    const bot = {
      release: () => {
        asked.push(clock.monotonicMs())
        return (answers.shift() ?? (() => Promise.resolve(true)))()
      },
      checkClaim: () => void (checks += 1),
    }
    const enough = new AbortController()
    const release = new Release({ clock, logger, random: () => 0.5 }, newMeetingId(), bot, enough.signal)
    return { clock, lines, asked, enough, release, checks: () => checks }
  }

  it('a fault is told once, not once a try, and so is its end; two that begin it ask once', async () => {
    const { clock, lines, asked, release } = rigOf([away, away, away, away])
    void release.begin()
    void release.begin()
    await clock.settle()
    await clock.advance(20_000)
    expect(asked).toEqual([0, 750, 1_750, 3_250, 5_250])
    expect(lines).toEqual(['meeting could not be released: the store is asked again', 'meeting could be released in the end'])
    expect(clock.pending).toBe(0)
  })

  it('a claim that was taken meanwhile is looked at, and not asked for again', async () => {
    const { clock, asked, release, checks } = rigOf([away, () => Promise.reject(new ClaimLostError('taken'))])
    await release.begin()
    await clock.advance(20_000)
    expect([asked.length, checks()]).toEqual([2, 1])
  })

  it('a meeting that is ending is not offered, and the end ends the asking', async () => {
    const ending = rigOf([() => Promise.resolve(false)])
    await ending.release.begin()
    await ending.clock.advance(20_000)
    expect(ending.asked.length).toBe(1)
    const over = rigOf([away])
    await over.release.begin()
    over.enough.abort(new Error('the meeting is over here'))
    await over.clock.advance(20_000)
    expect([over.asked.length, over.clock.pending]).toEqual([1, 0])
  })
})
