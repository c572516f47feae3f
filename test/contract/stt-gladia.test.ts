import { createHash } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import type { Limits } from '../../src/live/stt/gladia/limits.js'
import type { Backlog, SttSession } from '../../src/live/stt/port.js'
import type { Behaviours } from '../../src/speech-server/behaviours/schema.js'
import { scriptedFinal, type ScriptedLine } from '../support/scripted-engine.js'
import { blocksOf, countingPcm, KEY, SAMPLE_RATE, SttRecorder, SttStage } from '../support/stt-stage.js'

const stages: SttStage[] = []
afterEach(async () => {
  for (const stage of stages.splice(0)) {
    await stage.close()
    // whatever happened: no line of the log carries the key or the token of a socket
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
const line = (id: string, channel: number, start: number, end: number, text?: string): ScriptedLine => ({
  atSec: end,
  transcript: scriptedFinal(id, channel, start, end, text),
})

describe('a whole session', () => {
  it('delivers every byte and every utterance, and ends done', async () => {
    const stage = await stageOf({}, [line('a', 0, 0.5, 1.5, ' hello there'), line('b', 1, 2, 2.5)])
    const session = stage.open({ vocabulary: ['Ada Lovelace'] })
    const pcm = countingPcm(SAMPLE_RATE * 3 + 123)
    say(session, pcm)
    await session.finish(5000)
    expect(stage.recorder.ends).toEqual([{ reason: 'done', replaceable: false, error: undefined }])
    expect(stage.server.sessions()[0]).toMatchObject({ sha256: hash(pcm), connections: 1, status: 'done', malformedMessages: 0 })
    expect(stage.recorder.finals.map(({ text, channel, startSec, endSec }) => [text, channel, startSec, endSec])).toEqual([
      ['hello there', 0, 0.5, 1.5],
      ['line b', 1, 2, 2.5],
    ])
    expect(stage.recorder.gaps).toEqual([])
    expect(session.acknowledgedFrames).toBe(SAMPLE_RATE * 3 + 123)
    expect(stage.recorder.acknowledgements).toEqual(stage.recorder.acknowledgements.toSorted((a, b) => a - b))
    expect(stage.engine.sessions[0]?.options).toMatchObject({
      endpointingSec: 0.3,
      maxUtteranceSec: 15,
      vocabulary: ['Ada Lovelace'],
      partials: true,
    })
    expect(session.vendorId).toBe(stage.server.sessions()[0]?.id)
  })

  it('6 a session that is held back keeps audio without asking the service, and sends all of it at the finish', async () => {
    const stage = await stageOf()
    const session = stage.open({ holdMs: 60_000 })
    const pcm = countingPcm(SAMPLE_RATE * 2)
    say(session, pcm)
    expect(stage.server.sessions()).toEqual([])
    await session.finish(5000)
    expect(stage.recorder.ends).toEqual([{ reason: 'done', replaceable: false, error: undefined }])
    expect(stage.server.sessions()[0]).toMatchObject({ sha256: hash(pcm), connections: 1, status: 'done' })
  })

  it('does not accept audio after the finish', async () => {
    const stage = await stageOf()
    const session = stage.open()
    session.send(countingPcm(1600))
    const finished = session.finish(5000)
    session.send(countingPcm(1600))
    await finished
    expect(session.sentFrames).toBe(1600)
    expect(stage.recorder.ends[0]?.reason).toBe('done')
  })

  it('ends done when nothing was ever said', async () => {
    const stage = await stageOf()
    await stage.open().finish(5000)
    expect(stage.recorder.ends).toEqual([{ reason: 'done', replaceable: false, error: undefined }])
  })

  it('S10 close ends it at once and twice is once', async () => {
    const stage = await stageOf()
    const session = stage.open()
    say(session, countingPcm(16_000))
    await stage.recorder.until(() => session.acknowledgedFrames > 0)
    await Promise.all([session.close(), session.close()])
    expect(stage.recorder.ends.map(({ reason }) => reason)).toEqual(['aborted'])
  })
})

const random = (seed: number) => () => {
  // mulberry32
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
}

/** Sends 20 s of two channels through `cuts` cuts, each after a random number of bytes of a connection. */
async function cutRun(
  behaviours: Behaviours,
  cuts: number,
  seed: number,
  limits: Partial<Limits> = {},
  script: readonly ScriptedLine[] = [],
) {
  const stage = await stageOf(behaviours, script, limits)
  const next = random(seed)
  const session = stage.open()
  const pcm = countingPcm(SAMPLE_RATE * 20)
  const parts = cuts + 1
  let done = 0
  for (let part = 0; part < parts; part++) {
    const share = blocksOf(pcm).slice(done, Math.floor((400 * (part + 1)) / parts))
    done += share.length
    const cut = part < cuts ? stage.proxy.cutAfter(400 + Math.floor(next() * 40_000)) : null
    for (const block of share) session.send(block)
    await cut
  }
  await session.finish(10_000)
  return { stage, session, pcm }
}

describe('cuts', () => {
  const exact: [string, Behaviours][] = [
    ['bytes in flight discarded', {}],
    ['bytes in flight kept', { unackedBytes: 'kept' }],
    ['inclusive ranges', { byteRangeEnd: 'inclusive', unackedBytes: 'kept' }],
    ['coalesced acknowledgements', { acks: { coalesce: 3 }, unackedBytes: 'kept' }],
    ['delayed acknowledgements', { acks: { delayMs: 40 }, unackedBytes: 'kept' }],
  ]
  it.each(exact)('1 the service hears exactly what was sent: %s', async (_, behaviours) => {
    const { stage, session, pcm } = await cutRun(behaviours, 8, 7)
    expect(stage.recorder.ends).toMatchObject([{ reason: 'done' }])
    expect(stage.server.sessions()).toHaveLength(1)
    expect(session.connections).toBeGreaterThan(4)
    expect(stage.server.sessions()[0]).toMatchObject({ bytes: pcm.byteLength, sha256: hash(pcm), malformedMessages: 0 })
    expect(stage.recorder.gaps).toEqual([])
  })
})

/** Our frame at each frame of the service's stream, found by content. */
function aligned(heard: Int16Array, pcm: Int16Array): number[] {
  const key = (of: Int16Array, frame: number) => of.subarray(frame * 2, frame * 2 + 8).join()
  const known = new Map<string, number>()
  for (let frame = 0; frame < pcm.length / 2 - 4; frame++) known.set(key(pcm, frame), frame)
  const places: number[] = []
  for (let frame = 0; frame < heard.length / 2; frame++) {
    const follows = (places.at(-1) ?? -1) + 1
    const same = pcm[follows * 2] === heard[frame * 2] && pcm[follows * 2 + 1] === heard[frame * 2 + 1]
    places.push(same ? follows : (known.get(key(heard, frame)) ?? -1))
  }
  return places
}

describe('what a service cannot tell', () => {
  it.each<[string, Behaviours]>([
    ['no answer to empty chunks, bytes kept', { emptyChunk: 'none', unackedBytes: 'kept' }],
    ['ranges per connection', { byteRangeBase: 'connection' }],
  ])('L3, L5 nothing is lost, and what is heard twice is known: %s', async (_, behaviours) => {
    const { stage, session, pcm } = await cutRun(behaviours, 8, 11, { probeMs: 10 })
    const heard = Int16Array.from(stage.engine.sessions[0]!.samples)
    const places = aligned(heard, pcm)
    expect(new Set(places).size).toBe(pcm.length / 2)
    expect(places).not.toContain(-1)
    expect(stage.recorder.ends).toMatchObject([{ reason: 'done' }])
    if (behaviours.emptyChunk) {
      // ten ms a piece, ten pieces at most, per reconnect; in practice one
      expect(places.length - pcm.length / 2).toBeLessThanOrEqual(160 * 10 * session.connections)
    }
  })

  it('utterance times are in our frames although the stream has doubled runs', async () => {
    const script = Array.from({ length: 18 }, (_, at) => line(`u${at}`, at % 2, at + 0.5, at + 0.75))
    const { stage, pcm } = await cutRun({ emptyChunk: 'none', unackedBytes: 'kept' }, 6, 23, {}, script)
    const places = aligned(Int16Array.from(stage.engine.sessions[0]!.samples), pcm)
    expect(places.length).toBeGreaterThan(pcm.length / 2)
    expect(stage.recorder.finals).toHaveLength(18)
    for (const { utteranceId, startSec } of stage.recorder.finals) {
      const position = (Number(utteranceId.slice(1)) + 0.5) * SAMPLE_RATE
      expect(startSec * SAMPLE_RATE).toBeCloseTo(places[position]!, 3)
    }
  })
})

describe('replacement', () => {
  it('4 an ended session is replaced, and what it had not taken is handed back', async () => {
    const stage = await stageOf()
    const recorder = new SttRecorder()
    const session = stage.open({}, recorder)
    let taken: ReturnType<NonNullable<SttSession['takeUnacknowledged']>> = null
    recorder.onEnded = () => {
      taken = session.takeUnacknowledged!()
    }
    const pcm = countingPcm(SAMPLE_RATE * 4)
    say(session, pcm.slice(0, pcm.length / 2))
    await recorder.until(() => session.acknowledgedFrames >= SAMPLE_RATE)
    stage.server.closeAllSockets(4403)
    say(session, pcm.slice(pcm.length / 2))
    await recorder.until(() => recorder.ends.length > 0)
    expect(recorder.ends).toMatchObject([{ reason: 'session_lost', replaceable: true }])
    expect(recorder.gaps).toEqual([])
    const { fromFrame, backlog } = taken as unknown as { fromFrame: number; backlog: Backlog }
    expect(session.takeUnacknowledged!()).toBeNull()
    expect(() => stage.open({ backlog, channels: 1 })).toThrow('a backlog is taken once')
    const second = stage.open({ backlog })
    expect(() => stage.open({ backlog })).toThrow('a backlog is taken once')
    expect(second.sentFrames).toBe(backlog.frames)
    // audio that follows comes after it
    second.send(countingPcm(SAMPLE_RATE))
    await second.finish(5000)
    const heard = stage.server.sessions().find(({ id }) => id === second.vendorId)
    expect(heard?.sha256).toBe(hash(Int16Array.from([...pcm.slice(fromFrame * 2), ...countingPcm(SAMPLE_RATE)])))
  })
})
