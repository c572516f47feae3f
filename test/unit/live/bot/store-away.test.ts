import { beforeEach, describe, expect, it, test } from 'vitest'
import { UpstreamError } from '../../../../src/core/errors.js'
import { asIdentity, type MeetingId } from '../../../../src/core/ids.js'
import { AttendanceRig, type AttendanceProcess } from '../../../support/attendance-rig.js'
import { BotRig } from '../../../support/bot-rig.js'
import { gapFrom } from '../../../support/records.js'

const away = () => Promise.reject(new UpstreamError('database_unreachable', 'away', { service: 'database', retryable: true }))
const WRITES = [
  'setState',
  'saveCoverage',
  'saveParticipants',
  'saveSession',
  'saveSpans',
  'appendSegments',
  'appendGaps',
  'meeting',
] as const

/** Takes the store away, as a database that went down is; returns how it comes back. */
function takeAway(rig: BotRig, names: readonly (typeof WRITES)[number][] = WRITES): () => void {
  const stub = rig.store as unknown as Record<string, unknown>
  for (const name of names) stub[name] = away
  return () => {
    for (const name of names) delete stub[name]
  }
}

test('41 a meeting that ends while the store is away is finished, whole, when it is back', async () => {
  const rig = new BotRig()
  await rig.start()
  const { connection } = rig.room
  connection.participant('ann', 'Ann')
  const key = connection.start('ann')
  await rig.speak(key, 2_000)
  const giveBack = takeAway(rig)
  await rig.speak(key, 2_000)
  connection.leave('ann')
  await rig.clock.advance(600_000)
  expect(rig.outcome).toBeNull()
  giveBack()
  await rig.clock.advance(5_000)
  expect(rig.outcome).toMatchObject({ reason: 'everybody_left', failed: false, claimLost: false })
  const { state, reason, participants } = await rig.store.meeting(rig.meeting.id)
  expect([state, reason, participants.map(({ leftMs }) => leftMs === null)]).toEqual(['finalising', 'everybody_left', [false]])
  const coverage = await rig.store.coverage(rig.meeting.id)
  expect(coverage?.doubts).not.toContain('not_stored')
  expect((await rig.store.sessions(rig.meeting.id)).length).toBeGreaterThan(0)
  expect((await rig.store.spans(rig.meeting.id)).length).toBeGreaterThan(0)
  expect(rig.clock.pending).toBe(0)
})

test('41 a store that goes away between the last text and the outcome gets the outcome when it is back', async () => {
  const rig = new BotRig()
  await rig.start()
  const { connection } = rig.room
  connection.participant('ann', 'Ann')
  await rig.speak(connection.start('ann'), 1_000)
  const giveBack = takeAway(rig, ['setState', 'saveCoverage'])
  connection.leave('ann')
  await rig.clock.advance(300_000)
  expect(rig.outcome).toBeNull()
  giveBack()
  await rig.clock.advance(5_000)
  expect(rig.outcome).toMatchObject({ reason: 'everybody_left', failed: false })
  expect((await rig.store.meeting(rig.meeting.id)).state).toBe('finalising')
  expect(rig.clock.pending).toBe(0)
})

test('41 at shutdown the end waits 30 s for a store that is away, and holds nothing open after that', async () => {
  const rig = new BotRig()
  await rig.start()
  rig.room.connection.participant('ann', 'Ann')
  takeAway(rig)
  const ended = rig.end().catch((error: unknown) => error)
  rig.stop.abort(new Error('shutdown'))
  expect(await ended).toMatchObject({ code: 'database_unreachable' })
  expect(rig.clock.pending).toBe(0)
})

describe('41 the store goes away, and then the process is to stop, after a takeover', () => {
  let rig: AttendanceRig
  let two: AttendanceProcess
  let id: MeetingId
  const taken = async () => (await rig.store.gaps(id)).filter(({ reason }) => reason === 'taken_over')

  beforeEach(async () => {
    rig = new AttendanceRig()
    const one = rig.process('one')
    two = rig.process('two')
    id = await rig.meeting()
    one.attend(id)
    await rig.clock.settle()
    await rig.speak(one, 'ana', 6_000)
    one.stt.last.emit({ channel: 0, startSec: 4, endSec: 5, text: 'said last' })
    await rig.clock.advance(6_000)
    // what waits for its text was told of before
    const [session] = await rig.store.sessions(id)
    const pendingTexts = [{ identity: asIdentity('ana'), fromMs: 1_000, toMs: 3_000 }]
    const left = { segments: [], spans: [], sessions: [{ ...session!, pendingTexts }], gaps: [{ ...gapFrom(0), toMs: 3_500 }] }
    await rig.store.adopt({ meetingId: id, epoch: 1 }, left)
    two.stt.results = () => Promise.resolve({ utterances: [], isWhole: false })
    one.silence()
    two.attend(id)
    await rig.clock.advance(3_000)
    await rig.speak(two, 'ana', 3_000)
    await rig.clock.advance(6_000)
  })

  it('the end waits no longer than of any meeting for what the bot before had written down', async () => {
    rig.store.gaps = away
    two.attendance.leave('stop')
    await rig.clock.advance(60_000)
    expect([two.jobs, two.attendance.running]).toEqual([['away'], 0])
  })

  it('what was read of it before is not told once more', async () => {
    const before = await taken()
    const { gaps } = rig.store
    rig.store.gaps = away
    two.attendance.leave('stop')
    await rig.clock.advance(20_000)
    rig.store.gaps = gaps
    await rig.clock.advance(5_000)
    expect([two.jobs, two.attendance.running]).toEqual([['done'], 0])
    expect(await taken()).toEqual(before)
  })
})
