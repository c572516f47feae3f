import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { asIdentity } from '../../../../src/core/ids.js'
import type { SttGap } from '../../../../src/live/stt/port.js'
import type { Coverage } from '../../../../src/live/transcript/coverage.js'
import { totalOf } from '../../../../src/live/transcript/coverage.js'
import { silentLogger, type Logger } from '../../../../src/observe/logger.js'
import { FakeStt, type FakeSttSession } from '../../../support/fake-stt.js'
import { arrivedAt, loseSession, ScribeRig } from '../../../support/scribe-rig.js'

/** Loses frames of a session, and remembers which. */
class Injection {
  readonly unheard = new Map<FakeSttSession, SttGap[]>()

  lose(session: FakeSttSession, fromFrame: number, toFrame: number, reason: SttGap['reason'] = 'buffer_full'): void {
    const gap = { fromFrame, toFrame, reason }
    this.unheard.set(session, [...(this.unheard.get(session) ?? []), gap])
    session.emitGap(gap)
  }
}

/** The receipt says exactly what was spoken and what the speech service did not get. */
function expectTruth(rig: ScribeRig, stt: FakeStt, receipt: Coverage, injected = new Injection()): number {
  const truth = rig.truth(arrivedAt(stt.sessions, injected.unheard))
  for (const [identity, told] of truth) {
    const row = receipt.rows.find((one) => one.identity === identity)
    expect({ identity, speechMs: row?.speechMs, lostMs: row?.lostMs }).toEqual({ identity, ...told })
    expect(row!.sentSpeechMs + row!.lostMs + row!.waitingMs + row!.unaccountedMs).toBe(row!.speechMs)
    expect(row!.unaccountedMs).toBe(0)
    // a loss without a place and a reason is no receipt
    const inGaps = row!.gaps.reduce((sum, gap) => sum + gap.toMs - gap.fromMs, 0)
    expect(inGaps).toBeGreaterThanOrEqual(row!.lostMs - row!.gaps.length)
  }
  const lostMs = [...truth.values()].reduce((sum, one) => sum + one.lostMs, 0)
  expect(totalOf(receipt.rows).lostMs).toBe(lostMs)
  if (lostMs > 0) expect(receipt.complete).toBe(false)
  return lostMs
}

describe('losses in the receipt', () => {
  it('a meeting without faults has none and is complete', async () => {
    const stt = new FakeStt()
    const rig = new ScribeRig(stt)
    for (const name of ['ann', 'bob', 'cyd']) rig.join(name)
    await rig.talk(['ann', 'bob'], 3000)
    await rig.talk(['ann', 'bob', 'cyd'], 1000, false)
    for (let block = 0; block < 40; block++) {
      await rig.block(
        new Map([
          ['ann', false],
          ['bob', false],
          ['cyd', true],
        ]),
      )
    }
    const receipt = await rig.finish()
    expect(expectTruth(rig, stt, receipt)).toBe(0)
    expect(receipt).toMatchObject({ complete: true, doubts: [] })
    expect(rig.told).toEqual([])
  })

  it('frames that the replay buffer let go are lost as far as they were voice, to the frame', async () => {
    const stt = new FakeStt()
    const rig = new ScribeRig(stt)
    const injected = new Injection()
    rig.join('ann')
    await rig.talk(['ann'], 3000)
    await rig.talk(['ann'], 2000, false)
    injected.lose(stt.last, 16_001, 24_050)
    // block by block, as a full buffer does
    for (let frame = 24_050; frame < 28_050; frame += 400) injected.lose(stt.last, frame, frame + 400)
    const receipt = await rig.finish()
    expect(expectTruth(rig, stt, receipt, injected)).toBe(Math.ceil((28_050 - 16_001) / 16))
    expect(receipt.rows[0]).toMatchObject({ lostBy: { buffer_full: 754 }, gaps: [{ fromMs: 1000, toMs: 1754, reason: 'buffer_full' }] })
    // told while the meeting goes on too, as one
    expect(rig.told).toEqual(receipt.rows[0]!.gaps)
  })

  it('silence that did not arrive is no loss', async () => {
    const stt = new FakeStt()
    const rig = new ScribeRig(stt)
    const injected = new Injection()
    rig.join('ann')
    await rig.talk(['ann'], 1000)
    await rig.talk(['ann'], 4000, false)
    const { sentFrames } = stt.last
    injected.lose(stt.last, sentFrames - 8000, sentFrames)
    const receipt = await rig.finish()
    expect(expectTruth(rig, stt, receipt, injected)).toBe(0)
    expect(receipt.complete).toBe(true)
    expect(rig.told).toEqual([])
  })

  it.each([true, false])('a dead session loses what it had not confirmed, unless that is sent again: %s', async (isRecovered) => {
    const stt: FakeStt = new FakeStt((session) => {
      // the one that repeats is told apart below
      if (stt.sessions.length === 2) Object.assign(session, { autoAcknowledge: isRecovered, autoFinish: isRecovered })
    })
    const rig = new ScribeRig(stt)
    rig.join('ann')
    await rig.talk(['ann'], 1000)
    const [first] = stt.sessions
    first!.autoAcknowledge = false
    await rig.talk(['ann'], 1500)
    first!.end('session_lost', true)
    const [, repeated] = stt.sessions
    expect(repeated!.sentFrames).toBe(first!.sentFrames - first!.acknowledgedFrames)
    await rig.talk(['ann'], 500)
    const finished = rig.finish()
    await rig.clock.settle()
    if (!isRecovered) repeated!.end('drain_timeout', false)
    const receipt = await finished
    expect(expectTruth(rig, stt, receipt)).toBe(isRecovered ? 0 : repeated!.sentFrames / 16)
    expect(receipt.complete).toBe(isRecovered)
    expect(receipt.rows[0]!.lostBy).toEqual(isRecovered ? {} : { drain_timeout: repeated!.sentFrames / 16 })
  })

  it('7 P4 what an ending session could not get through in its time is sent again while the meeting goes on', async () => {
    const stt: FakeStt = new FakeStt((session) => {
      if (stt.sessions.length === 2) Object.assign(session, { autoAcknowledge: false, autoFinish: false })
    })
    const rig = new ScribeRig(stt)
    rig.join('ann')
    await rig.talk(['ann'], 1000)
    stt.last.autoAcknowledge = false
    await rig.talk(['ann'], 1500)
    stt.last.end('session_lost', true)
    const [, repeated] = stt.sessions
    await rig.talk(['ann'], 500)
    expect(repeated!.finishDeadlineMs).not.toBeNull()
    repeated!.end('drain_timeout', false)
    await rig.talk(['ann'], 500)
    expect(stt.sessions.filter(({ options }) => options.backlog !== undefined)).toHaveLength(2)
    const receipt = await rig.finish()
    expect(expectTruth(rig, stt, receipt)).toBe(0)
    expect(receipt.complete).toBe(true)
  })

  it('4 I4 a loss is told before any later text, and before the record says that its session is over', async () => {
    const stt = new FakeStt()
    const rig = new ScribeRig(stt)
    rig.join('ann')
    await rig.talk(['ann'], 3_000)
    stt.last.emitGap({ fromFrame: 0, toFrame: 16_000, reason: 'buffer_full' })
    expect(rig.told).toEqual([])
    stt.last.emit({ channel: 0, text: 'later', startSec: 2, endSec: 3 })
    expect(rig.told.map(({ reason }) => reason)).toEqual(['buffer_full'])
    stt.last.autoAcknowledge = false
    await rig.talk(['ann'], 1_000)
    stt.last.end('session_lost', false)
    await Promise.resolve()
    expect(rig.told.map(({ reason }) => reason)).toEqual(['buffer_full', 'session_lost'])
    expect(rig.gapsBefore[rig.records.findIndex(({ endReason }) => endReason === 'session_lost')]).toBe(2)
    await rig.finish()
  })

  it('4 a dead session whose acknowledged texts are not to be had has lost the voice that no text came for, whatever was sent again', async () => {
    const stt = new FakeStt()
    const rig = new ScribeRig(stt)
    rig.join('ann')
    rig.join('bob')
    await rig.talk(['ann'], 2000)
    stt.last.emit({ channel: 0, text: 'came', startSec: 0, endSec: 1.5 })
    await rig.talk(['ann', 'bob'], 3000)
    await rig.talk(['ann', 'bob'], 4000, false)
    await rig.talk(['ann'], 1000)
    stt.last.autoAcknowledge = false
    await rig.talk(['ann'], 1000)
    stt.last.hasAllTexts = false
    stt.last.end('session_lost', true)
    await Promise.resolve()
    // whoever takes the meeting over believes of a session that is over that all is told
    expect(rig.gapsBefore[rig.records.findIndex(({ endReason }) => endReason === 'session_lost')]).toBe(3)
    const receipt = await rig.finish()
    const [ann, bob] = ['ann', 'bob'].map((name) => receipt.rows.find((row) => row.identity === asIdentity(name))!)
    // 2.5 s to 5 s, and what was acknowledged after a pause; the rest was sent again
    expect(ann).toMatchObject({ speechMs: 7000, lostMs: 3450, lostBy: { session_lost: 3450 } })
    expect(ann!.gaps.map(({ fromMs, toMs }) => [fromMs, toMs])).toEqual([
      [2500, 5000],
      [9000, 9950],
    ])
    expect(bob).toMatchObject({ speechMs: 3000, lostMs: 3000 })
    // told while the meeting goes on too
    const told = rig.told.filter(({ reason }) => reason === 'session_lost').toSorted((a, b) => a.fromMs - b.fromMs)
    expect(told.map(({ identity, fromMs, toMs }) => [identity, fromMs, toMs])).toEqual([
      ['bob', 2000, 5000],
      ['ann', 2500, 5000],
      ['ann', 9000, 9950],
    ])
    expect(receipt).toMatchObject({ complete: false, doubts: ['session', 'lost', 'gaps'] })
  })

  it('3 voice whose text may have been told while no connection stood is in the record of its session until its text is there', async () => {
    const stt = new FakeStt()
    const rig = new ScribeRig(stt)
    rig.join('ann')
    rig.join('bob')
    await rig.talk(['ann', 'bob'], 2000)
    await rig.talk(['ann', 'bob'], 1000, false)
    await rig.talk(['ann'], 1000)
    stt.last.emit({ channel: 0, text: 'came', startSec: 0, endSec: 2 })
    const pending = () => rig.records.findLast(({ sessionId }) => sessionId === stt.last.sessionId)?.pendingTexts
    expect(pending()).toBeUndefined()
    stt.last.events.pending?.({ fromFrame: 0, toFrame: stt.last.acknowledgedFrames })
    expect(pending()).toEqual([
      { identity: 'ann', fromMs: 3000, toMs: 3950 },
      { identity: 'bob', fromMs: 0, toMs: 2000 },
    ])
    stt.last.emit({ channel: 1, text: 'came late', startSec: 0, endSec: 2 })
    await rig.talk(['bob'], 6000, false)
    expect(pending()).toEqual([{ identity: 'ann', fromMs: 3000, toMs: 3950 }])
    await rig.finish()
    // the result had all there is
    expect(rig.records.at(-1)).toMatchObject({ endReason: 'done' })
    expect(pending()).toBeUndefined()
  })

  it('6 P1 after a refusal before anything worked, all that is said is lost, and the meeting fails', async () => {
    const stt = new FakeStt((session) => queueMicrotask(() => session.end('payment_required', false)))
    const rig = new ScribeRig(stt)
    rig.join('ann')
    await rig.talk(['ann'], 3000)
    const receipt = await rig.finish()
    expect(rig.failures).toEqual(['speech_payment_required'])
    expect(expectTruth(rig, stt, receipt)).toBeGreaterThanOrEqual(2000)
  })

  it('6 P1 P5 what was heard until it refused stays on the disk', async () => {
    const stt: FakeStt = new FakeStt((session) => {
      Object.assign(session, { autoAcknowledge: false, isTaken: false })
      rig.clock.after(2000, () => session.end('unauthorized', false))
    })
    const rig = new ScribeRig(stt)
    rig.join('ann')
    await rig.talk(['ann'], 4000)
    const receipt = await rig.finish()
    expect(rig.failures).toEqual(['speech_unauthorized'])
    expectTruth(rig, stt, receipt)
    await rig.scribe.letGo()
    expect(stt.sessions[0]!.taken).toMatchObject({ isLeft: true })
    expect(stt.sessions[0]!.taken!.frames).toBeGreaterThan(16_000)
  })

  it.each([false, true])(
    '7 P5 what a full buffer let go of audio that is not sent at all in the end is told once (repeated: %s)',
    async (isRepeated) => {
      const stt = new FakeStt((session) => Object.assign(session, { autoAcknowledge: false, autoFinish: false }))
      const rig = new ScribeRig(stt)
      const injected = new Injection()
      rig.join('ann')
      await rig.talk(['ann'], 9000)
      injected.lose(stt.last, 48_000, 80_000)
      if (isRepeated) stt.last.end('session_lost')
      rig.scribe.hurry()
      const finished = rig.finish()
      await rig.clock.settle()
      for (const session of stt.sessions) session.end('drain_timeout')
      const receipt = await finished
      expectTruth(rig, stt, receipt, injected)
      const told = rig.told.toSorted((a, b) => a.fromMs - b.fromMs)
      expect(told.filter(({ reason }) => reason === 'buffer_full')).toMatchObject([{ fromMs: 3000, toMs: 5000 }])
      for (const [at, gap] of told.entries()) expect(gap.fromMs).toBeGreaterThanOrEqual(told[at - 1]?.toMs ?? 0)
    },
  )

  it('6 P2 a refusal later costs nothing when it is put right: audio is kept in sessions that are held back', async () => {
    const stt = new FakeStt()
    const rig = new ScribeRig(stt)
    rig.join('ann')
    await rig.talk(['ann'], 1000)
    stt.last.autoAcknowledge = false
    await rig.talk(['ann'], 1000)
    stt.last.end('payment_required', false)
    await rig.talk(['ann'], 2000)
    // what is said is kept and asked for; what was said before waits for the answer
    expect(stt.sessions.slice(1).map(({ options }) => [options.holdMs, options.backlog])).toEqual([[600_000, undefined]])
    const receipt = await rig.finish()
    expect(rig.failures).toEqual([])
    expect(stt.sessions).toHaveLength(3)
    expect(expectTruth(rig, stt, receipt)).toBe(0)
    expect(receipt.complete).toBe(true)
  })

  it('6 P2 P4 a session that the service has not taken is not asked to end, however little it has: it would be created at once', async () => {
    const stt = new FakeStt()
    const rig = new ScribeRig(stt)
    rig.join('ann')
    await rig.talk(['ann'], 1000)
    stt.last.autoAcknowledge = false
    await rig.talk(['ann'], 500)
    stt.last.end('payment_required', false)
    await rig.talk(['ann'], 30_000)
    const [, held] = stt.sessions
    expect([held!.options.holdMs, held!.finishDeadlineMs]).toEqual([600_000, null])
    // it is put right: the session that repeats what was lost ends when it has been taken, and nothing is held back any more
    held!.emitPhase('live')
    const again = stt.last
    expect(again.options.backlog).toBeDefined()
    again.emitPhase('live')
    await rig.talk(['ann'], 100)
    expect(again.ended).toBe('done')
    held!.end('session_lost')
    expect(stt.sessions.at(-1)?.options.holdMs ?? 0).toBeLessThan(300_000)
    const receipt = await rig.finish()
    expect(expectTruth(rig, stt, receipt)).toBe(0)
  })

  it(
    '6 P2 a service that refuses for long is asked by one session each ten minutes, and what waited comes one after the other',
    { timeout: 60_000 },
    async () => {
      let isRefusing = false
      const asked: number[] = []
      const stt: FakeStt = new FakeStt((session) => {
        const { holdMs = 0 } = session.options
        if (holdMs === 0 && !isRefusing) return
        session.autoAcknowledge = false
        rig.clock.after(holdMs, () => {
          asked.push(rig.clock.monotonicMs())
          if (isRefusing) session.end('payment_required', false)
          else session.emitPhase('live')
        })
      })
      const rig = new ScribeRig(stt)
      rig.join('ann')
      await rig.talk(['ann'], 1000)
      stt.last.autoAcknowledge = false
      await rig.talk(['ann'], 1000)
      isRefusing = true
      stt.last.end('payment_required', false)
      for (let minute = 0; minute < 22; minute++) {
        await rig.talk(['ann'], 1000)
        await rig.talk(['ann'], 59_000, false)
      }
      expect(asked.length).toBe(2)
      for (const [at, ms] of asked.entries()) expect(ms - (asked[at - 1] ?? 0)).toBeGreaterThanOrEqual(599_000)
      expect(stt.sessions.filter(({ ended }) => ended === null)).toHaveLength(1)
      isRefusing = false
      stt.prepare = (session) => Object.assign(session, { autoFinish: false })
      stt.last.autoAcknowledge = true
      await rig.talk(['ann'], 590_000, false)
      expect(asked).toHaveLength(3)
      const repeats = () => stt.sessions.filter(({ options }) => options.backlog !== undefined)
      for (let sent = 1; sent <= asked.length; sent++) {
        expect(repeats().length).toBe(sent)
        repeats().at(-1)!.acknowledgeBacklog()
        repeats().at(-1)!.end('done')
      }
      const receipt = await rig.finish()
      expect(expectTruth(rig, stt, receipt)).toBe(0)
      expect(receipt.complete).toBe(true)
    },
  )

  it('6 P2 what only a session that repeats audio is refused for is asked for again in ten minutes, although another one is live', async () => {
    const stt = new FakeStt()
    const rig = new ScribeRig(stt)
    await loseSession(rig, stt)
    await rig.clock.settle()
    const repeats = () => stt.sessions.filter(({ options }) => options.backlog !== undefined)
    for (let refusal = 1; refusal <= 2; refusal++) {
      repeats().at(-1)!.end('payment_required', false)
      await rig.talk(['ann'], 1000)
      expect(repeats().map(({ ended }) => ended)).toEqual([...Array.from({ length: refusal }, () => 'payment_required'), null])
      expect(repeats().at(-1)!.options.holdMs).toBe(600_000)
      expect(stt.sessions.filter(({ options, ended }) => ended === null && options.backlog === undefined)).toHaveLength(1)
    }
    repeats().at(-1)!.emitPhase('live')
    repeats().at(-1)!.acknowledgeBacklog()
    const receipt = await rig.finish()
    expect(expectTruth(rig, stt, receipt)).toBe(0)
  })

  it('6 P2 P5 one that still refuses at the end is asked once more, and what it never took is a gap and stays on the disk', async () => {
    const stt = new FakeStt()
    const rig = new ScribeRig(stt)
    rig.join('ann')
    await rig.talk(['ann'], 1000)
    stt.last.autoAcknowledge = false
    stt.prepare = (session) => Object.assign(session, { autoAcknowledge: false, autoFinish: false })
    for (let refusal = 0; refusal < 3; refusal++) {
      await rig.talk(['ann'], 1000)
      stt.last.end('payment_required', false)
    }
    await rig.talk(['ann'], 1000)
    const finished = rig.finish()
    await rig.clock.settle()
    expect(stt.last.finishDeadlineMs).not.toBeNull()
    stt.last.end('payment_required', false)
    const receipt = await finished
    const taken = stt.sessions.map((session) => session.taken).filter((one) => one !== null)
    expect([stt.sessions.length, taken.length]).toEqual([4, 4])
    await rig.scribe.letGo()
    expect(taken.every(({ isLeft }) => isLeft)).toBe(true)
    const lostMs = expectTruth(rig, stt, receipt)
    expect(Math.round(lostMs / 1000)).toBe(4)
    expect(receipt.complete).toBe(false)
  })

  it('6 one incident of a service is told once, however many meetings it refuses', async () => {
    const stt = new FakeStt()
    const errors: string[] = []
    const logger = { ...silentLogger, error: (_: object, text: string) => errors.push(text) } as Logger
    const rigs = [new ScribeRig(stt, { logger }), new ScribeRig(stt, { logger })]
    const refuse = async () => {
      for (const rig of rigs) {
        rig.join('ann')
        await rig.talk(['ann'], 1000)
      }
      for (const session of stt.sessions.filter(({ ended }) => ended === null)) session.end('payment_required', false)
    }
    await refuse()
    await refuse()
    expect(errors).toEqual(['the speech service refuses: audio is kept until it is put right'])
    stt.last.emitPhase('live')
    await refuse()
    expect(errors).toHaveLength(2)
    for (const rig of rigs) await rig.finish()
  })

  it('4 P3 what a death takes is opened at once when none has died for five minutes, else two minutes later; nothing is lost', async () => {
    const stt = new FakeStt()
    const rig = new ScribeRig(stt)
    rig.join('ann')
    for (let death = 0; death < 5; death++) {
      await rig.talk(['ann'], 1000)
      stt.last.end('session_lost')
    }
    const held = () => stt.sessions.map(({ options }) => options.holdMs ?? 0)
    await rig.talk(['ann'], 1000)
    expect(held()).toEqual([0, 0, 119_000, 238_000, 357_000, 476_000])
    await rig.talk(['ann'], 476_000 + 300_000, false)
    await rig.talk(['ann'], 1000)
    stt.last.end('session_lost')
    await rig.talk(['ann'], 1000)
    const receipt = await rig.finish()
    expect(rig.failures).toEqual([])
    expect(held().at(-1)).toBe(0)
    expect(expectTruth(rig, stt, receipt)).toBe(0)
  })

  it('4 P3 a service that ends every session as soon as it is open is asked for two at once, then for three in two minutes at most', async () => {
    const opened: number[] = []
    const stt: FakeStt = new FakeStt((session) => {
      session.autoAcknowledge = false
      // the first one has worked for a second
      rig.clock.after((session.options.holdMs ?? 0) + (opened.length === 0 ? 1000 : 100), () => {
        opened.push(rig.clock.monotonicMs())
        session.emitPhase('live')
        session.end('session_lost')
      })
    })
    const rig = new ScribeRig(stt)
    rig.join('ann')
    await rig.talk(['ann'], 11 * 60_000)
    const firstMs = opened[0] ?? 0
    const within = (fromMs: number, toMs: number) => opened.filter((at) => at > firstMs + fromMs && at <= firstMs + toMs).length
    expect(within(0, 110_000)).toBe(2)
    for (let at = 110_000; at < 600_000; at += 120_000) expect(within(at, at + 120_000)).toBeLessThanOrEqual(3)
    // what is said never waits longer, however much there is to repeat
    const waits = stt.sessions.flatMap(({ options }) => (options.backlog === undefined ? [options.holdMs ?? 0] : []))
    expect(waits.length).toBeGreaterThanOrEqual(6)
    expect(Math.max(...waits)).toBeLessThanOrEqual(120_000)
    for (const session of stt.sessions) session.autoAcknowledge = true
  })

  it('7 P4 a session that is to end in an outage waits for it to be over', async () => {
    const stt = new FakeStt()
    const rig = new ScribeRig(stt, { channels: { max: 4, mode: 'fixed' } })
    rig.join('ann')
    await rig.talk(['ann'], 1000)
    const [first] = stt.sessions
    first!.autoAcknowledge = false
    await rig.talk(['ann'], 5000)
    for (const name of ['bob', 'cyd', 'dee']) rig.join(name)
    await rig.talk(['ann', 'bob', 'cyd', 'dee'], 3000)
    await rig.talk(['ann', 'bob', 'cyd', 'dee'], 20_000, false)
    expect(stt.sessions.length).toBeGreaterThan(1)
    expect(first!.finishDeadlineMs).toBe(null)
    first!.acknowledge(first!.sentFrames)
    await rig.talk(['ann'], 50, false)
    expect(first!.finishDeadlineMs).toBe(5000)
    const receipt = await rig.finish()
    expect(expectTruth(rig, stt, receipt)).toBe(0)
  })

  it('a full ring loses what it let go, and no more', async () => {
    const stt = new FakeStt()
    const rig = new ScribeRig(stt, { channels: { max: 1, mode: 'fixed' } })
    const names = ['ann', 'bob', 'cyd', 'dora']
    for (const name of names) rig.join(name)
    // four who never pause on one channel: three quarters of it cannot be sent
    await rig.talk(names, 40_000)
    const receipt = await rig.finish()
    const lostMs = expectTruth(rig, stt, receipt)
    expect(lostMs).toBeGreaterThan(3000)
    expect(receipt.rows.flatMap((row) => row.gaps.map(({ reason }) => reason))).toEqual(
      expect.arrayContaining([expect.stringMatching(/ring_full|no_channel/)]),
    )
    expect(receipt.rows.some((row) => row.waits.maxMs > 1000)).toBe(true)
  })

  it.each([200, 500, 1000])('%i ms of frames that never came in mid-speech are lost speech, within 0.1 s', async (ms) => {
    const stt = new FakeStt()
    const rig = new ScribeRig(stt)
    rig.join('ann')
    rig.join('bob')
    await rig.talk(['ann', 'bob'], 4000)
    await rig.talk(['bob'], ms)
    await rig.talk(['ann', 'bob'], 6000)
    const receipt = await rig.finish()
    const [ann, bob] = ['ann', 'bob'].map((name) => receipt.rows.find((row) => row.identity === asIdentity(name))!)
    expect(Math.abs(ann!.lostMs - ms)).toBeLessThanOrEqual(100)
    expect(ann).toMatchObject({ speechMs: 10_000 + ann!.lostMs, sentSpeechMs: 10_000, lostBy: { not_received: ann!.lostMs } })
    expect(bob).toMatchObject({ speechMs: 10_000 + ms, lostMs: 0, gaps: [] })
    expect(receipt.complete).toBe(false)
  })

  it('whatever is lost at random, the receipt says exactly that, and nothing that was not', { timeout: 60_000 }, async () => {
    const talk = fc.record({
      who: fc.subarray(['ann', 'bob', 'cyd', 'dora', 'eve'], { minLength: 1 }),
      blocks: fc.integer({ min: 1, max: 20 }),
      next: fc.oneof(
        { weight: 3, arbitrary: fc.constant('nothing' as const) },
        fc.constantFrom('lose' as const, 'withhold' as const, 'acknowledge' as const, 'die' as const, 'mute' as const, 'leave' as const),
      ),
      at: fc.nat(1000),
      frames: fc.integer({ min: 1, max: 20_000 }),
    })
    const plan = fc.record({ max: fc.constantFrom(1, 2, 4), mode: fc.constantFrom('fixed' as const, 'auto' as const) })
    await fc.assert(
      fc.asyncProperty(plan, fc.array(talk, { minLength: 1, maxLength: 10 }), async (channels, steps) => {
        const stt = new FakeStt()
        const rig = new ScribeRig(stt, { channels })
        const injected = new Injection()
        const all = ['ann', 'bob', 'cyd', 'dora', 'eve']
        const here = new Set(all)
        for (const name of all) rig.join(name)
        for (const { who, blocks, next, at, frames } of steps) {
          for (let block = 0; block < blocks; block++) {
            await rig.block(new Map(all.filter((name) => here.has(name)).map((name) => [name, who.includes(name)])))
          }
          const session = stt.sessions.findLast((one) => one.ended === null)
          const name = who[0] ?? 'ann'
          if (next === 'mute' || next === 'leave') {
            if (here.delete(name)) rig.scribe.trackEnded(`microphone:${name}` as never, next === 'mute')
            else {
              here.add(name)
              rig.join(name)
            }
          }
          if (!session) continue
          if (next === 'withhold') session.autoAcknowledge = false
          if (next === 'acknowledge') {
            session.autoAcknowledge = true
            session.acknowledge(session.sentFrames)
          }
          if (next === 'die') session.end('session_lost', true)
          // a buffer lets go of what it would have to send again: what is sent again was not let go
          if (next === 'lose' && session.acknowledgedFrames === session.sentFrames) {
            const from = Math.floor((session.sentFrames * at) / 1000)
            const to = Math.min(session.sentFrames, from + frames)
            if (to > from) injected.lose(session, from, to)
          }
        }
        // what was withheld is confirmed at the end, or the sessions would not end well
        for (const session of stt.sessions) if (session.ended === null) session.acknowledge(session.sentFrames)
        for (const session of stt.sessions) session.autoAcknowledge = true
        const receipt = await rig.finish()
        const lostMs = expectTruth(rig, stt, receipt, injected)
        if (lostMs === 0 && rig.failures.length === 0) expect(receipt).toMatchObject({ complete: true, doubts: [] })
      }),
      { numRuns: 15 },
    )
  })
})
