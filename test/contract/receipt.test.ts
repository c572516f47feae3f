import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/core/time.js'
import type { Limits } from '../../src/live/stt/gladia/limits.js'
import { createGladiaStt } from '../../src/live/stt/gladia/open.js'
import { billingOf } from '../../src/live/transcript/price.js'
import { totalOf, type Coverage } from '../../src/live/transcript/coverage.js'
import { silentLogger } from '../../src/observe/logger.js'
import type { Behaviours } from '../../src/speech-server/behaviours/schema.js'
import { scriptedFinal, type ScriptedLine } from '../support/scripted-engine.js'
import { ScribeRig, type Arrived, type RigOptions } from '../support/scribe-rig.js'
import { FAST, KEY, SttStage } from '../support/stt-stage.js'
import { until } from '../support/until.js'

const stages: SttStage[] = []
afterEach(async () => {
  for (const stage of stages.splice(0)) await stage.close()
})

/** The scribe with the real adapter and a real speech server behind it. */
async function rigOf(
  behaviours: Behaviours = {},
  limits: Partial<Limits> = {},
  script: readonly ScriptedLine[] = [],
  options: RigOptions = {},
) {
  const stage = await SttStage.start(behaviours, script)
  stages.push(stage)
  const stt = createGladiaStt({
    baseUrl: stage.url,
    apiKey: KEY,
    region: null,
    clock: systemClock,
    random: Math.random,
    logger: silentLogger,
    limits: { ...FAST, ...limits },
  })
  const rig = new ScribeRig(stt, options)
  for (const name of ['ann', 'bob']) rig.join(name)
  /** everything that has been sent is acknowledged */
  const settled = () =>
    until(() => rig.scribe.sessions().every((one) => one.endReason !== null || one.acknowledgedFrames >= one.sentFrames - 1600))
  const arrived = (): Arrived[] =>
    stage.engine.sessions.map((session) => ({
      pcm: Int16Array.from(session.samples),
      channels: session.options.channels,
      isUnderstood: () => true,
    }))
  return { stage, rig, settled, arrived }
}

/** By what the server was given: found to the ms, and nothing that was not lost. */
function expectTruth(rig: ScribeRig, receipt: Coverage, arrived: readonly Arrived[]): number {
  const truth = rig.truth(arrived)
  for (const [identity, told] of truth) {
    const row = receipt.rows.find((one) => one.identity === identity)!
    expect({ identity, speechMs: row.speechMs, lostMs: row.lostMs }).toEqual({ identity, ...told })
    expect(row.sentSpeechMs + row.lostMs + row.waitingMs + row.unaccountedMs).toBe(row.speechMs)
    expect(row.unaccountedMs).toBe(0)
  }
  return totalOf(receipt.rows).lostMs
}

describe('the receipt by what a real server was given', () => {
  it.each<[string, Behaviours]>([
    ['nothing', {}],
    ['a connection cut, and what was on its way thrown away', { closeSocket: { switch: { code: 1011, afterChunks: 6 }, times: 1 } }],
    ['a connection cut without a word, three times', { closeSocket: { switch: { code: 'terminate', afterChunks: 4 }, times: 3 } }],
    ['a chunk refused', { acks: { switch: 'reject', times: 1 } }],
    ['a connection that goes silent', { halfOpen: { switch: { afterChunks: 5 }, times: 1 } }],
    ['creating refused twice', { post: { switch: { status: 503 }, times: 2 } }],
  ])('after %s all is there, and it is complete', async (_, behaviours) => {
    const { rig, settled, arrived } = await rigOf(behaviours)
    await rig.talk(['ann', 'bob'], 1000)
    const bobListens = new Map([
      ['ann', true],
      ['bob', false],
    ])
    for (let atMs = 0; atMs < 1000; atMs += 50) await rig.block(bobListens)
    await settled()
    await rig.talk(['ann', 'bob'], 1000)
    const receipt = await rig.finish()
    expect(expectTruth(rig, receipt, arrived())).toBe(0)
    expect(receipt).toMatchObject({ complete: true, doubts: [] })
    expect(rig.told).toEqual([])
  })

  it('text that came back lies over the voice that it was said with', async () => {
    const script = [0, 1].map((channel) => ({ atSec: 1, transcript: scriptedFinal(`u${channel}`, channel, 0.2, 0.9) }))
    const { rig, arrived } = await rigOf({}, {}, script)
    await rig.talk(['ann'], 2000)
    const receipt = await rig.finish()
    expect(expectTruth(rig, receipt, arrived())).toBe(0)
    expect(receipt.rows[0]).toMatchObject({ returnedMs: 700, returnedSpeechMs: 700, acknowledgedSpeechMs: 2000 })
  })

  it('a dead session is replaced, what it had not confirmed is sent again: nothing is lost, and both are billed', async () => {
    const { stage, rig, settled, arrived } = await rigOf({ detached: 'ends_at_once' })
    await rig.talk(['ann', 'bob'], 2000)
    await settled()
    stage.proxy.isBlackhole = true
    await rig.talk(['ann', 'bob'], 1000)
    stage.proxy.reset()
    stage.proxy.isBlackhole = false
    await until(() => rig.scribe.sessions().length > 1)
    await rig.talk(['ann'], 1000)
    const receipt = await rig.finish()
    expect(expectTruth(rig, receipt, arrived())).toBe(0)
    expect(receipt).toMatchObject({ complete: true, doubts: [] })
    const { sessions, channelSec } = billingOf(rig.scribe.sessions(), totalOf(receipt.rows))
    expect(sessions.length).toBeGreaterThanOrEqual(2)
    // 4 s of meeting and what was sent twice, on 2 channels
    expect(channelSec).toBeGreaterThan(8)
    expect(channelSec).toBeLessThan(12)
  })

  it('4 a dead session whose result cannot be had has lost what it had taken and sent no text of', async () => {
    const { stage, rig, settled } = await rigOf({ detached: 'ends_at_once', get: { status: 404 } }, { collectMs: 200 })
    await rig.talk(['ann'], 2000)
    await settled()
    stage.proxy.reset()
    await until(() => rig.scribe.sessions().some((one) => one.endReason === 'session_lost'))
    await rig.talk(['ann'], 1000)
    const receipt = await rig.finish()
    const [row] = receipt.rows
    // but for what it had not acknowledged, which was sent again
    expect(row?.lostMs).toBeGreaterThan(1500)
    expect(row?.lostMs).toBeLessThanOrEqual(2000)
    expect(row).toMatchObject({ speechMs: 3000, lostBy: { session_lost: row?.lostMs } })
    expect(receipt).toMatchObject({ complete: false, doubts: ['session', 'lost', 'gaps'] })
  })

  it('6 P2 a service that refuses until the end loses what was not confirmed, and all that is said afterwards, and fails no meeting', async () => {
    const { stage, rig, settled, arrived } = await rigOf({ detached: 'ends_at_once' })
    await rig.talk(['ann', 'bob'], 2000)
    await settled()
    stage.proxy.isBlackhole = true
    await rig.talk(['ann', 'bob'], 1000)
    stage.server.switches.set({ detached: 'ends_at_once', post: { status: 401 } })
    stage.proxy.reset()
    stage.proxy.isBlackhole = false
    await until(() => rig.scribe.sessions().some(({ endReason }) => endReason === 'unauthorized'))
    await rig.talk(['ann', 'bob'], 2000)
    // the one that worked, at most three that were refused, and two that wait: it is not asked again and again
    expect(rig.scribe.sessions().length).toBeLessThanOrEqual(6)
    const receipt = await rig.finish()
    expect(rig.failures).toEqual([])
    const lostMs = expectTruth(rig, receipt, arrived())
    expect(lostMs).toBeGreaterThanOrEqual(2500)
    expect(receipt.complete).toBe(false)
    for (const row of receipt.rows) expect(row.lostBy).toEqual({ session_lost: row.lostMs })
  })

  it('a full replay buffer loses what it let go of', async () => {
    const { stage, rig, arrived } = await rigOf({}, { bufferBytes: 64_000 })
    stage.proxy.isBlackhole = true
    await rig.talk(['ann', 'bob'], 3000)
    stage.proxy.isBlackhole = false
    const receipt = await rig.finish()
    // a second of two channels is kept: two of each person are not
    expect(expectTruth(rig, receipt, arrived())).toBe(4000)
    expect(receipt.rows.map((row) => row.lostBy)).toEqual([{ buffer_full: 2000 }, { buffer_full: 2000 }])
    expect(receipt.doubts).toEqual(expect.arrayContaining(['lost', 'gaps']))
    expect(rig.told).toHaveLength(2)
  })

  it('an end that is not confirmed in time loses what was on its way, and what had been taken and no text has come of', async () => {
    const { stage, rig, settled } = await rigOf({}, { collectMs: 100 }, [], { drainMs: 400 })
    await rig.talk(['ann'], 2000)
    await settled()
    stage.proxy.isBlackhole = true
    await rig.talk(['ann'], 1000)
    const receipt = await rig.finish()
    const { lostMs, lostBy } = receipt.rows[0]!
    expect(lostMs).toBe(3000)
    expect(receipt.complete).toBe(false)
    expect(lostBy.drain_timeout).toBeGreaterThanOrEqual(1000)
    expect(lostBy).toEqual({ drain_timeout: lostBy.drain_timeout, session_lost: 3000 - (lostBy.drain_timeout ?? 0) })
  })
})
