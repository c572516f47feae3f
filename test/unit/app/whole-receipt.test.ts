import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadTranscript, transcriptAs } from '../../../src/app/transcripts.js'
import { asIdentity } from '../../../src/core/ids.js'
import type { MeetingId } from '../../../src/core/ids.js'
import { AttendanceRig, type AttendanceProcess } from '../../support/attendance-rig.js'

describe('the receipt of a meeting that several bots ran', () => {
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

  const ended = async () => {
    await rig.store.requestStop(id)
    await rig.clock.advance(10_000)
    return loadTranscript(rig.store, id)
  }
  const killed = async (process: AttendanceProcess, next: AttendanceProcess) => {
    process.silence()
    next.attend(id)
    await rig.clock.advance(3_000)
  }

  it('28 after two kills it has the gaps of both, and a row for whoever left before them', async () => {
    one.attend(id)
    await rig.clock.settle()
    one.room.connection.participant('bob', 'Bob')
    one.room.connection.start('bob')
    await rig.speak(one, 'ann', 1_000)
    one.room.connection.leave('bob')
    await rig.speak(one, 'ann', 5_000)
    await rig.clock.advance(1_000)
    await killed(one, two)
    await rig.speak(two, 'ann', 1_000)
    await rig.clock.advance(20_000)
    const three = rig.process('three')
    await killed(two, three)
    await rig.speak(three, 'ann', 1_000)
    await rig.clock.advance(6_000)
    const { coverage, complete, doubts } = await ended()
    const ann = coverage.find(({ identity }) => identity === 'ann')
    const stored = (await rig.store.gaps(id)).filter(({ identity }) => identity === 'ann')
    const covered = stored.filter((gap) => ann?.gaps.some(({ fromMs, toMs }) => fromMs <= gap.fromMs && toMs >= gap.toMs))
    expect(stored.length).toBeGreaterThanOrEqual(2)
    expect(covered).toEqual(stored)
    expect(ann?.gaps[0]?.fromMs).toBeLessThan(10_000)
    expect(ann?.gaps.at(-1)?.toMs).toBeGreaterThan(30_000)
    expect(coverage.find(({ identity }) => identity === 'bob')).toMatchObject({ name: 'Bob', gaps: [] })
    expect([complete, doubts.includes('taken_over'), doubts.includes('gaps')]).toEqual([false, true, true])
    const md = await transcriptAs(rig.store, await rig.store.meeting(id), 'md')
    expect(md.body.split('\n').filter((line) => line.includes('**ann**')).length).toBe(ann?.gaps.length)
  })

  /** `from` offers the meeting, and `to` has it from then on. */
  const handed = async (from: AttendanceProcess, job: AbortController, to: AttendanceProcess) => {
    await rig.offer(from, job)
    const next = to.attend(id)
    await rig.clock.settle()
    from.room.connection.end('duplicate_identity')
    await rig.clock.advance(6_000)
    return next
  }

  it('30 after a deploy that cost nobody anything it counts what both heard, and is complete', async () => {
    const job = one.attend(id)
    await rig.clock.settle()
    one.room.connection.participant('bob', 'Bob')
    await rig.speak(one, 'ann', 1_000)
    one.room.connection.stop('ann', 'muted')
    one.room.connection.leave('bob')
    await rig.clock.advance(6_000)
    await handed(one, job, two)
    two.room.connection.participant('ann', 'Ann')
    await rig.speak(two, 'ann', 2_000)
    const { coverage, complete, doubts, billing } = await ended()
    // the metrics have the whole of it too, once, whoever heard it
    expect(rig.counted.map((facts) => [facts.total.speechMs, facts.billing.channelSec])).toEqual([[3_000, billing.channelSec]])
    expect(billing.sessions.length).toBe(2)
    expect(coverage.map(({ identity, name, speechMs, lostMs }) => [identity, name, speechMs, lostMs])).toEqual([
      ['ann', 'Ann', 3_000, 0],
      ['bob', 'Bob', 0, 0],
    ])
    for (const row of coverage) expect(row.speechMs).toBe(row.sentSpeechMs + row.lostMs + row.waitingMs + row.unaccountedMs)
    expect([complete, doubts]).toEqual([true, []])
  })

  it('28 after a deploy and a kill it counts what is known, and says that this is not all', async () => {
    const job = one.attend(id)
    await rig.clock.settle()
    await rig.speak(one, 'ann', 1_000)
    await handed(one, job, two)
    await rig.speak(two, 'ann', 2_000)
    await rig.clock.advance(6_000)
    const three = rig.process('three')
    await killed(two, three)
    await rig.speak(three, 'ann', 500)
    const { coverage, doubts } = await ended()
    expect(coverage.map(({ identity, speechMs }) => [identity, speechMs])).toEqual([['ann', 1_500]])
    expect(doubts).toContain('taken_over')
  })

  it('30 a gap that is stored after the receipt was made stands in it', async () => {
    one.attend(id)
    await rig.clock.settle()
    await rig.speak(one, 'ann', 1_000)
    const { coverage } = await ended()
    expect(coverage.flatMap(({ gaps }) => gaps)).toEqual([])
    const late = { identity: asIdentity('ann'), fromMs: 200, toMs: 700, reason: 'buffer_full' as const }
    await rig.store.appendGaps({ meetingId: id, epoch: 1 }, [late])
    const after = await loadTranscript(rig.store, id)
    expect([after.coverage[0]?.gaps, after.complete, after.doubts]).toEqual([[late], false, ['gaps']])
  })
})
