import { describe, expect, it } from 'vitest'
import { UpstreamError } from '../../../../src/core/errors.js'
import { asIdentity } from '../../../../src/core/ids.js'
import type { RoomEvents } from '../../../../src/live/room/port.js'
import { BOT_OPTIONS, BotRig } from '../../../support/bot-rig.js'

describe('MeetingBot', () => {
  it('opens no session before somebody makes a sound', async () => {
    const rig = new BotRig()
    await rig.start()
    const key = rig.room.connection.start('ann')
    for (let at = 0; at < 20; at++) {
      rig.room.connection.frame(key, new Int16Array(800), rig.clock.monotonicMs())
      await rig.clock.advance(50)
    }
    expect(rig.stt.sessions).toHaveLength(0)
    await rig.speak(key, 200)
    expect(rig.stt.sessions).toHaveLength(1)
    rig.stop.abort()
    expect(await rig.end()).toMatchObject({ reason: 'shutdown', failed: false })
  })

  it('puts text under the name of the person whose audio was on the channel, and stores it before it is told', async () => {
    const rig = new BotRig()
    await rig.start()
    rig.room.connection.participant('ann', 'Ann')
    rig.room.connection.participant('bob', 'Bob')
    const ann = rig.room.connection.start('ann')
    const bob = rig.room.connection.start('bob')
    await rig.speak(ann, 1_000)
    await rig.speak(bob, 1_000)
    const session = rig.stt.sessions[0]
    if (!session) throw new Error('no session')
    const channelOf = (identity: string) =>
      rig.store.spans(rig.meeting.id).then((spans) => spans.find((span) => span.identity === identity)?.channel ?? -1)
    await rig.clock.advance(6_000)
    session.emit({ channel: await channelOf('bob'), text: 'hello from Bob', startSec: 1.2, endSec: 1.8 })
    session.emit({ channel: await channelOf('ann'), text: 'hello from Ann', startSec: 0.2, endSec: 0.8 })
    await rig.clock.settle()
    expect(rig.segments.map((segment) => [segment.identity, segment.text])).toEqual([
      ['bob', 'hello from Bob'],
      ['ann', 'hello from Ann'],
    ])
    expect((await rig.store.segments(rig.meeting.id)).map((segment) => segment.text)).toEqual(['hello from Bob', 'hello from Ann'])
    rig.stop.abort()
    await rig.end()
  })

  it('gives the service the names of the people and the words of the meeting', async () => {
    const rig = new BotRig()
    await rig.start()
    rig.room.connection.participant('ann', 'Ann Chen')
    const key = rig.room.connection.start('ann')
    await rig.speak(key, 200)
    expect(rig.stt.sessions[0]?.options).toMatchObject({ language: 'en', vocabulary: ['Ann Chen', 'Grafana', 'Kubernetes'] })
    rig.stop.abort()
    await rig.end()
  })

  it('leaves after the grace time when everybody has left, and not before', async () => {
    const rig = new BotRig()
    await rig.start()
    rig.room.connection.participant('ann')
    rig.room.connection.leave('ann')
    await rig.clock.advance(9_900)
    expect(rig.outcome).toBeNull()
    rig.room.connection.participant('ann')
    await rig.clock.advance(20_000)
    expect(rig.outcome).toBeNull()
    rig.room.connection.leave('ann')
    expect(await rig.end()).toMatchObject({ reason: 'everybody_left', failed: false })
    expect(rig.room.connection.closes).toBeGreaterThan(0)
    expect(rig.states).toEqual(['joining', 'waiting', 'live', 'draining', 'finalising'])
  })

  it('leaves a room that nobody came to', async () => {
    const rig = new BotRig()
    await rig.start()
    for (let second = 0; second < 61; second++) await rig.clock.advance(1_000)
    expect(await rig.end()).toMatchObject({ reason: 'nobody_came', failed: false })
  })

  it('stops when the store says that the end was asked for', async () => {
    const rig = new BotRig()
    await rig.start()
    rig.room.connection.participant('ann')
    await rig.store.requestStop(rig.meeting.id)
    await rig.clock.settle()
    expect(await rig.end()).toMatchObject({ reason: 'stopped' })
  })

  it('joins again after a failure that may heal, and fails with the reason after one that may not', async () => {
    const failure = (code: string, retryable: boolean) => new UpstreamError(code, `LiveKit said ${code}`, { service: 'livekit', retryable })
    const rig = new BotRig()
    rig.room.failJoins(failure('livekit_unreachable', true), failure('livekit_unreachable', true))
    await rig.start()
    await rig.clock.advance(10_000)
    expect(rig.room.joins).toHaveLength(3)
    expect(rig.states).toContain('waiting')
    rig.stop.abort()
    await rig.end()

    const other = new BotRig()
    other.room.failJoins(failure('livekit_unauthorized', false))
    await other.start()
    expect(await other.end()).toMatchObject({ reason: 'livekit_unauthorized', failed: true })
    expect((await other.store.meeting(other.meeting.id)).state).toBe('failed')
    expect(other.errors).toEqual(['LiveKit said livekit_unauthorized'])
  })

  it('18 a server that is away for a minute is joined within 5 s of its return, and the minute is a gap of everybody', async () => {
    const rig = new BotRig()
    await rig.start({ policy: { ...BOT_OPTIONS.policy, rejoinForMs: 300_000 } })
    const key = rig.room.connection.start('ann')
    await rig.speak(key, 500)
    const [lost] = rig.room.connections
    lost!.end('connection_lost')
    const away = () => new UpstreamError('livekit_unreachable', 'away', { service: 'livekit', retryable: true })
    rig.room.failJoins(...Array.from({ length: 1_000 }, away))
    await rig.clock.advance(60_000)
    expect(rig.room.connections).toHaveLength(1)
    rig.room.healJoins()
    await rig.clock.advance(5_500)
    expect(rig.room.connections).toHaveLength(2)
    rig.room.connection.start('ann')
    await rig.speak(key, 500)
    rig.stop.abort()
    expect(await rig.end()).toMatchObject({ reason: 'shutdown', failed: false, complete: false })
    const [gap] = await rig.store.gaps(rig.meeting.id)
    expect(gap).toMatchObject({ identity: 'ann', reason: 'reconnecting' })
    expect(gap!.toMs - gap!.fromMs).toBeGreaterThanOrEqual(60_000)
  })

  it('rejoins after a lost connection, keeps people by identity, and writes the absence down as a gap', async () => {
    const rig = new BotRig()
    await rig.start()
    const key = rig.room.connection.start('ann')
    await rig.speak(key, 500)
    rig.room.connection.end('connection_lost')
    await rig.clock.advance(100)
    expect(rig.room.connections).toHaveLength(2)
    rig.room.connection.participant('ann')
    await rig.clock.advance(1_900)
    const again = rig.room.connection.start('ann')
    await rig.speak(again, 500)
    expect(rig.stt.sessions).toHaveLength(1)
    rig.stop.abort()
    expect(await rig.end()).toMatchObject({ complete: false })
    expect(await rig.store.gaps(rig.meeting.id)).toEqual([{ identity: 'ann', fromMs: 520, toMs: 2_520, reason: 'reconnecting' }])
  })

  it('hears nothing more of a connection that has ended', async () => {
    const kept: RoomEvents[] = []
    const rig = new BotRig()
    const join = rig.room.join.bind(rig.room)
    rig.room.join = (how, events, signal) => {
      kept.push(events)
      return join(how, events, signal)
    }
    await rig.start()
    rig.room.connection.participant('ann')
    rig.room.connection.end('connection_lost')
    await rig.clock.advance(100)
    kept[0]?.participantJoined({ identity: asIdentity('ghost'), name: 'Ghost' })
    kept[0]?.ended('removed')
    await rig.clock.advance(1_000)
    expect(rig.outcome).toBeNull()
    rig.stop.abort()
    await rig.end()
    expect((await rig.store.meeting(rig.meeting.id)).participants.map((person) => person.identity)).toEqual(['ann'])
  })

  it('joins again at once when the connection ends before the room is entered', async () => {
    const rig = new BotRig()
    rig.room.endNextJoin('connection_lost')
    await rig.start()
    await rig.clock.advance(2_000)
    expect(rig.room.joins).toHaveLength(2)
    rig.room.connection.participant('ann')
    await rig.clock.advance(100)
    expect((await rig.store.meeting(rig.meeting.id)).state).toBe('live')
    rig.stop.abort()
    await rig.end()
  })

  it('leaves when it was removed before the room is entered', async () => {
    const rig = new BotRig()
    rig.room.endNextJoin('removed')
    await rig.start()
    expect(await rig.end()).toMatchObject({ reason: 'removed' })
    expect(rig.room.joins).toHaveLength(1)
  })

  it('yields to another owner', async () => {
    const rig = new BotRig()
    await rig.start()
    rig.room.connection.end('duplicate_identity')
    expect(await rig.end()).toMatchObject({ reason: 'duplicate_identity' })
    expect(rig.room.joins).toHaveLength(1)
  })

  it('writes nothing more when another process has claimed the meeting', async () => {
    const rig = new BotRig()
    await rig.start()
    const key = rig.room.connection.start('ann')
    await rig.speak(key, 500)
    await rig.store.claim(rig.meeting.id)
    rig.stt.sessions[0]?.emit({ channel: 0, text: 'too late' })
    await rig.clock.settle()
    expect(await rig.end()).toMatchObject({ claimLost: true })
    expect(await rig.store.segments(rig.meeting.id)).toEqual([])
    expect((await rig.store.meeting(rig.meeting.id)).state).not.toBe('finalising')
  })

  it('moves on to a new session when one dies, and has its unacknowledged audio understood', async () => {
    const rig = new BotRig()
    await rig.start()
    const key = rig.room.connection.start('ann')
    await rig.speak(key, 300)
    const first = rig.stt.sessions[0]
    if (!first) throw new Error('no session')
    first.autoAcknowledge = false
    await rig.speak(key, 700)
    const unacknowledged = first.sentFrames - first.acknowledgedFrames
    expect(unacknowledged).toBeGreaterThan(0)
    first.end('session_lost', true)
    await rig.speak(key, 500)
    expect(rig.stt.sessions).toHaveLength(3)
    const recovery = rig.stt.sessions.find((session) => session !== first && session.sentFrames === unacknowledged)
    expect(recovery).toBeDefined()
    // its first half second was spoken when the old session was `acknowledged` far in
    recovery?.emit({ channel: 0, text: 'recovered words', startSec: 0, endSec: 0.1 })
    rig.stop.abort()
    const outcome = await rig.end()
    const [segment] = await rig.store.segments(rig.meeting.id)
    expect(segment).toMatchObject({ identity: 'ann', text: 'recovered words', startMs: Math.round(first.acknowledgedFrames / 16) })
    expect(outcome.complete).toBe(true)
  })

  it('6 fails with the reason when speech recognition refuses the key from the start', async () => {
    const rig = new BotRig()
    rig.stt.prepare = (session) => queueMicrotask(() => session.end('unauthorized', false))
    await rig.start()
    const key = rig.room.connection.start('ann')
    await rig.speak(key, 500)
    expect(await rig.end()).toMatchObject({ reason: 'speech_unauthorized', failed: true, complete: false })
  })

  it('captions in the name of the speaker', async () => {
    const rig = new BotRig()
    await rig.start()
    const key = rig.room.connection.start('ann')
    await rig.speak(key, 500)
    rig.stt.sessions[0]?.emit({ channel: 0, text: 'so far', isFinal: false, utteranceId: 'x', startSec: 0.1, endSec: 0.2 })
    rig.stt.sessions[0]?.emit({ channel: 0, text: 'so far so good', utteranceId: 'x', startSec: 0.1, endSec: 0.4 })
    await rig.clock.settle()
    expect(rig.room.connection.captions.map(({ identity, text, isFinal }) => ({ identity, text, isFinal }))).toEqual([
      { identity: 'ann', text: 'so far', isFinal: false },
      { identity: 'ann', text: 'so far so good', isFinal: true },
    ])
    rig.stop.abort()
    await rig.end()
  })
})
