import { describe, expect, it, test } from 'vitest'
import { AttendanceRig } from '../../../support/attendance-rig.js'
import { BotRig } from '../../../support/bot-rig.js'

const micOf = (identity: string) => `microphone:${identity}`

describe('tracks over capacity', () => {
  it('are a gap of their person from the refusal until they are heard, and the transcript is not complete', async () => {
    const rig = new BotRig()
    await rig.start()
    const ann = rig.room.connection.start('ann')
    await rig.speak(ann, 1_000)
    rig.room.connection.stop('ann', 'muted')
    rig.room.connection.refuse('bob')
    await rig.clock.advance(3_000)
    const bob = rig.room.connection.start('bob')
    await rig.speak(bob, 500)
    rig.stop.abort()
    expect(await rig.end()).toMatchObject({ complete: false })
    const gap = { identity: 'bob', fromMs: 1_020, toMs: 4_020, reason: 'over_capacity' }
    expect(await rig.store.gaps(rig.meeting.id)).toEqual([gap])
    const coverage = await rig.store.coverage(rig.meeting.id)
    expect(coverage?.rows.find((row) => row.identity === 'bob')?.gaps).toEqual([gap])
    expect(coverage?.rows.find((row) => row.identity === 'ann')?.gaps).toEqual([])
  })

  it('and those that do not arrive are a gap from when they should have', async () => {
    const rig = new BotRig()
    await rig.start()
    await rig.clock.advance(7_000)
    rig.room.connection.refuse('bob', 'not_received', 5_000)
    await rig.clock.advance(3_000)
    const bob = rig.room.connection.start('bob')
    await rig.speak(bob, 500)
    rig.stop.abort()
    expect(await rig.end()).toMatchObject({ complete: false })
    expect(await rig.store.gaps(rig.meeting.id)).toEqual([{ identity: 'bob', fromMs: 2_000, toMs: 10_000, reason: 'not_received' }])
  })

  it('show a person who was never heard in coverage, under their name', async () => {
    const rig = new BotRig()
    await rig.start()
    rig.room.connection.participant('bob', 'Bob')
    const key = rig.room.connection.refuse('bob')
    await rig.clock.advance(2_000)
    // muted
    rig.room.connection.withdraw(key)
    await rig.clock.advance(2_000)
    rig.room.connection.refuse('bob')
    await rig.clock.advance(500)
    rig.room.connection.leave('bob')
    rig.stop.abort()
    expect(await rig.end()).toMatchObject({ complete: false })
    const rows = (await rig.store.coverage(rig.meeting.id))?.rows ?? []
    expect(rows.map(({ identity, name, gaps }) => ({ identity, name, gaps: gaps.map(({ fromMs, toMs }) => [fromMs, toMs]) }))).toEqual([
      {
        identity: 'bob',
        name: 'Bob',
        gaps: [
          [0, 2_000],
          [4_000, 4_500],
        ],
      },
    ])
  })

  it.each([
    ['the end of the meeting', (rig: BotRig) => rig.stop.abort()],
    ['the end of the connection', (rig: BotRig) => rig.room.connection.end('removed')],
  ])('last until %s at most', async (_what, end) => {
    const rig = new BotRig()
    await rig.start()
    rig.room.connection.refuse('bob')
    await rig.clock.advance(1_500)
    end(rig)
    await rig.clock.settle()
    await rig.end()
    expect(await rig.store.gaps(rig.meeting.id)).toEqual([{ identity: 'bob', fromMs: 0, toMs: 1_500, reason: 'over_capacity' }])
  })

  it('end with a connection that is lost, and begin anew with the next one', async () => {
    const rig = new BotRig()
    await rig.start()
    rig.room.connection.refuse('bob')
    await rig.clock.advance(1_500)
    rig.room.connection.end('connection_lost')
    await rig.clock.advance(2_000)
    rig.room.connection.refuse('bob')
    await rig.clock.advance(1_000)
    rig.stop.abort()
    await rig.clock.settle()
    await rig.end()
    const gaps = (await rig.store.gaps(rig.meeting.id)).filter(({ reason }) => reason === 'over_capacity')
    expect(gaps.map(({ identity, fromMs, toMs }) => [identity, fromMs, toMs])).toEqual([
      ['bob', 0, 1_500],
      ['bob', 3_500, 4_500],
    ])
  })

  it('are refused once, however often that is said', async () => {
    const rig = new BotRig()
    await rig.start()
    rig.room.connection.refuse('bob')
    await rig.clock.advance(1_000)
    const key = rig.room.connection.refuse('bob')
    expect(key).toBe(micOf('bob'))
    await rig.clock.advance(1_000)
    rig.room.connection.withdraw(key)
    rig.stop.abort()
    await rig.end()
    expect((await rig.store.gaps(rig.meeting.id)).map(({ fromMs, toMs }) => [fromMs, toMs])).toEqual([[0, 2_000]])
  })
})

test('a track over capacity of somebody whom nobody has heard since a takeover is one gap until it is heard', async () => {
  const rig = new AttendanceRig()
  const [one, two] = [rig.process('one'), rig.process('two')]
  const id = await rig.meeting()
  one.attend(id)
  await rig.clock.settle()
  await rig.speak(one, 'ann', 8_000)
  await rig.clock.advance(6_000)
  one.silence()
  two.attend(id)
  while (two.room.connections.length === 0) await rig.clock.advance(100)
  two.room.connection.refuse('ann')
  await rig.clock.advance(1_500)
  await rig.speak(two, 'ann', 2_000)
  await rig.clock.advance(15_000)
  const gaps = (await rig.store.gaps(id)).toSorted((a, b) => a.fromMs - b.fromMs)
  expect(gaps.length).toBeGreaterThan(1)
  for (const [at, { fromMs }] of gaps.entries()) expect(fromMs).toBe(gaps[at - 1]?.toMs ?? 0)
  await rig.end()
})
