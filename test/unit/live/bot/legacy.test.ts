import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { deferred } from '../../../../src/core/deferred.js'
import { UpstreamError } from '../../../../src/core/errors.js'
import { asIdentity, type MeetingId } from '../../../../src/core/ids.js'
import type { LeftAudio } from '../../../../src/live/stt/port.js'
import { FakeBacklog, type FakeSttSession } from '../../../support/fake-stt.js'
import { AttendanceRig, type AttendanceProcess } from '../../../support/attendance-rig.js'
import type { FinalsBatch, SessionRecord } from '../../../../src/records/port.js'
import { segmentOf } from '../../../support/records.js'

describe('what a bot that is gone left behind', () => {
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

  const texts = async () => (await rig.store.segments(id)).map(({ text }) => text)
  const taken = async () => (await rig.store.gaps(id)).filter(({ reason }) => reason === 'taken_over')

  /** `one` hears ann for 10 s, of which the service takes the first 2 s, hands over, and hangs while it drains. */
  const handOver = async (): Promise<FakeSttSession> => (await handOverWith()).session
  const handOverWith = async () => {
    const job = one.attend(id)
    await rig.clock.settle()
    await rig.speak(one, 'ann', 2_000)
    const session = one.stt.last
    Object.assign(session, { autoAcknowledge: false, autoFinish: false })
    await rig.speak(one, 'ann', 8_000)
    await rig.clock.advance(6_000)
    await rig.offer(one, job)
    const next = two.attend(id)
    await rig.clock.settle()
    one.room.connection.end('duplicate_identity')
    await rig.clock.advance(150)
    await rig.speak(two, 'ann', 500)
    return { session, next }
  }
  /** The spool of a session of `one`, on the disk of `two`. */
  const leave = (session: FakeSttSession, fromFrame: number, frames: number) => two.finds(id, session, fromFrame, frames, 'fake')
  const store = (what: Partial<FinalsBatch>) => rig.store.adopt({ meetingId: id, epoch: 1 }, { segments: [], spans: [], ...what })
  const recordOf = ({ sessionId, channels, vendorId, sentFrames, acknowledgedFrames }: FakeSttSession): SessionRecord => ({
    sessionId,
    channels,
    vendorId,
    sentFrames,
    acknowledgedFrames,
    sampleRate: 16_000,
    endReason: null,
  })

  it.each([
    ['7 s that it took of this one', 7_000, true],
    ['7 s of which the store knows a text, not how many', 7_000, false],
    ['nothing that it took of this one', 0, true],
  ])('6 P2 a service that refuses the next bot, after %s', async (_, spokenMs, isMeasured) => {
    const { saveSession } = rig.store
    if (!isMeasured) rig.store.saveSession = (claim, session) => saveSession.call(rig.store, claim, { ...session, acknowledgedFrames: 0 })
    one.attend(id)
    await rig.clock.settle()
    await rig.speak(one, 'ann', spokenMs)
    if (!isMeasured) one.stt.last.emit({ channel: 0, startSec: 0.2, endSec: 1, text: 'taken' })
    await rig.clock.advance(6_000)
    two.stt.prepare = (session) => {
      if (session.options.holdMs === undefined) queueMicrotask(() => session.end('payment_required', false))
    }
    one.silence()
    two.attend(id)
    await rig.clock.advance(3_000)
    await rig.speak(two, 'ann', 2_000)
    await rig.clock.advance(10_000)
    // P1: that it never took any is the end
    expect((await rig.store.meeting(id)).state).toBe(spokenMs > 0 ? 'live' : 'failed')
  })

  describe('30 a bot that handed the meeting over', () => {
    it('is left to see to what it heard while it lives', async () => {
      const session = await handOver()
      leave(session, 32_000, 128_000)
      await rig.clock.advance(60_000)
      expect(two.stt.leftAudio.size).toBe(1)
      expect((await taken()).filter(({ fromMs }) => fromMs < 15_000)).toEqual([])
      session.end('done')
      await rig.clock.advance(10_000)
      expect(one.attendance.running).toBe(0)
      // it has said that it is done: what is still there is looked at at once
      expect(two.stt.leftAudio.size).toBe(0)
    })

    it('and lives when a meeting ends that the one after it had died in: it brings in its own, once, and the last one only what that one had', async () => {
      const session = await handOver()
      const three = rig.process('three')
      const utterance = { utteranceId: 'result:0:200', isFinal: true, channel: 0, words: [], language: 'en', confidence: 1 }
      const spoken = { startSec: 0.2, endSec: 0.4 }
      const textOf = (of: FakeSttSession['sessionId']) => (of === session.sessionId ? 'of one' : 'of two')
      three.stt.results = ({ sessionId }) =>
        Promise.resolve({ utterances: [{ ...utterance, ...spoken, sessionId, text: textOf(sessionId) }], isWhole: true })
      two.silence()
      three.attend(id)
      await rig.clock.advance(15_000)
      await rig.store.requestStop(id)
      await rig.clock.advance(30_000)
      expect((await rig.store.meeting(id)).state).toBe('finalising')
      expect(await texts()).toEqual(['of two'])
      session.emit({ channel: 0, ...spoken, text: 'of one' })
      await rig.clock.advance(3_000)
      expect(await texts()).toEqual(['of two', 'of one'])
    })

    it('and is killed, and the next one hands over too, and lives when the meeting ends: the last one brings in what the dead one had', async () => {
      const { session, next } = await handOverWith()
      one.silence()
      await rig.speak(two, 'ann', 2_000)
      Object.assign(two.stt.last, { autoAcknowledge: false, autoFinish: false })
      const three = rig.process('three')
      const utterance = { utteranceId: 'result:0:200', isFinal: true, channel: 0, words: [], language: 'en', confidence: 1 }
      three.stt.results = ({ sessionId }) => {
        const text = sessionId === session.sessionId ? 'of one' : 'of two'
        return Promise.resolve({ utterances: [{ ...utterance, sessionId, startSec: 0.2, endSec: 0.4, text }], isWhole: true })
      }
      await rig.offer(two, next)
      three.attend(id)
      await rig.clock.settle()
      two.room.connection.end('duplicate_identity')
      await rig.clock.advance(8_000)
      expect(await texts()).toEqual([])
      await rig.store.requestStop(id)
      await rig.clock.advance(30_000)
      expect((await rig.store.meeting(id)).state).toBe('finalising')
      expect([two.attendance.running, await texts()]).toEqual([1, ['of one']])
    })

    it('and is killed while it drains: what it had spooled is sent, its texts are asked for', async () => {
      const session = await handOver()
      leave(session, 32_000, 128_000)
      two.stt.results = (of) =>
        Promise.resolve({
          utterances: [
            {
              sessionId: of.sessionId,
              utteranceId: 'late',
              isFinal: true,
              channel: 0,
              startSec: 0.2,
              endSec: 1.5,
              text: 'on its way',
              words: [],
              language: 'en',
              confidence: 1,
            },
          ],
          isWhole: true,
        })
      one.silence()
      await rig.clock.advance(15_000)
      const repeated = two.stt.sessions.find(({ options }) => options.backlog !== undefined)
      expect(repeated?.options.backlog?.frames).toBe(128_000)
      expect(await texts()).toEqual(['on its way'])
    })

    it('and stood still while it drained, and goes on: what it brings in now would stand twice, and is refused; it sends nothing more', async () => {
      const session = await handOver()
      one.silence()
      await rig.clock.advance(10_000)
      session.emit({ channel: 0, startSec: 0.2, endSec: 1.5, text: 'too late' })
      await rig.clock.advance(2_000)
      expect(await texts()).toEqual([])
      expect([session.closed, one.attendance.running]).toEqual([true, 0])
    })

    it('and is killed while it drains: how far the service had its session is known by the last word of the result', async () => {
      const session = await handOver()
      const utterance = { sessionId: session.sessionId, utteranceId: 'late', isFinal: true, channel: 0, language: 'en', confidence: 1 }
      const words = [{ text: 'far', startSec: 6.5, endSec: 7, confidence: 1 }]
      two.stt.results = () =>
        Promise.resolve({ utterances: [{ ...utterance, startSec: 6.5, endSec: 7.5, text: 'far', words }], isWhole: true })
      one.silence()
      await rig.clock.advance(20_000)
      const record = (await rig.store.sessions(id)).find(({ sessionId }) => sessionId === session.sessionId)
      expect(record).toMatchObject({ acknowledgedFrames: 7 * 16_000, endReason: null })
    })

    it('and is killed while it drains: of its spool is sent what the service is not known to have, whatever the disk says', async () => {
      const session = await handOver()
      // the mark on the disk is older than what was stored of the session, and that is older than its last text
      await store({ sessions: [{ ...recordOf(session), acknowledgedFrames: 48_000 }] })
      leave(session, 32_000, 128_000)
      one.silence()
      await rig.clock.advance(15_000)
      const repeated = two.stt.sessions.find(({ options }) => options.backlog !== undefined)
      expect(repeated?.options.backlog?.frames).toBe(160_000 - 48_000)
    })

    it('and is killed while it drains: nothing is sent of which texts are stored', async () => {
      const session = await handOver()
      const told = {
        identity: asIdentity('ann'),
        utteranceId: 'told',
        text: 'told',
        startMs: 3_000,
        endMs: 5_000,
        words: [0, 1].map((at) => ({ text: 'told', startMs: 3_000 + at * 1_000, endMs: 4_000 + at * 1_000, confidence: 1 })),
      }
      await store({ segments: [segmentOf(session.sessionId, 0, told)] })
      leave(session, 32_000, 128_000)
      one.silence()
      await rig.clock.advance(15_000)
      const [first] = (await rig.store.spans(id)).filter(({ sessionId }) => sessionId === session.sessionId)
      const reach = (5_000 - first!.meetingMs) * 16 + first!.fromFrame
      const repeated = two.stt.sessions.find(({ options }) => options.backlog !== undefined)
      expect(repeated?.options.backlog?.frames).toBe(160_000 - reach)
      expect(reach).toBeGreaterThan(64_000)
    })

    it('and is killed while it drains: what the service has of all that was spooled is not sent, and is deleted', async () => {
      const session = await handOver()
      await store({ sessions: [{ ...recordOf(session), acknowledgedFrames: 160_000 }] })
      const backlog = leave(session, 32_000, 128_000)
      one.silence()
      await rig.clock.advance(15_000)
      expect(backlog.isDiscarded).toBe(true)
      expect(two.stt.sessions.filter(({ options }) => options.backlog !== undefined)).toEqual([])
    })

    it('and is killed while it drains: of what is sent again, only that is told, not what the dead session had of it as well', async () => {
      const session = await handOver()
      leave(session, 32_000, 128_000)
      const told = { sessionId: session.sessionId, isFinal: true, channel: 0, language: 'en', confidence: 1 }
      const word = (text: string, startSec: number) => ({ text, startSec, endSec: startSec + 0.3, confidence: 1 })
      two.stt.results = () =>
        Promise.resolve({
          utterances: [
            {
              ...told,
              utteranceId: 'a',
              startSec: 1,
              endSec: 3,
              text: 'begins here, ends there',
              words: ['begins', 'here,', 'ends', 'there'].map((text, at) => word(text, 1.4 + at * 0.4)),
            },
            { ...told, utteranceId: 'b', startSec: 4, endSec: 4.6, text: 'all there', words: [word('all', 4), word('there', 4.3)] },
            {
              ...told,
              utteranceId: 'd',
              startSec: 4.7,
              endSec: 4.9,
              text: 'half timed',
              words: [word('half', 4.7), word('timed', Number.NaN)],
            },
            { ...told, utteranceId: 'c', startSec: 5, endSec: 5.6, text: 'no words', words: [] },
          ],
          isWhole: true,
        })
      one.silence()
      await rig.clock.advance(15_000)
      expect(await texts()).toEqual(['begins here,'])
    })

    it('and is killed while it drains: what is sent again and does not arrive either is a gap', async () => {
      const session = await handOver()
      leave(session, 32_000, 128_000)
      two.stt.prepare = (one) => {
        if (one.options.backlog) one.autoAcknowledge = false
      }
      one.silence()
      await rig.clock.advance(15_000)
      await rig.store.requestStop(id)
      await rig.clock.advance(15_000)
      const gaps = (await rig.store.gaps(id)).filter(({ reason }) => reason === 'drain_timeout')
      expect(gaps.map(({ identity, fromMs, toMs }) => [identity, Math.round(fromMs / 1000), Math.round(toMs / 1000)])).toEqual([
        ['ann', 2, 10],
      ])
    })

    it('41 and is killed while the store is away: what it left is looked for until the store answers', async () => {
      const session = await handOver()
      leave(session, 32_000, 128_000)
      one.silence()
      const { sessions } = rig.store
      rig.store.sessions = () => Promise.reject(new UpstreamError('database_unreachable', 'away', { service: 'database', retryable: true }))
      await rig.clock.advance(300_000)
      expect(two.stt.leftAudio.size).toBe(1)
      rig.store.sessions = sessions
      await rig.clock.advance(30_000)
      expect(two.stt.leftAudio.size).toBe(0)
    })

    it('and dies before anybody has taken it is as any that dies: nobody has heard since', async () => {
      const job = one.attend(id)
      await rig.clock.settle()
      await rig.speak(one, 'ann', 2_000)
      await rig.clock.advance(6_000)
      one.attendance.leave('handover')
      job.abort(new Error('goes back'))
      one.silence()
      await rig.clock.advance(30_000)
      const take = two.claims.take.bind(two.claims)
      two.claims.take = async (...of) => {
        const claim = await take(...of)
        return claim && { ...claim, silentMs: 30_000 }
      }
      two.attend(id)
      await rig.clock.advance(10_000)
      const [gap] = await taken()
      expect(gap).toMatchObject({ identity: 'ann', fromMs: 0 })
      expect(gap?.toMs).toBeGreaterThanOrEqual(38_000)
    })

    it('and is killed while it drains: what cannot be had is a gap of each person', async () => {
      await handOver()
      one.silence()
      await rig.clock.advance(20_000)
      const [gap, ...more] = (await taken()).filter(({ fromMs }) => fromMs < 15_000)
      expect(more).toEqual([])
      expect(gap).toMatchObject({ identity: 'ann' })
      expect(gap?.fromMs).toBeLessThanOrEqual(2_000)
      expect(gap?.toMs).toBeGreaterThanOrEqual(10_000)
    })

    it('and is killed before the next one is in the room, which dies before that is known: what the first one heard last is a gap', async () => {
      const job = one.attend(id)
      await rig.clock.settle()
      await rig.speak(one, 'ann', 2_000)
      await rig.offer(one, job)
      await rig.clock.advance(2_000)
      // it hears on, and nothing of it reaches the store
      const { saveSpans } = rig.store
      rig.store.saveSpans = () => new Promise(() => undefined)
      await rig.speak(one, 'ann', 4_000)
      rig.store.saveSpans = saveSpans
      one.silence()
      for (const say of ['left', 'settled', 'standIn'] as const) one.claims[say] = () => new Promise<never>(() => undefined)
      two.attend(id)
      await rig.clock.advance(1_500)
      await rig.speak(two, 'ann', 1_000)
      two.stt.last.emit({ channel: 0, startSec: 0, endSec: 1, text: 'heard by two' })
      await rig.clock.advance(1_000)
      two.silence()
      rig.process('three').attend(id)
      await rig.clock.advance(30_000)
      const gaps = (await taken()).filter(({ identity, fromMs }) => identity === 'ann' && fromMs < 7_000)
      expect(gaps.map(({ fromMs, toMs }) => [fromMs, toMs])).toEqual([
        [50, 2_000],
        [2_000, 8_050],
      ])
    })

    it('and is killed as soon as it has left: what it had heard last, and nobody stored, is a gap too', async () => {
      const job = one.attend(id)
      await rig.clock.settle()
      await rig.speak(one, 'ann', 7_000)
      await rig.offer(one, job)
      two.attend(id)
      await rig.clock.settle()
      one.stt.last.autoFinish = false
      one.room.connection.end('duplicate_identity')
      await rig.clock.settle()
      one.silence()
      rig.store.saveSpans = () => new Promise(() => undefined)
      two.stt.results = () => Promise.resolve({ utterances: [], isWhole: true })
      await rig.clock.advance(1_000)
      expect((await taken()).filter(({ fromMs }) => fromMs < 6_000)).toEqual([])
      await rig.clock.advance(20_000)
      expect((await taken()).map(({ toMs }) => Math.round(toMs / 1000))).toContain(7)
    })
  })

  describe('28 a bot that died', () => {
    /** `one` hears ann, whom the service understands at first, for so long. */
    const hear = async (understoodMs: number, ms: number) => {
      one.attend(id)
      await rig.clock.settle()
      await rig.speak(one, 'ann', understoodMs)
      one.stt.last.emit({ channel: 0, text: 'understood', startSec: 0.1, endSec: 1 })
      one.stt.last.autoAcknowledge = false
      await rig.speak(one, 'ann', ms)
    }
    const die = async () => {
      one.silence()
      two.attend(id)
      await rig.clock.advance(3_000)
      await rig.speak(two, 'ann', 500)
      await rig.clock.advance(12_000)
    }
    /** meeting time of ann in gaps, ms, joined */
    const missing = async (): Promise<number[][]> => {
      const joined: number[][] = []
      for (const { fromMs, toMs } of (await taken()).toSorted((a, b) => a.fromMs - b.fromMs)) {
        const last = joined.at(-1)
        if (last && fromMs - (last[1] ?? 0) <= 1_000) last[1] = Math.max(last[1] ?? 0, toMs)
        else joined.push([fromMs, toMs])
      }
      return joined
    }

    it('28 I2 a text that was brought in by its own host meanwhile is not taken from the result once more', async () => {
      one.attend(id)
      await rig.clock.settle()
      await rig.speak(one, 'ann', 2_000)
      const { sessionId } = one.stt.last
      const utterance = { sessionId, isFinal: true, channel: 0, words: [], language: 'en', confidence: 1 }
      let asked = 0
      two.stt.results = () => {
        const told = { ...utterance, utteranceId: 'result:0:200', startSec: 0.2, endSec: 1.5, text: 'said once' }
        return Promise.resolve({ utterances: asked++ === 0 ? [] : [told], isWhole: asked > 1 })
      }
      one.silence()
      two.attend(id)
      await rig.clock.advance(5_000)
      expect(asked).toBe(1)
      // it was frozen: its socket told it, its log was adopted by the next process on its disk
      const own = segmentOf(sessionId, 0, {
        identity: asIdentity('ann'),
        utteranceId: '00-01',
        text: 'said once',
        startMs: 210,
        endMs: 900,
      })
      await rig.store.adopt({ meetingId: id, epoch: 1 }, { segments: [own], spans: [] })
      await rig.clock.advance(20_000)
      expect([asked, await texts()]).toEqual([2, ['said once']])
    })

    it('28 I2 what was stored tells how far the stream of the service is ahead: by the frames of its span, and of few words only where they are near', async () => {
      one.attend(id)
      await rig.clock.settle()
      await rig.speak(one, 'ann', 6_000)
      const session = one.stt.last
      session.emit({ channel: 0, startSec: 1, endSec: 1.4, text: 'this is known', words: [] })
      await rig.clock.advance(6_000)
      const known = (await rig.store.segments(id))[0]!
      const utterance = { sessionId: session.sessionId, isFinal: true, channel: 0, words: [], language: 'en', confidence: 1 }
      const told = [
        { ...utterance, utteranceId: 'result:0:1600', startSec: 1.6, endSec: 2, text: 'this is known' },
        { ...utterance, utteranceId: 'result:0:2600', startSec: 2.6, endSec: 3, text: 'this comes after it' },
        { ...utterance, utteranceId: 'result:0:5000', startSec: 5, endSec: 5.4, text: 'this is known' },
      ]
      two.stt.results = () => Promise.resolve({ utterances: told, isWhole: true })
      one.silence()
      two.attend(id)
      await rig.clock.advance(15_000)
      const found = await rig.store.segments(id)
      expect(found.map(({ text }) => text)).toEqual(['this is known', 'this comes after it', 'this is known'])
      expect(found.map(({ startMs }) => startMs - known.startMs)).toEqual([0, 1_000, 3_400])
    })

    it("28 I3 a short word that stands apart, and repeats the last one before it, may be such a copy at a border: it is nobody's", async () => {
      one.attend(id)
      await rig.clock.settle()
      await rig.speak(one, 'ann', 4_000)
      const { sessionId } = one.stt.last
      const utterance = { sessionId, isFinal: true, channel: 0, language: 'en', confidence: 1 }
      const word = (text: string, startSec: number, sec = 0.08) => ({ text, startSec, endSec: startSec + sec, confidence: 1 })
      const told = [
        { ...utterance, utteranceId: 'a', startSec: 0.2, endSec: 0.48, text: 'Well, YES!', words: [word('Well,', 0.2), word('YES!', 0.4)] },
        { ...utterance, utteranceId: 'b', startSec: 0.9, endSec: 1.4, text: 'Yes. And', words: [word('Yes.', 0.9), word('And', 1.32)] },
        { ...utterance, utteranceId: 'near', startSec: 1.5, endSec: 1.7, text: 'and so', words: [word('and', 1.5), word('so', 1.62)] },
        { ...utterance, utteranceId: 'long', startSec: 2, endSec: 2.6, text: 'so it', words: [word('so', 2, 0.2), word('it', 2.5)] },
        { ...utterance, utteranceId: 'other', startSec: 3, endSec: 3.5, text: 'so is', words: [word('so', 3), word('is', 3.42)] },
      ]
      two.stt.results = () => Promise.resolve({ utterances: told, isWhole: true })
      one.silence()
      two.attend(id)
      await rig.clock.advance(15_000)
      expect((await rig.store.segments(id)).map(({ text, identity }) => [text, identity])).toEqual([
        ['Well, YES!', 'ann'],
        ['Yes.', null],
        ['And', 'ann'],
        ['and so', 'ann'],
        ['so it', 'ann'],
        ['so is', 'ann'],
      ])
    })

    it("28 I3 a short piece that repeats what was said before it on its channel may be the copy of a probe: it is nobody's", async () => {
      one.attend(id)
      await rig.clock.settle()
      await rig.speak(one, 'ann', 2_000)
      const { sessionId } = one.stt.last
      const utterance = { sessionId, isFinal: true, channel: 0, words: [], language: 'en', confidence: 1 }
      const told = [
        { ...utterance, utteranceId: 'a', startSec: 0.2, endSec: 1, text: 'Well then, YES!' },
        { ...utterance, utteranceId: 'b', startSec: 1.1, endSec: 1.18, text: 'Yes.' },
        { ...utterance, utteranceId: 'untimed', startSec: 1.19, endSec: 1.19, text: 'well' },
        { ...utterance, utteranceId: 'c', startSec: 1.2, endSec: 1.5, text: 'yes' },
        { ...utterance, utteranceId: 'other', channel: 1, startSec: 1.55, endSec: 1.9, text: 'no' },
        { ...utterance, utteranceId: 'd', startSec: 1.6, endSec: 1.68, text: 'no' },
        { ...utterance, utteranceId: 'e', startSec: 1.7, endSec: 1.78, text: 'he' },
      ]
      two.stt.results = () => Promise.resolve({ utterances: told, isWhole: true })
      one.silence()
      two.attend(id)
      await rig.clock.advance(15_000)
      expect((await rig.store.segments(id)).map(({ text, identity }) => [text, identity])).toEqual([
        ['Well then, YES!', 'ann'],
        ['Yes.', null],
        ['well', 'ann'],
        ['yes', 'ann'],
        ['no', null],
        ['no', 'ann'],
        ['he', 'ann'],
      ])
    })

    it('7 in an outage, on another host: all that the service did not have is a gap, not its last 20 s', async () => {
      await hear(12_000, 30_000)
      await die()
      const [[fromMs = Infinity, toMs = 0] = [], ...more] = await missing()
      expect(more).toEqual([])
      // the record of what the service has is 5 s old at most, and stored within 5 s
      expect(fromMs).toBeGreaterThanOrEqual(1_000)
      expect(fromMs).toBeLessThanOrEqual(12_000)
      expect(toMs).toBeGreaterThanOrEqual(42_000)
    })

    it('7 in an outage, on this disk: what was left is sent, and is no gap but for the last 20 s', async () => {
      await hear(12_000, 30_000)
      leave(one.stt.last, 12 * 16_000, 30 * 16_000)
      await die()
      const [[fromMs = 0] = [], ...more] = (await missing()).filter(([, toMs = 0]) => toMs > 12_000)
      expect(more).toEqual([])
      expect(fromMs).toBeGreaterThanOrEqual(20_000)
    })

    it("28 36 audio that is found when the meeting is another one's by now stays on the disk, and no session is opened", async () => {
      await hear(12_000, 30_000)
      const { sessionId, channels } = one.stt.last
      const found = deferred<readonly LeftAudio[]>()
      two.stt.left = () => found.promise
      await die()
      await rig.speak(two, 'ann', 500)
      two.silence()
      const three = rig.process('three')
      three.attend(id)
      await rig.clock.advance(8_000)
      await rig.speak(three, 'ann', 500)
      two.room.connection.end('duplicate_identity')
      await rig.clock.advance(1_000)
      const backlog = new FakeBacklog(channels, new Int16Array(30 * 16_000 * channels))
      found.resolve([{ sessionId, channels, fromFrame: 12 * 16_000, backlog, vendorId: 'fake' }])
      await rig.clock.advance(5_000)
      expect(two.stt.sessions.map(({ ended }) => ended)).toEqual(['aborted'])
      expect([backlog.isLeft, backlog.isDiscarded, two.attendance.running]).toEqual([true, false, 0])
    })

    it.each(['looked through', 'cleared'])(
      '30 the meeting ends although the disk hangs while it is %s: what was there is a gap',
      async (when) => {
        await hear(12_000, 30_000)
        const { sessionId, channels } = one.stt.last
        const backlog = new FakeBacklog(channels, new Int16Array(30 * 16_000 * channels))
        const hung = deferred()
        const left = { sessionId, channels, fromFrame: 12 * 16_000, backlog, vendorId: 'fake' }
        const had = { ...left, fromFrame: 0, backlog: new FakeBacklog(channels, new Int16Array(100 * channels)) }
        had.backlog.discard = () => hung.promise
        two.stt.left = () => (when === 'cleared' ? Promise.resolve([had, left]) : hung.promise.then(() => [left]))
        await die()
        await rig.store.requestStop(id)
        await rig.clock.advance(30_000)
        expect([two.jobs, two.attendance.running]).toEqual([['done'], 0])
        const [[fromMs = Infinity, toMs = 0] = []] = await missing()
        expect(fromMs).toBeLessThanOrEqual(12_000)
        expect(toMs).toBeGreaterThanOrEqual(42_000)
        // what it gives back late is left there, for whoever looks after late audio
        hung.resolve()
        await rig.clock.settle()
        expect([backlog.isLeft, backlog.isDiscarded]).toEqual([true, false])
      },
    )

    it('7 in an outage, and the room is not entered at once: nothing is written down twice', async () => {
      await hear(12_000, 10_000)
      two.joinsAfter(1_000)
      await die()
      const gaps = (await taken()).toSorted((a, b) => a.fromMs - b.fromMs)
      expect(gaps.length).toBeGreaterThan(0)
      for (const [at, { fromMs }] of gaps.entries()) if (at > 0) expect(fromMs).toBeGreaterThanOrEqual(gaps[at - 1]!.toMs)
    })

    it('whoever had been silent for minutes, understood as such, misses no more than what was on its way', async () => {
      one.attend(id)
      await rig.clock.settle()
      await rig.speak(one, 'ann', 2_000)
      const key = one.room.connection.started.find((name) => name.includes('ann'))!
      for (let ms = 0; ms < 60_000; ms += 50) {
        await rig.clock.advance(50)
        one.room.connection.frame(key, new Int16Array(800), rig.clock.monotonicMs())
      }
      await die()
      const [[fromMs = 0] = [], ...more] = await missing()
      expect(more).toEqual([])
      expect(fromMs).toBeGreaterThanOrEqual(30_000)
    })
  })
})
