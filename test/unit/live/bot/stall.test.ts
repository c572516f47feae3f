import { describe, expect, test } from 'vitest'
import { createEvents } from '../../../../src/observe/events.js'
import { FakeStt } from '../../../support/fake-stt.js'
import { arrivedAt, ScribeRig } from '../../../support/scribe-rig.js'

const PEOPLE = ['ann', 'bob', 'cyd'] as const

describe('32 an event loop that stands still', () => {
  test.each([100, 500, 1_000, 2_000, 5_000, 10_000])(
    '32 for %i ms while three people speak: nothing of them is lost, and no gap is told',
    async (ms) => {
      const stt = new FakeStt()
      const rig = new ScribeRig(stt)
      for (const name of PEOPLE) rig.join(name)
      await rig.talk(PEOPLE, 2_000)
      await rig.stall(PEOPLE, ms)
      await rig.talk(PEOPLE, 2_000)
      const receipt = await rig.finish()
      const truth = rig.truth(arrivedAt(stt.sessions))
      for (const [identity, { speechMs, lostMs }] of truth) {
        const row = receipt.rows.find((one) => one.identity === identity)
        expect({ identity, speechMs, lostMs }).toEqual({ identity, speechMs: 4_000 + ms, lostMs: 0 })
        expect({ speechMs: row?.speechMs, lostMs: row?.lostMs, gaps: row?.gaps }).toEqual({ speechMs, lostMs: 0, gaps: [] })
      }
      expect(receipt).toMatchObject({ complete: true, doubts: [] })
    },
  )

  test('32 for a second: the mixer is counted as asked a second late, once', async () => {
    const late: number[] = []
    const business = { ...createEvents(null), mixerTicked: (lateSec: number) => late.push(lateSec) }
    const rig = new ScribeRig(new FakeStt(), { business })
    rig.join('ann')
    await rig.talk(['ann'], 500)
    await rig.stall(['ann'], 1_000)
    await rig.talk(['ann'], 500)
    await rig.finish()
    // a tick of this clock comes at the end of a block: up to 40 ms late
    expect(late.map((sec) => Math.round(sec * 10) / 10).filter((sec) => sec > 0)).toEqual([1])
  })

  test('32 again and again: each stall is caught up with', async () => {
    const stt = new FakeStt()
    const rig = new ScribeRig(stt)
    for (const name of PEOPLE) rig.join(name)
    for (let n = 0; n < 5; n++) {
      await rig.talk(PEOPLE, 1_000)
      await rig.stall(PEOPLE, 3_000)
    }
    await rig.talk(PEOPLE, 1_000)
    const receipt = await rig.finish()
    const truth = [...rig.truth(arrivedAt(stt.sessions)).values()]
    expect(truth).toEqual(PEOPLE.map(() => ({ speechMs: 21_000, lostMs: 0 })))
    expect(receipt.complete).toBe(true)
  })

  test('32 for 45 s, beyond what is promised: what is lost is told as a gap, and the meeting goes on', async () => {
    const stt = new FakeStt()
    const rig = new ScribeRig(stt)
    for (const name of PEOPLE) rig.join(name)
    await rig.talk(PEOPLE, 2_000)
    await rig.stall(PEOPLE, 45_000)
    await rig.talk(PEOPLE, 2_000)
    const receipt = await rig.finish()
    for (const [identity, { lostMs }] of rig.truth(arrivedAt(stt.sessions))) {
      const row = receipt.rows.find((one) => one.identity === identity)
      expect(lostMs).toBeGreaterThan(0)
      expect({ lostMs: row?.lostMs, isTold: (row?.gaps.length ?? 0) > 0 }).toEqual({ lostMs, isTold: true })
    }
    expect(receipt.complete).toBe(false)
    expect(rig.faults).toEqual([])
  })
})
