import { describe, expect, it } from 'vitest'
import { silentLogger, type Logger } from '../../../../src/observe/logger.js'
import type { AudioBuffer } from '../../../../src/live/stt/spool/audio-buffer.js'
import { AudioBacklog } from '../../../../src/live/stt/spool/backlog.js'
import { FakeStt, type FakeSttSession } from '../../../support/fake-stt.js'
import { loseSession, ScribeRig } from '../../../support/scribe-rig.js'
import { numbered, SpoolRig } from '../../../support/spool-rig.js'

/** nearly a minute: the last record would be a small one */
const FRAMES = 575 * 1600

/** A connection that is lost and made again. */
const reconnect = (session: FakeSttSession) => {
  session.emitPhase('waiting')
  session.emitPhase('live')
}

describe('6 a speech service that refuses', () => {
  it('6 P2 is told of once, although a session that it took before comes back after a lost connection', async () => {
    const stt = new FakeStt()
    const errors: string[] = []
    const logger = { ...silentLogger, error: (_: object, text: string) => errors.push(text) } as Logger
    const [working, refused] = [new ScribeRig(stt, { logger }), new ScribeRig(stt, { logger })]
    for (const rig of [working, refused]) {
      rig.join('ann')
      await rig.talk(['ann'], 1000)
    }
    const [live] = stt.sessions
    for (let refusal = 0; refusal < 3; refusal++) {
      stt.last.end('payment_required', false)
      await refused.talk(['ann'], 1000)
      reconnect(live!)
    }
    expect(errors).toEqual(['the speech service refuses: audio is kept until it is put right'])
    for (const rig of [working, refused]) await rig.finish()
  })

  it('6 P2 is told of once, although the session of the same meeting that it took comes back between two refusals', async () => {
    const stt = new FakeStt()
    const errors: string[] = []
    const logger = { ...silentLogger, error: (_: object, text: string) => errors.push(text) } as Logger
    const rig = new ScribeRig(stt, { logger })
    await loseSession(rig, stt)
    await rig.talk(['ann'], 1000)
    const open = (isRepeat: boolean) =>
      stt.sessions.find(({ ended, options }) => ended === null && (options.backlog !== undefined) === isRepeat)!
    for (let refusal = 0; refusal < 3; refusal++) {
      open(true).end('payment_required', false)
      await rig.talk(['ann'], 1000)
      reconnect(open(false))
    }
    expect(errors).toEqual(['the speech service refuses: audio is kept until it is put right'])
    open(true).emitPhase('live')
    open(true).acknowledgeBacklog()
    await rig.finish()
  })

  it('7 P2 of what waited nothing may be left on a full disk: its session ends all the same, and the next one has its turn', async () => {
    const stt = new FakeStt((session) => Object.assign(session, { autoAcknowledge: false }))
    const rig = new ScribeRig(stt)
    rig.join('ann')
    await rig.talk(['ann'], 4000)
    stt.last.emitPhase('live')
    for (let refusal = 0; refusal < 2; refusal++) {
      stt.last.end('payment_required', false)
      await rig.talk(['ann'], 4000)
    }
    const repeats = () => stt.sessions.filter(({ options }) => options.backlog !== undefined)
    stt.prepare = (session) => Object.assign(session, { autoAcknowledge: false, autoFinish: false })
    stt.last.emitPhase('live')
    const [first] = repeats()
    first!.emitGap({ fromFrame: 0, toFrame: first!.sentFrames, reason: 'buffer_full' })
    first!.emitPhase('live')
    await rig.clock.settle()
    expect(first!.finishDeadlineMs).not.toBeNull()
    first!.end('done')
    await rig.clock.settle()
    expect(repeats()).toHaveLength(2)
    // what is left of the second one is waited for
    const [, second] = repeats()
    second!.emitPhase('live')
    second!.emitGap({ fromFrame: 0, toFrame: second!.sentFrames - 40_000, reason: 'buffer_full' })
    await rig.clock.settle()
    expect(second!.finishDeadlineMs).toBeNull()
    second!.emitGap({ fromFrame: second!.sentFrames - 40_000, toFrame: second!.sentFrames, reason: 'buffer_full' })
    await rig.clock.settle()
    expect(second!.finishDeadlineMs).not.toBeNull()
    const finished = rig.finish()
    await rig.clock.settle()
    for (const session of stt.sessions) session.end('done')
    await finished
  })

  describe('7 I8 for hours', () => {
    /** What each of so many sessions had, of two channels, that was refused one after the other. */
    const refusedOnes = async (count: number, disk = new SpoolRig()) => {
      const buffers: AudioBuffer[] = []
      const take = (session: FakeSttSession) => {
        const buffer = disk.buffer(session.channels)
        for (let at = 0; at < FRAMES; at += 1600) buffer.push(numbered(at, 1600, session.channels))
        buffers.push(buffer)
        return { fromFrame: 0, backlog: new AudioBacklog(buffer) }
      }
      const stt: FakeStt = new FakeStt((session) => Object.assign(session, { takeUnacknowledged: () => take(session) }))
      const rig = new ScribeRig(stt)
      rig.join('ann')
      await rig.talk(['ann'], 1000)
      const refuse = async () => {
        stt.last.end('payment_required', false)
        await rig.talk(['ann'], 1000)
        for (let turn = 0; turn < 10; turn++) await disk.turn()
        await disk.clock.advance(600_000)
      }
      for (let refusal = 0; refusal < count; refusal++) await refuse()
      const memoryBytes = () => buffers.reduce((sum, buffer) => sum + buffer.memoryBytes, 0)
      return { rig, disk, buffers, memoryBytes, refuse }
    }

    it('7 I8 has what waits for it on the disk alone, and all of it comes back', async () => {
      const { rig, disk, buffers, memoryBytes } = await refusedOnes(6)
      expect([buffers.length, memoryBytes()]).toEqual([6, 0])
      for (const buffer of buffers) expect(await disk.drain(buffer)).toEqual({ frames: FRAMES, wrong: 0, lost: [] })
      await rig.finish()
    })

    it('33 7 I8 on a disk that does not write has the newest of what waits in 16 MB, and the disk takes that when it writes again', async () => {
      const disk = new SpoolRig()
      disk.disk.faults.write = 'EIO'
      const { rig, buffers, memoryBytes, refuse } = await refusedOnes(8, disk)
      expect(memoryBytes()).toBeLessThanOrEqual(16.1 * 1024 * 1024)
      expect(memoryBytes()).toBeGreaterThan(15 * 1024 * 1024)
      disk.disk.faults.write = null
      await refuse()
      expect([buffers.length, memoryBytes()]).toEqual([9, 0])
      let whole = 0
      for (const buffer of buffers) {
        const { frames, wrong, lost } = await disk.drain(buffer)
        const lostFrames = lost.reduce((sum, { fromFrame, toFrame }) => sum + toFrame - fromFrame, 0)
        expect([frames + lostFrames, wrong, lost[0]?.fromFrame ?? 0]).toEqual([FRAMES, 0, 0])
        if (frames === FRAMES) whole++
      }
      expect(whole).toBe(4)
      await rig.finish()
    })
  })
})
