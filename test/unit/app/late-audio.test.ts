import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { sendLeftAudio } from '../../../src/app/late-audio.js'
import { UpstreamError } from '../../../src/core/errors.js'
import { asIdentity, newSessionId, type MeetingId } from '../../../src/core/ids.js'
import { Scope } from '../../../src/core/scope.js'
import { createEvents } from '../../../src/observe/events.js'
import { silentLogger } from '../../../src/observe/logger.js'
import { AttendanceRig, type AttendanceProcess } from '../../support/attendance-rig.js'
import { FakeBacklog, type FakeSttSession } from '../../support/fake-stt.js'
import { spanOf } from '../../support/records.js'

describe('28 audio that a process which died left on its disk, when it is started again', () => {
  let rig: AttendanceRig
  let other: AttendanceProcess
  let again: AttendanceProcess
  let id: MeetingId
  let scope: Scope
  let stop: AbortController
  let done: Promise<void>
  const failures: string[] = []
  const left = newSessionId()

  beforeEach(async () => {
    rig = new AttendanceRig()
    other = rig.process('other')
    again = rig.process('again')
    again.stt.prepare = (one) => Object.assign(one, { autoFinish: false })
    id = await rig.meeting()
    scope = new Scope((name, error) => failures.push(`${name}: ${error.message}`))
    stop = new AbortController()
    const claim = await rig.store.claim(id)
    rig.table.claims.set(id, [{ holder: 'dead', isReleased: false, leftMs: null }])
    // two seconds of ann, of which the service had the first half
    await rig.store.saveSpans(claim, [{ ...spanOf(left, 0, 32_000), identity: asIdentity('ann'), meetingMs: 5_000 }])
    const backlog = new FakeBacklog(1, new Int16Array(16_000))
    again.stt.leftAudio.set(id, [{ sessionId: left, channels: 1, fromFrame: 16_000, backlog, vendorId: 'fake' }])
  })
  afterEach(async () => {
    stop.abort(new Error('over'))
    await rig.clock.advance(120_000)
    await done
    await scope.close()
    await rig.end()
    expect(failures).toEqual([])
  })

  const begin = () => {
    const { stt, claims, clock } = again
    const parts = {
      store: rig.store,
      stt,
      claims,
      clock,
      random: () => 0.5,
      logger: silentLogger,
      business: createEvents(null),
      scope,
      drainMs: 20_000,
    }
    done = sendLeftAudio(parts, stop.signal)
    return rig.clock.settle()
  }
  const sent = (): FakeSttSession | undefined => again.stt.sessions.find(({ options }) => options.backlog !== undefined)
  const says = async (text: string) => {
    sent()!.emit({ channel: 0, startSec: 0.2, endSec: 0.8, text })
    sent()!.end('done')
    await rig.clock.settle()
  }

  it('waits while nobody goes on with the meeting', async () => {
    await begin()
    await rig.clock.advance(60_000)
    expect([sent(), again.stt.leftAudio.has(id)]).toEqual([undefined, true])
  })

  it('is left to the bot of this very process that takes the meeting over', async () => {
    rig.table.claims.get(id)!.push({ holder: 'again', isReleased: false, leftMs: null })
    await begin()
    await rig.clock.advance(60_000)
    expect([sent(), again.stt.leftAudio.has(id)]).toEqual([undefined, true])
  })

  it('is not sent for a holder that gives no sign of life, nor before one that lives has had time to take it', async () => {
    rig.table.claims.get(id)!.push({ holder: 'other', isReleased: false, leftMs: null })
    await begin()
    await rig.clock.advance(4_000)
    other.silence()
    await rig.clock.advance(600_000)
    expect(sent()).toBeUndefined()
    other.beats()
    rig.table.claims.get(id)!.push({ holder: 'other', isReleased: false, leftMs: null })
    await rig.clock.advance(14_000)
    expect(sent()).toBeUndefined()
    await rig.clock.advance(10_000)
    expect(sent()?.options.backlog?.frames).toBe(16_000)
    sent()!.end('done')
  })

  it('a text that the store refuses does not take the later ones with it', async () => {
    rig.table.claims.get(id)!.push({ holder: 'other', isReleased: false, leftMs: null })
    await rig.store.claim(id)
    const adopt = rig.store.adopt.bind(rig.store)
    rig.store.adopt = (claim, left) =>
      left.segments.some(({ text }) => text === 'refused') ? Promise.reject(new Error('refused')) : adopt(claim, left)
    await begin()
    await rig.clock.advance(30_000)
    sent()!.emit({ channel: 0, startSec: 0.1, endSec: 0.2, text: 'refused' })
    await rig.clock.settle()
    await says('what was left')
    expect((await rig.store.segments(id)).map(({ text }) => text)).toEqual(['what was left'])
  })

  it('comes into the transcript that another process goes on with, under the name and at the time that the spans say', async () => {
    rig.table.claims.get(id)!.push({ holder: 'other', isReleased: false, leftMs: null })
    const current = await rig.store.claim(id)
    await begin()
    await rig.clock.advance(30_000)
    await says('what was left')
    const [segment] = await rig.store.segments(id)
    expect(segment).toMatchObject({ identity: 'ann', text: 'what was left', startMs: 6_200, endMs: 6_800 })
    expect((await rig.store.sessions(id)).map(({ sessionId }) => sessionId)).toEqual([sent()!.sessionId])
    // nobody's claim was touched
    await rig.store.appendSegments(current, [])
  })

  it('is not sent again as far as the service is known to have had it, whatever the disk says', async () => {
    const session = { sessionId: left, vendorId: 'fake', channels: 1, sampleRate: 16_000, sentFrames: 32_000, endReason: null }
    const claim = await rig.store.claim(id)
    await rig.store.saveSession(claim, { ...session, acknowledgedFrames: 24_000 })
    await rig.store.setState(claim, 'failed', 'internal_fault')
    await begin()
    expect(sent()?.options.backlog?.frames).toBe(8_000)
    await says('what was left')
    expect(await rig.store.segments(id)).toMatchObject([{ identity: 'ann', startMs: 6_700 }])
  })

  it('of a session that was over before, with a disk that could not be written, is deleted', async () => {
    const session = { sessionId: left, vendorId: 'fake', channels: 1, sampleRate: 16_000, sentFrames: 32_000 }
    const claim = await rig.store.claim(id)
    await rig.store.saveSession(claim, { ...session, acknowledgedFrames: 32_000, endReason: 'done' })
    await rig.store.setState(claim, 'failed', 'internal_fault')
    const { backlog } = again.stt.leftAudio.get(id)![0]!
    await begin()
    expect(sent()).toBeUndefined()
    expect(backlog).toMatchObject({ isDiscarded: true })
  })

  describe('33 whose disk was full when another session went on with it, and names the first one', () => {
    const second = newSessionId()
    const ended = async (acknowledgedFrames: number) => {
      const claim = await rig.store.claim(id)
      const session = { vendorId: 'fake', channels: 1, sampleRate: 16_000 }
      await rig.store.saveSession(claim, {
        ...session,
        sessionId: left,
        sentFrames: 32_000,
        acknowledgedFrames: 12_000,
        endReason: 'session_lost',
      })
      await rig.store.saveSession(claim, { ...session, sessionId: second, sentFrames: 20_000, acknowledgedFrames, endReason: 'done' })
      await rig.store.saveSpans(claim, [{ ...spanOf(second, 0, 20_000), identity: asIdentity('ann'), meetingMs: 5_750 }])
      await rig.store.setState(claim, 'failed', 'internal_fault')
    }

    it('I2 is not sent once more when that one had all of it, and is deleted', async () => {
      await ended(20_000)
      const { backlog } = again.stt.leftAudio.get(id)![0]!
      await begin()
      expect(sent()).toBeUndefined()
      expect(backlog).toMatchObject({ isDiscarded: true })
    })

    it('is sent from where that one had it', async () => {
      await ended(8_000)
      await begin()
      expect(sent()?.options.backlog?.frames).toBe(12_000)
      await says('what was left')
      expect(await rig.store.segments(id)).toMatchObject([{ identity: 'ann', startMs: 6_450 }])
    })
  })

  it('20 is found too when it was left later, by a bot of this process whose meeting went elsewhere', async () => {
    rig.table.claims.get(id)!.push({ holder: 'other', isReleased: false, leftMs: null })
    const audio = again.stt.leftAudio.get(id)!
    again.stt.leftAudio.clear()
    await begin()
    await rig.clock.advance(30_000)
    again.stt.leftAudio.set(id, audio)
    await rig.clock.advance(90_000)
    expect(sent()?.options.backlog?.frames).toBe(16_000)
    expect(again.stt.claimed).toEqual([false])
    sent()!.end('done')
  })

  it('20 is found whenever it was left, also hours after some of the same meeting was found before', async () => {
    rig.table.claims.get(id)!.push({ holder: 'other', isReleased: false, leftMs: null })
    await begin()
    await rig.clock.advance(30_000)
    sent()!.end('done')
    await rig.clock.advance(2 * 3600_000)
    const backlog = new FakeBacklog(1, new Int16Array(8_000))
    again.stt.leftAudio.set(id, [{ sessionId: left, channels: 1, fromFrame: 24_000, backlog, vendorId: 'fake' }])
    await rig.clock.advance(120_000)
    expect(again.stt.last.options.backlog?.frames).toBe(8_000)
    again.stt.last.end('done')
  })

  it('28 is sent as well that a second death leaves hours after the first: each time is given an hour', async () => {
    await rig.store.setState(await rig.store.claim(id), 'failed', 'internal_fault')
    await begin()
    await says('what was left')
    await rig.clock.advance(2 * 3_600_000)
    const backlog = new FakeBacklog(1, new Int16Array(16_000))
    again.stt.leftAudio.set(id, [{ sessionId: newSessionId(), channels: 1, fromFrame: 16_000, backlog, vendorId: 'fake' }])
    await rig.clock.advance(90_000)
    expect(again.stt.sessions.filter(({ options }) => options.backlog !== undefined)).toHaveLength(2)
    again.stt.sessions.at(-1)!.end('done')
  })

  it('7 is sent also when that of another meeting had to wait for the service for hours before', async () => {
    await rig.store.setState(await rig.store.claim(id), 'failed', 'internal_fault')
    const elsewhere = await rig.meeting()
    rig.table.claims.set(elsewhere, [{ holder: 'other', isReleased: false, leftMs: null }])
    await rig.store.claim(elsewhere)
    const backlog = new FakeBacklog(1, new Int16Array(16_000))
    again.stt.leftAudio.set(elsewhere, [{ sessionId: newSessionId(), channels: 1, fromFrame: 0, backlog, vendorId: 'fake' }])
    await begin()
    await rig.clock.advance(2 * 3_600_000)
    expect(again.stt.sessions).toHaveLength(1)
    await says('after the outage')
    await rig.clock.advance(90_000)
    expect(again.stt.sessions).toHaveLength(2)
    again.stt.sessions.at(-1)!.end('done')
  })

  it('41 is sent also when the store was away for hours before', async () => {
    await rig.store.setState(await rig.store.claim(id), 'failed', 'internal_fault')
    const { standing } = again.claims
    again.claims.standing = () =>
      Promise.reject(new UpstreamError('database_unreachable', 'away', { service: 'database', retryable: true }))
    await begin()
    await rig.clock.advance(2 * 3_600_000)
    again.claims.standing = standing
    await rig.clock.advance(70_000)
    await says('what was left')
    expect(await rig.store.segments(id)).toHaveLength(1)
  })

  it('of a meeting that is over nobody else will ask', async () => {
    await rig.store.setState(await rig.store.claim(id), 'failed', 'internal_fault')
    await begin()
    await says('what was left')
    expect(again.stt.claimed).toEqual([true])
  })

  it('31 a disk that cannot be looked through is looked through later', async () => {
    await rig.store.setState(await rig.store.claim(id), 'failed', 'internal_fault')
    const leftMeetings = again.stt.leftMeetings.bind(again.stt)
    again.stt.leftMeetings = () => Promise.reject(new Error('EMFILE'))
    await begin()
    again.stt.leftMeetings = leftMeetings
    await rig.clock.advance(70_000)
    expect(sent()).toBeDefined()
    sent()!.end('done')
  })

  it('41 comes into that of a meeting that is over, once the store answers', async () => {
    await rig.store.setState(await rig.store.claim(id), 'failed', 'internal_fault')
    const { spans } = rig.store
    rig.store.spans = () => Promise.reject(new UpstreamError('database_unreachable', 'away', { service: 'database', retryable: true }))
    await begin()
    await rig.clock.advance(60_000)
    expect(again.stt.leftAudio.has(id)).toBe(true)
    rig.store.spans = spans
    await rig.clock.advance(10_000)
    await says('after the end')
    expect((await rig.store.segments(id)).map(({ text }) => text)).toEqual(['after the end'])
  })

  it('40 is held back while the service refuses the key, and is not lost for that', async () => {
    await rig.store.setState(await rig.store.claim(id), 'failed', 'internal_fault')
    again.stt.prepare = (one) => {
      Object.assign(one, { autoAcknowledge: false, autoFinish: false })
      // before it was ever live
      if (again.stt.sessions.length === 1) queueMicrotask(() => one.end('unauthorized'))
    }
    await begin()
    const next = again.stt.sessions.at(-1)!
    expect([next.options.backlog?.frames, next.options.holdMs]).toEqual([16_000, 600_000])
    next.acknowledge(16_000)
    next.end('done')
  })

  it('41 keeps no process from ending whose stop comes while the store is away', async () => {
    const away = () => Promise.reject(new UpstreamError('database_unreachable', 'away', { service: 'database', retryable: true }))
    const { meeting } = rig.store
    again.claims.standing = () => {
      stop.abort(new Error('SIGTERM'))
      rig.store.meeting = away
      return Promise.resolve({ state: 'failed', epoch: 2, holder: null, beat: null, isReleased: false })
    }
    let isDone = false
    await begin()
    void done.then(() => (isDone = true))
    await rig.clock.advance(35_000)
    rig.store.meeting = meeting
    expect([isDone, again.stt.leftAudio.has(id)]).toEqual([true, true])
  })

  it('stays on the disk when the stop comes while it is being looked at', async () => {
    await rig.store.setState(await rig.store.claim(id), 'failed', 'internal_fault')
    again.stt.prepare = (one) => Object.assign(one, { autoAcknowledge: false, autoFinish: false })
    const left = again.stt.left.bind(again.stt)
    again.stt.left = (...of) => {
      stop.abort(new Error('SIGTERM'))
      return left(...of)
    }
    await begin()
    expect(sent()!.finishDeadlineMs).toBe(20_000)
    sent()!.end('drain_timeout')
    await rig.clock.advance(1_000)
    await done
    expect(sent()!.taken).toMatchObject({ isLeft: true })
  })

  it('stays on the disk when the process has to stop before the service has it', async () => {
    await rig.store.setState(await rig.store.claim(id), 'failed', 'internal_fault')
    again.stt.prepare = (one) => Object.assign(one, { autoAcknowledge: false, autoFinish: false })
    await begin()
    await rig.clock.advance(1_000)
    expect(sent()).toBeDefined()
    stop.abort(new Error('SIGTERM'))
    await rig.clock.settle()
    sent()!.end('drain_timeout')
    await rig.clock.advance(1_000)
    await done
    expect(sent()!.taken).toMatchObject({ frames: 16_000, isLeft: true, isDiscarded: false })
  })
})
