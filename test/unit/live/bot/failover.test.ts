import { describe, expect, it } from 'vitest'
import { newMeetingId, newSessionId } from '../../../../src/core/ids.js'
import { FailoverStt } from '../../../../src/live/stt/failover.js'
import { silentLogger } from '../../../../src/observe/logger.js'
import { FakeStt } from '../../../support/fake-stt.js'
import { ManualClock } from '../../../support/manual-clock.js'
import { arrivedAt, ScribeRig } from '../../../support/scribe-rig.js'

const AFTER_MS = 60_000

/** Two services whose sessions the test ends, and a meeting that uses them; the primary is back when the test says so. */
function rigOf() {
  const primary = new FakeStt()
  const fallback = new FakeStt()
  const clock = new ManualClock()
  const state = { isBack: false }
  const errors: string[] = []
  const stt = new FailoverStt({
    primary,
    fallback,
    afterMs: AFTER_MS,
    clock,
    logger: { ...silentLogger, error: (_: object, text: string) => errors.push(text) },
    isBack: () => Promise.resolve(state.isBack),
  })
  const rig = new ScribeRig(stt)
  const lostMs = () => {
    const truth = rig.truth(arrivedAt([...primary.sessions, ...fallback.sessions]))
    return [...truth.values()].map((row) => row.lostMs)
  }
  return { primary, fallback, clock, state, stt, rig, lostMs, errors }
}

/** Opens a session that is to be held back for so long, and that nobody listens to. */
function openHeld(stt: FailoverStt, holdMs: number): void {
  const nothing = () => undefined
  const events = { utterance: nothing, acknowledged: nothing, gap: nothing, phase: nothing, ended: nothing }
  const audio = { channels: 1, sampleRate: 16_000, language: null, vocabulary: [] }
  stt.open({ meetingId: newMeetingId(), sessionId: newSessionId(), ...audio, holdMs }, events)
}

describe('failover', () => {
  it.each(['unreachable', 'unauthorized', 'payment_required'] as const)(
    '6 7 F1 a primary that ends %s costs nothing: its audio and what follows go to the fallback',
    async (reason) => {
      const { primary, fallback, stt, rig, lostMs } = rigOf()
      rig.join('ann')
      await rig.talk(['ann'], 1000)
      primary.last.autoAcknowledge = false
      await rig.talk(['ann'], 2000)
      primary.last.end(reason, reason === 'unreachable')
      expect(stt.isDown).toBe(true)
      await rig.talk(['ann'], 2000)
      const receipt = await rig.finish()
      expect(rig.failures).toEqual([])
      expect(fallback.sessions).toHaveLength(2)
      expect(fallback.sessions.map(({ options }) => options.holdMs)).toEqual([undefined, undefined])
      expect(lostMs()).toEqual([0])
      expect(receipt.complete).toBe(true)
      stt.close()
    },
  )

  it('F1 a session that died of itself is replaced at the primary', async () => {
    const { primary, fallback, stt, rig } = rigOf()
    rig.join('ann')
    await rig.talk(['ann'], 1000)
    primary.last.end('session_lost')
    await rig.talk(['ann'], 1000)
    await rig.finish()
    expect(stt.isDown).toBe(false)
    expect(fallback.sessions).toEqual([])
  })

  it('F1 a session that was out of reach for long is not', async () => {
    const { primary, clock, stt, rig } = rigOf()
    rig.join('ann')
    await rig.talk(['ann'], 1000)
    primary.last.emitPhase('waiting')
    await clock.advance(AFTER_MS)
    primary.last.end('session_lost')
    expect(stt.isDown).toBe(true)
    await rig.finish()
    stt.close()
  })

  it('F1 a session that is held back is not away while it is', async () => {
    const { primary, clock, stt } = rigOf()
    const open = () => openHeld(stt, 120_000)
    for (const [waitMs, isDown] of [
      [120_000 + AFTER_MS / 2 - 1, false],
      [120_000 + AFTER_MS / 2, true],
    ] as const) {
      open()
      await clock.advance(waitMs)
      primary.last.end('session_lost')
      expect(stt.isDown).toBe(isDown)
    }
    stt.close()
  })

  it('F1 what is held back from the primary is not held back from the fallback', () => {
    const { primary, fallback, clock, stt } = rigOf()
    const open = () => openHeld(stt, 60_000)
    open()
    expect(primary.last.options.holdMs).toBe(60_000)
    primary.last.end('unreachable')
    open()
    expect(fallback.last.options.holdMs).toBe(undefined)
    stt.close()
    expect(clock.pending).toBe(0)
  })

  it('6 F1 F2 a fallback that refuses as well is asked again as often as the primary is looked for, and the primary at once when it is back', async () => {
    const { primary, fallback, clock, state, stt, rig, lostMs } = rigOf()
    rig.join('ann')
    await rig.talk(['ann'], 1000)
    primary.last.autoAcknowledge = false
    await rig.talk(['ann'], 1000)
    primary.last.end('unauthorized')
    const refuse = () => {
      for (const session of fallback.sessions.filter(({ ended }) => ended === null)) session.end('unauthorized')
    }
    refuse()
    await rig.talk(['ann'], 5000)
    expect(fallback.sessions.length).toBeLessThan(6)
    expect(fallback.last.options.holdMs).toBe(30_000)
    state.isBack = true
    await clock.advance(30_000)
    // what waited, before anybody speaks
    expect(primary.sessions).toHaveLength(2)
    await rig.talk(['ann'], 1000, false)
    refuse()
    await rig.talk(['ann'], 1000)
    expect(primary.sessions.length).toBeGreaterThan(2)
    expect(primary.sessions.flatMap(({ options }) => options.holdMs ?? [])).toEqual([])
    await rig.finish()
    expect(lostMs()).toEqual([0])
    stt.close()
  })

  it('F1 a fallback that takes a session again is not held back any more', () => {
    const { primary, fallback, stt } = rigOf()
    const open = () => openHeld(stt, 10_000)
    open()
    primary.last.end('unauthorized')
    open()
    fallback.last.end('payment_required')
    open()
    expect(fallback.last.options.holdMs).toBe(10_000)
    fallback.last.emitPhase('live')
    open()
    expect(fallback.last.options.holdMs).toBe(undefined)
    stt.close()
  })

  it('F2 once the primary is back the meeting rolls to it at a pause, and nothing is lost', async () => {
    const { primary, fallback, clock, state, stt, rig, lostMs } = rigOf()
    rig.join('ann')
    await rig.talk(['ann'], 1000)
    primary.last.end('unreachable')
    await rig.talk(['ann'], 2000)
    await clock.advance(90_000)
    expect(stt.isDown).toBe(true)
    state.isBack = true
    await clock.advance(30_000)
    expect(stt.isDown).toBe(false)
    await rig.talk(['ann'], 1000)
    await rig.talk(['ann'], 1000, false)
    await rig.talk(['ann'], 1000)
    await rig.talk(['ann'], 3000, false)
    expect(primary.sessions).toHaveLength(2)
    expect(fallback.last.finishDeadlineMs).toBe(5000)
    const receipt = await rig.finish()
    expect(lostMs()).toEqual([0])
    expect(receipt.complete).toBe(true)
    stt.close()
    expect(clock.pending).toBe(0)
  })

  it('F2 texts of a session that may be at the primary are not known while it is away, and asked for again when it is back', async () => {
    const { primary, fallback, clock, state, stt, rig } = rigOf()
    const of = { vendorId: 'v', sessionId: newSessionId(), channels: 1, sampleRate: 16_000, sentFrames: 16_000 }
    const { signal } = new AbortController()
    const asked: string[] = []
    primary.results = () => Promise.resolve(asked.push('primary') > 0 ? { utterances: [], isWhole: true } : null)
    fallback.results = () => Promise.resolve(asked.push('fallback') > 0 ? null : null)
    rig.join('ann')
    await rig.talk(['ann'], 1000)
    primary.last.end('unreachable')
    expect(await stt.results(of, signal)).toEqual({ utterances: [], isWhole: false })
    state.isBack = true
    await clock.advance(30_000)
    expect(await stt.results(of, signal)).toEqual({ utterances: [], isWhole: true })
    expect(asked).toEqual(['fallback', 'primary'])
    await rig.finish()
    stt.close()
  })

  it('6 F2 a return that does not last is tried half as often the next time, and is the same incident: it was told', async () => {
    const { primary, clock, state, stt, rig, errors } = rigOf()
    rig.join('ann')
    await rig.talk(['ann'], 1000)
    state.isBack = true
    primary.last.end('payment_required')
    await clock.advance(30_000)
    expect(stt.isDown).toBe(false)
    await rig.talk(['ann'], 500)
    await rig.talk(['ann'], 1500, false)
    primary.last.end('payment_required')
    await clock.advance(59_000)
    expect(stt.isDown).toBe(true)
    await clock.advance(1_000)
    expect(stt.isDown).toBe(false)
    expect(errors).toEqual(['the speech service is away: the fallback takes over'])
    await rig.finish()
    stt.close()
  })
})
