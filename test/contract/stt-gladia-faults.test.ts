import { createHash } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/core/time.js'
import type { Limits } from '../../src/live/stt/gladia/limits.js'
import type { Backlog, SttSession } from '../../src/live/stt/port.js'
import type { Behaviours } from '../../src/speech-server/behaviours/schema.js'
import { scriptedFinal, type ScriptedLine } from '../support/scripted-engine.js'
import { blocksOf, countingPcm, KEY, SAMPLE_RATE, SttRecorder, SttStage } from '../support/stt-stage.js'

const stages: SttStage[] = []
afterEach(async () => {
  for (const stage of stages.splice(0)) {
    await stage.close()
    expect(stage.log.join('\n')).not.toContain(KEY)
    expect(stage.log.join('\n')).not.toMatch(/token=(?!\[redacted\])/)
  }
})

async function stageOf(behaviours: Behaviours = {}, script: readonly ScriptedLine[] = [], limits: Partial<Limits> = {}): Promise<SttStage> {
  const stage = await SttStage.start(behaviours, script, limits)
  stages.push(stage)
  return stage
}

const hash = (pcm: Int16Array) =>
  createHash('sha256')
    .update(Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength))
    .digest('hex')
const say = (session: SttSession, pcm: Int16Array) => blocksOf(pcm).forEach((block) => session.send(block))
const line = (id: string, channel: number, start: number, end: number): ScriptedLine => ({
  atSec: end,
  transcript: scriptedFinal(id, channel, start, end),
})
const TWO_SECONDS = countingPcm(SAMPLE_RATE * 2)

/** Two seconds from start to finish. */
async function run(behaviours: Behaviours, script: readonly ScriptedLine[] = [], limits: Partial<Limits> = {}, deadlineMs = 5000) {
  const stage = await stageOf(behaviours, script, limits)
  const session = stage.open()
  say(session, TWO_SECONDS)
  await session.finish(deadlineMs)
  return { stage, session, end: stage.recorder.ends[0]!, server: stage.server.sessions()[0] }
}

describe('creating a session', () => {
  it.each<[number, string, string]>([
    [401, 'unauthorized', 'GLADIA_API_KEY'],
    [402, 'payment_required', 'plan'],
    [403, 'payment_required', 'plan'],
    [400, 'rejected', 'the speech service rejected'],
    [422, 'rejected', 'the speech service rejected'],
    [404, 'rejected', 'GLADIA_API_URL'],
  ])('6 S1 HTTP %i ends it at once as %s', async (status, reason, words) => {
    const stage = await stageOf({ post: { status, message: `no, ${KEY}` } })
    const session = stage.open()
    say(session, TWO_SECONDS)
    await stage.recorder.until(() => stage.recorder.ends.length > 0)
    const [end] = stage.recorder.ends
    expect(end).toMatchObject({ reason, replaceable: false })
    expect(end!.error?.message).toContain(words)
    expect(end!.error?.message).not.toContain(KEY)
    expect(stage.recorder.gaps).toEqual([{ fromFrame: 0, toFrame: SAMPLE_RATE * 2, reason: 'session_lost' }])
  })

  it('names what was wrong with the settings', async () => {
    const stage = await stageOf()
    stage.open({ channels: 9 })
    await stage.recorder.until(() => stage.recorder.ends.length > 0)
    expect(stage.recorder.ends[0]).toMatchObject({ reason: 'rejected' })
    expect(stage.recorder.ends[0]!.error?.message).toContain('channels')
  })

  it.each<[string, Behaviours['post'] & object]>([
    ['429 with Retry-After', { switch: { status: 429, retryAfterSec: 0.2 }, times: 2 }],
    ['429 without', { switch: { status: 429 }, times: 3 }],
    ['5xx', { switch: { status: 503 }, times: 3 }],
    ['a lost answer', { switch: 'lost_response', times: 2 }],
    ['a garbage body', { switch: 'garbage_body', times: 2 }],
    ['no answer in time', { switch: { slowMs: 60_000 }, times: 1 }],
  ])('5 S1 %s is tried again and the audio from the first frame on is kept', async (_, post) => {
    const { stage, end } = await run({ post }, [], { requestMs: 250 })
    expect(end).toMatchObject({ reason: 'done' })
    expect(stage.recorder.phases).toContain('waiting')
    expect(stage.server.sessions().map(({ sha256 }) => sha256)).toContain(hash(TWO_SECONDS))
    expect(stage.recorder.gaps).toEqual([])
  })

  it('5 Retry-After is waited for', async () => {
    const stage = await stageOf({ post: { status: 429, retryAfterSec: 100 } }, [], { openDeadlineMs: 700 })
    stage.open()
    await stage.recorder.until(() => stage.recorder.ends.length > 0)
    // one try, then the wait outlasts the deadline
    expect(stage.log.filter((text) => text.includes('not created'))).toHaveLength(1)
    expect(stage.recorder.ends[0]).toMatchObject({ reason: 'unreachable', replaceable: true })
  })

  it('S9 a service that is not there is given up after the deadline, and the audio is handed back', async () => {
    const stage = await stageOf({}, [], { openDeadlineMs: 300 })
    const session = stage.open({ baseUrl: 'http://127.0.0.1:9' })
    say(session, TWO_SECONDS)
    let taken: ReturnType<NonNullable<SttSession['takeUnacknowledged']>> = null
    stage.recorder.onEnded = () => {
      taken = session.takeUnacknowledged!()
    }
    await stage.recorder.until(() => stage.recorder.ends.length > 0)
    expect(stage.recorder.ends[0]).toMatchObject({ reason: 'unreachable', replaceable: true, error: { code: 'speech_unreachable' } })
    const { fromFrame, backlog } = taken as unknown as { fromFrame: number; backlog: Backlog }
    expect([fromFrame, backlog.frames]).toEqual([0, SAMPLE_RATE * 2])
    expect(stage.recorder.gaps).toEqual([])
    const recorder = new SttRecorder()
    await stage.open({ backlog }, recorder).finish(5000)
    expect(recorder.ends).toMatchObject([{ reason: 'done' }])
    expect(stage.server.sessions()[0]?.sha256).toBe(hash(TWO_SECONDS))
  })

  it('asks for what the contract says', async () => {
    const stage = await stageOf()
    const session = stage.open({ region: 'eu-west', language: null, vocabulary: ['Grace Hopper', 'grace hopper', ' '] })
    await stage.recorder.until(() => stage.recorder.phases.includes('live'))
    const job = await (await fetch(`${stage.server.url}/v2/live/${session.vendorId}`, { headers: { 'x-gladia-key': KEY } })).json()
    expect(job).toMatchObject({
      request_params: {
        encoding: 'wav/pcm',
        bit_depth: 16,
        sample_rate: SAMPLE_RATE,
        channels: 2,
        endpointing: 0.3,
        maximum_duration_without_endpointing: 15,
        language_config: { languages: [] },
        realtime_processing: { custom_vocabulary: true, custom_vocabulary_config: { vocabulary: ['Grace Hopper'] } },
        messages_config: { receive_partial_transcripts: true, receive_acknowledgments: true, receive_speech_events: false },
      },
    })
  })
})

describe('the connection', () => {
  it.each([1001, 1006, 1011, 1012, 1013, 4000, 4500])('1 S4 close %i reconnects to the same session', async (code) => {
    const { stage, end, session, server } = await run({
      closeSocket: { switch: { code: code === 1006 ? 'terminate' : code, afterChunks: 5 }, times: 1 },
    })
    expect(end).toMatchObject({ reason: 'done' })
    expect(session.connections).toBe(2)
    expect(server?.sha256).toBe(hash(TWO_SECONDS))
    // what the service had by then may have been told to nobody
    expect(stage.recorder.pendings).toHaveLength(1)
    expect(stage.recorder.pendings[0]).toMatchObject({ fromFrame: 0 })
    expect(stage.recorder.acknowledgements).toContain(stage.recorder.pendings[0]!.toFrame)
  })

  it.each<[string, Behaviours]>([
    ['4403', { acceptThenClose: { code: 4403 } }],
    ['44xx', { acceptThenClose: { code: 4408 } }],
    ['1009 again and again', { acceptThenClose: { code: 1009 } }],
    ['4000 again and again', { acceptThenClose: { code: 4000 } }],
    ['1000 without a stop', { acceptThenClose: { code: 1000 } }],
    ['handshake 403', { handshake: { status: 403 } }],
    ['handshake 404', { handshake: { status: 404 } }],
  ])('4 S4 %s means a new session', async (_, behaviours) => {
    const stage = await stageOf(behaviours, [], { collectMs: 100 })
    const session = stage.open()
    say(session, TWO_SECONDS)
    await stage.recorder.until(() => stage.recorder.ends.length > 0)
    expect(stage.recorder.ends[0]).toMatchObject({ reason: 'session_lost', replaceable: true })
    expect(session.connections).toBeLessThanOrEqual(3)
    expect(stage.recorder.gaps).toEqual([{ fromFrame: 0, toFrame: SAMPLE_RATE * 2, reason: 'session_lost' }])
  })

  it.each<[number, string]>([
    [4401, 'unauthorized'],
    [4402, 'payment_required'],
  ])('6 S4 close %i is fatal', async (code, reason) => {
    const stage = await stageOf({ acceptThenClose: { code } }, [], { collectMs: 100 })
    stage.open()
    await stage.recorder.until(() => stage.recorder.ends.length > 0)
    expect(stage.recorder.ends[0]).toMatchObject({ reason, replaceable: false })
  })

  it('S5 S9 an accept-then-close loop is given up, its dials ever further apart', async () => {
    const stage = await stageOf({ acceptThenClose: { code: 1011 } }, [], {
      resumeDeadlineMs: 1500,
      backoff: { firstMs: 40, maxMs: 5000 },
      collectMs: 50,
    })
    const session = stage.open()
    say(session, TWO_SECONDS)
    await stage.recorder.until(() => stage.recorder.ends.length > 0)
    expect(stage.recorder.ends[0]).toMatchObject({ reason: 'session_lost', replaceable: true })
    expect(session.connections).toBeLessThan(30)
  })

  it('4 no more dials in a minute than allowed', async () => {
    const stage = await stageOf({ acceptThenClose: { code: 1011 } }, [], { maxDialsPerMinute: 4, resumeDeadlineMs: 1200, collectMs: 50 })
    const session = stage.open()
    await stage.recorder.until(() => stage.recorder.ends.length > 0)
    expect(session.connections).toBe(4)
  })

  it('2 without one acknowledgement everything is sent again', async () => {
    const stage = await stageOf({ acks: 'withhold' })
    const session = stage.open()
    say(session, TWO_SECONDS)
    await stage.recorder.until(() => stage.log.some((text) => text.includes('"no progress"')))
    expect(session.acknowledgedFrames).toBe(0)
    stage.server.switches.set({})
    await session.finish(5000)
    expect(stage.recorder.ends[0]).toMatchObject({ reason: 'done' })
    expect(stage.server.sessions()[0]?.sha256).toBe(hash(TWO_SECONDS))
  })

  it.each(['proxy', 'server'])('3 U5 a half-open connection is found by its acknowledgements (%s silent)', async (silent) => {
    const stage = await stageOf(silent === 'server' ? { halfOpen: { switch: { afterChunks: 3 }, times: 1 } } : {})
    const session = stage.open()
    say(session, TWO_SECONDS.slice(0, SAMPLE_RATE))
    await stage.recorder.until(() => session.acknowledgedFrames > 0)
    stage.proxy.isBlackhole = silent === 'proxy'
    say(session, TWO_SECONDS.slice(SAMPLE_RATE))
    await stage.recorder.until(() => stage.recorder.phases.includes('waiting'))
    stage.proxy.isBlackhole = false
    await session.finish(5000)
    expect(stage.recorder.ends[0]).toMatchObject({ reason: 'done' })
    expect(stage.server.sessions()[0]?.sha256).toBe(hash(TWO_SECONDS))
  })

  it('1 a server away for a while is waited for', async () => {
    const stage = await stageOf()
    const session = stage.open()
    say(session, TWO_SECONDS.slice(0, SAMPLE_RATE))
    await stage.recorder.until(() => session.acknowledgedFrames > 0)
    stage.proxy.isDown = true
    stage.proxy.reset()
    say(session, TWO_SECONDS.slice(SAMPLE_RATE))
    await stage.recorder.until(() => stage.log.filter((text) => text.includes('connection lost')).length >= 4)
    stage.proxy.isDown = false
    await session.finish(5000)
    expect(stage.recorder.ends[0]).toMatchObject({ reason: 'done' })
    expect(stage.server.sessions()[0]?.sha256).toBe(hash(TWO_SECONDS))
  })

  it('a refused chunk is sent again on a new connection', async () => {
    const { end, server, session } = await run({ acks: { switch: 'reject', times: 1 } })
    expect(end).toMatchObject({ reason: 'done' })
    expect(session.connections).toBeGreaterThan(1)
    expect(server?.sha256).toBe(hash(TWO_SECONDS))
  })

  it('a session that refuses everything is lost, in few connections', async () => {
    const stage = await stageOf({ acks: 'reject' }, [], { collectMs: 50 })
    const session = stage.open()
    say(session, TWO_SECONDS)
    await stage.recorder.until(() => stage.recorder.ends.length > 0)
    expect(stage.recorder.ends[0]).toMatchObject({ reason: 'session_lost', replaceable: true })
    expect(session.connections).toBeLessThanOrEqual(4)
  })

  it('U6 empty chunks keep an idle connection', async () => {
    const stage = await stageOf({ idleMs: 400 }, [], { idleMs: 150, keepaliveMs: 100 })
    const session = stage.open()
    say(session, TWO_SECONDS)
    await stage.recorder.until(() => session.acknowledgedFrames >= SAMPLE_RATE * 2)
    const acknowledged = stage.recorder.acknowledgements.length
    // idleness is the thing under test: more than the service allows has to pass
    await systemClock.sleep(900)
    expect(stage.recorder.ends).toEqual([])
    expect(stage.recorder.acknowledgements).toHaveLength(acknowledged)
    await session.finish(5000)
    expect(session.connections).toBe(1)
    expect(stage.server.sessions()[0]?.sha256).toBe(hash(TWO_SECONDS))
  })

  it('15 a slow connection fills the bounded buffer, oldest first with a gap, and no more', async () => {
    const stage = await stageOf({}, [], { bufferBytes: 32_000, maxQueuedMs: 100 })
    stage.proxy.isBlackhole = true
    const session = stage.open()
    say(session, TWO_SECONDS)
    expect(stage.recorder.gaps.at(-1)).toMatchObject({ reason: 'buffer_full', toFrame: SAMPLE_RATE * 1.5 })
    const dropped = stage.recorder.gaps.reduce((sum, { fromFrame, toFrame }) => sum + toFrame - fromFrame, 0)
    expect(dropped).toBe(SAMPLE_RATE * 1.5)
    stage.proxy.isBlackhole = false
    await session.finish(5000)
    expect(stage.recorder.ends[0]).toMatchObject({ reason: 'done' })
    expect(stage.server.sessions()[0]?.sha256).toBe(hash(TWO_SECONDS.slice(SAMPLE_RATE * 3)))
  })
})

describe('messages', () => {
  it.each<[string, Behaviours, number]>([
    ['text that is no JSON', { invalidJson: true }, 1],
    ['binary messages', { binaryMessage: true }, 1],
    ['types that nobody knows', { unknownMessage: true }, 0],
    ['fields that nobody knows', { extraFields: true }, 0],
    ['a flood of pings', { pingFlood: 50 }, 0],
  ])('9 %s costs nothing else', async (_, behaviours, malformed) => {
    const { stage, end, session, server } = await run(behaviours, [line('a', 0, 0.5, 1)])
    expect(end).toMatchObject({ reason: 'done' })
    expect(session.connections).toBe(1)
    expect(session.malformedMessages).toBeGreaterThanOrEqual(malformed)
    if (malformed === 0) expect(session.malformedMessages).toBe(0)
    expect(server?.sha256).toBe(hash(TWO_SECONDS))
    expect(stage.recorder.finals).toHaveLength(1)
  })

  it('10 finals doubled, shuffled and followed by interims are told once', async () => {
    const script = Array.from({ length: 9 }, (_, at) => line(`u${at}`, at % 2, at * 0.2, at * 0.2 + 0.15))
    const { stage } = await run({ duplicateFinals: 2, shuffleFinals: 3, partialAfterFinal: true }, script)
    expect(stage.recorder.finals.map(({ utteranceId }) => utteranceId).toSorted()).toEqual(script.map(({ transcript }) => transcript!.id))
    const finished = new Set<string>()
    for (const { utteranceId, isFinal } of stage.recorder.utterances) {
      expect(finished.has(utteranceId)).toBe(false)
      if (isFinal) finished.add(utteranceId)
    }
  })

  it.each<[string, Behaviours]>([
    ['end before start', { timestamps: 'end_before_start' }],
    ['beyond the audio', { timestamps: 'beyond_audio' }],
    ['null', { timestamps: 'null' }],
    ['a jump', { timestamps: { jumpSec: 1000 } }],
  ])('13 times that make no sense (%s) are clamped and the text is kept', async (_, behaviours) => {
    const { stage } = await run(behaviours, [line('a', 0, 0.5, 1)])
    const texts = stage.recorder.finals.filter(({ utteranceId }) => utteranceId === 'a')
    expect(texts).toHaveLength(1)
    const { startSec, endSec } = texts[0]!
    expect(startSec).toBeGreaterThanOrEqual(0)
    expect(endSec).toBeGreaterThanOrEqual(startSec)
    expect(endSec).toBeLessThanOrEqual(2)
  })

  it.each<[string, Behaviours, number]>([
    ['out of range', { channel: { add: 7 } }, 7],
    ['negative', { channel: 'negative' }, -1],
    ['a fraction', { channel: 'fraction' }, -1],
    ['missing', { channel: 'missing' }, -1],
  ])('11 a channel that is %s keeps its text and names no channel of ours', async (_, behaviours) => {
    const { stage } = await run(behaviours, [line('a', 0, 0.5, 1)])
    const final = stage.recorder.finals.find(({ utteranceId }) => utteranceId === 'a')
    expect(final?.text).toBe('line a')
    expect([0, 1]).not.toContain(final?.channel)
  })
})

describe('the end', () => {
  it('14 a service that never closes is asked for the result after end_session', async () => {
    const { end, stage } = await run({ afterStop: 'never_closes' }, [line('a', 0, 0.5, 1)], {}, 1000)
    expect(end).toMatchObject({ reason: 'done' })
    expect(stage.recorder.finals).toHaveLength(1)
  })

  it('14 S7 a close 1011 after the stop is followed by the result, not by a reconnect', async () => {
    const { end, stage, session } = await run({ afterStop: 'close_1011' }, [line('a', 0, 0.5, 1), line('b', 1, 1.5, 3)])
    expect(end).toMatchObject({ reason: 'done' })
    expect(session.connections).toBe(1)
    expect(stage.recorder.finals.map(({ text }) => text)).toEqual(['line a', 'line b'])
  })

  it('14 S8 a result that stays in processing is not needed when one connection saw everything', async () => {
    const { end, stage } = await run({ afterStop: 'stays_processing' }, [line('a', 0, 0.5, 1)], { collectMs: 150 })
    expect(stage.recorder.finals).toHaveLength(1)
    expect(end).toMatchObject({ reason: 'done' })
  })

  it('14 S8 a result that stays in processing after a reconnect is not called done', async () => {
    const cut: Behaviours = { closeSocket: { switch: { code: 1011, afterChunks: 4 }, times: 1 } }
    const { end, stage } = await run({ afterStop: 'stays_processing', ...cut }, [line('a', 0, 0.5, 1)], { collectMs: 150 })
    expect(stage.recorder.finals).toHaveLength(1)
    expect(end).toMatchObject({ reason: 'drain_timeout', replaceable: false })
  })

  it('S9 a second finish shortens the wait, and never makes it longer', async () => {
    const stage = await stageOf({}, [], { openDeadlineMs: 600_000 })
    const session = stage.open({ baseUrl: 'http://127.0.0.1:9' })
    say(session, TWO_SECONDS)
    await Promise.all([session.finish(600_000), session.finish(200), session.finish(600_000)])
    expect(stage.recorder.ends).toMatchObject([{ reason: 'unreachable' }])
  })

  it('S9 audio that nobody takes ends at the deadline, with its gap', async () => {
    const stage = await stageOf({}, [], { collectMs: 100 })
    const session = stage.open()
    say(session, TWO_SECONDS.slice(0, SAMPLE_RATE))
    await stage.recorder.until(() => session.acknowledgedFrames > 0)
    const acknowledged = session.acknowledgedFrames
    stage.proxy.isBlackhole = true
    say(session, TWO_SECONDS.slice(SAMPLE_RATE))
    await session.finish(300)
    expect(stage.recorder.ends).toMatchObject([{ reason: 'drain_timeout', replaceable: false }])
    expect(stage.recorder.gaps).toEqual([{ fromFrame: acknowledged, toFrame: SAMPLE_RATE * 2, reason: 'drain_timeout' }])
  })

  it('texts made while no socket was attached come with the result, once, under the interim they finish', async () => {
    const interim = { ...scriptedFinal('lost', 1, 1.2, 1.6, 'not heard'), isFinal: false }
    const script = [
      line('a', 0, 0.2, 0.5),
      { atSec: 1.5, transcript: interim },
      { atSec: 60, transcript: scriptedFinal('lost', 1, 1.2, 1.6, 'not heard') },
    ]
    const { stage, end } = await run({ afterStop: 'close_1011', closeSocket: { switch: { code: 1011, afterChunks: 4 }, times: 1 } }, script)
    expect(end).toMatchObject({ reason: 'done' })
    expect(stage.recorder.finals.map(({ text }) => text)).toEqual(['line a', 'not heard'])
    expect(stage.recorder.finals[1]?.utteranceId).toBe('lost')
  })

  it('S6 a finish before the first connection still sends everything', async () => {
    const stage = await stageOf({ post: { switch: { status: 503 }, times: 2 } })
    const session = stage.open()
    say(session, TWO_SECONDS)
    await session.finish(5000)
    expect(stage.recorder.ends[0]).toMatchObject({ reason: 'done' })
    expect(stage.server.sessions()[0]?.sha256).toBe(hash(TWO_SECONDS))
  })

  it('S6 a stop lost with its connection is sent again', async () => {
    const stage = await stageOf()
    const session = stage.open()
    say(session, TWO_SECONDS)
    await stage.recorder.until(() => session.acknowledgedFrames >= SAMPLE_RATE * 2 - 1600)
    stage.proxy.isBlackhole = true
    const finished = session.finish(5000)
    await stage.recorder.until(() => stage.recorder.phases.includes('draining'))
    await stage.recorder.until(() => stage.recorder.phases.includes('waiting'))
    stage.proxy.isBlackhole = false
    await finished
    expect(stage.recorder.ends[0]).toMatchObject({ reason: 'done' })
    expect(stage.server.sessions()[0]).toMatchObject({ sha256: hash(TWO_SECONDS), status: 'done' })
  })
})
