import { beforeEach, describe, expect, it } from 'vitest'
import { UpstreamError } from '../../../../src/core/errors.js'
import type { TrackKey } from '../../../../src/core/ids.js'
import { BOT_OPTIONS, BotRig } from '../../../support/bot-rig.js'
import type { FakeSttSession } from '../../../support/fake-stt.js'

describe('7 a process that is to stop while the speech service is away', () => {
  let rig: BotRig
  let key: TrackKey
  let session: FakeSttSession

  /** A minute of ann that the service has not taken. */
  beforeEach(async () => {
    rig = new BotRig()
    await rig.start()
    key = rig.room.connection.start('ann')
    await rig.speak(key, 1_000)
    session = rig.stt.last
    Object.assign(session, { autoAcknowledge: false, autoFinish: false })
    await rig.speak(key, 20_000)
  })
  const lost = async () => (await rig.store.gaps(rig.meeting.id)).filter(({ reason }) => reason === 'drain_timeout')

  it('waits for the last texts only, and what is not sent by then is a gap, and is left on the disk for whoever begins here next', async () => {
    rig.stop.abort(new Error('stop'))
    await rig.clock.advance(100)
    expect(session.finishDeadlineMs).toBeLessThanOrEqual(BOT_OPTIONS.drainMs)
    session.end('drain_timeout')
    expect(session.taken).toMatchObject({ isDiscarded: false, isLeft: false })
    await rig.end()
    expect(session.taken).toMatchObject({ isDiscarded: false, isLeft: true })
    const [gap, ...more] = await lost()
    expect(more).toEqual([])
    expect(Math.round(gap!.fromMs / 1000)).toBe(1)
    expect(Math.round(gap!.toMs / 1000)).toBe(21)
    expect((await rig.store.coverage(rig.meeting.id))?.rows[0]).toMatchObject({ lostBy: { drain_timeout: gap!.toMs - gap!.fromMs } })
  })

  it('waits for ten seconds for a disk that hangs while audio is left on it', async () => {
    const take = session.takeUnacknowledged.bind(session)
    session.takeUnacknowledged = () => {
      const rest = take()
      if (rest) rest.backlog.leave = () => new Promise(() => undefined)
      return rest
    }
    rig.stop.abort(new Error('stop'))
    await rig.clock.advance(100)
    session.end('drain_timeout')
    await rig.clock.advance(9_000)
    expect(rig.outcome).toBeNull()
    await rig.clock.advance(2_000)
    expect(rig.outcome).toMatchObject({ failed: false })
    expect(await lost()).toHaveLength(1)
  })

  it('cuts the wait of a meeting that is ending already', async () => {
    await rig.store.requestStop(rig.meeting.id)
    await rig.clock.advance(100)
    expect(session.finishDeadlineMs).toBeGreaterThan(BOT_OPTIONS.drainMs + 9_000)
    rig.stop.abort(new Error('stop'))
    await rig.clock.advance(100)
    expect(session.lastDeadlineMs).toBe(BOT_OPTIONS.drainMs)
    session.end('drain_timeout')
    await rig.end()
    expect(await lost()).toHaveLength(1)
  })

  it('20 a bot whose meeting went to another one leaves on the disk what the service has not taken', async () => {
    await rig.store.claim(rig.meeting.id)
    session.emit({ channel: 0, text: 'too late' })
    await rig.clock.advance(100)
    expect(session.closed).toBe(true)
    await rig.end()
    expect(rig.outcome?.claimLost).toBe(true)
    expect(session.taken).toMatchObject({ isDiscarded: false, isLeft: true })
    expect(session.taken!.frames).toBeGreaterThan(19 * 16_000)
  })

  it('6 20 and what waits for a service that refuses, likewise', async () => {
    rig.stt.prepare = (one) => Object.assign(one, { autoAcknowledge: false })
    session.end('payment_required', false)
    await rig.speak(key, 1_000)
    await rig.store.claim(rig.meeting.id)
    rig.stt.last.emit({ channel: 0, text: 'too late' })
    await rig.clock.advance(100)
    await rig.end()
    expect(rig.outcome?.claimLost).toBe(true)
    expect([session, rig.stt.last].map(({ taken }) => taken?.isLeft)).toEqual([true, true])
  })

  it('without a disk it is gone, and stands written down', async () => {
    rig.stop.abort(new Error('stop'))
    await rig.clock.advance(100)
    session.end('drain_timeout')
    session.taken!.leave = () => Promise.resolve(false)
    await rig.end()
    expect(session.taken).toMatchObject({ isDiscarded: true, isLeft: false })
    expect(await lost()).toHaveLength(1)
  })

  it('41 and the store is away too: the audio stays on the disk for whoever goes on with the meeting', async () => {
    const away = () => Promise.reject(new UpstreamError('database_unreachable', 'away', { service: 'database', retryable: true }))
    Object.assign(rig.store, { appendGaps: away, saveSpans: away, saveSession: away, saveCoverage: away, setState: away })
    rig.stop.abort(new Error('stop'))
    await rig.clock.advance(100)
    session.end('drain_timeout')
    await expect(rig.end()).rejects.toThrow('away')
    expect(session.taken).toMatchObject({ isDiscarded: false, isLeft: true })
  })
})
