import { createHash } from 'node:crypto'
import { GladiaClient, type LiveV2Session, type LiveV2WebSocketMessage } from '@gladiaio/sdk'
import { afterEach, describe, expect, it } from 'vitest'
import { deferred } from '../../src/core/deferred.js'
import { systemClock } from '../../src/core/time.js'
import { silentLogger } from '../../src/observe/logger.js'
import { type SpeechServer, startSpeechServer } from '../../src/speech-server/server.js'
import { ScriptedEngine, scriptedFinal } from '../support/scripted-engine.js'

const SECOND = 16_000 * 2 * 2

/** Two channels of one second, every sample different from its neighbours. */
function second(at: number): Buffer {
  const bytes = Buffer.alloc(SECOND)
  for (let index = 0; index < SECOND / 2; index++) bytes.writeInt16LE(((index * 7 + at * 1009) % 60_000) - 30_000, index * 2)
  return bytes
}

const script = [
  { atSec: 1, speech: { kind: 'start' as const, channel: 0, timeSec: 0.2 } },
  { atSec: 1, transcript: { ...scriptedFinal('u0', 0, 0.2, 0.9, 'good'), isFinal: false } },
  { atSec: 2, transcript: scriptedFinal('u0', 0, 0.2, 1.8, 'good morning') },
  { atSec: 2, speech: { kind: 'end' as const, channel: 0, timeSec: 1.8 } },
  { atSec: 3, transcript: scriptedFinal('u1', 1, 2, 2.9, 'hello there') },
  { atSec: 9, transcript: scriptedFinal('u2', 0, 3, 3.9, 'the end') },
]

describe('the official SDK as a client', () => {
  let server: SpeechServer | undefined
  afterEach(async () => server?.close())

  function listen(session: LiveV2Session) {
    const messages: LiveV2WebSocketMessage[] = []
    const ended = deferred<{ code: number }>()
    const waiting: { test: (message: LiveV2WebSocketMessage) => boolean; done: () => void }[] = []
    session.on('message', (message) => {
      messages.push(message)
      for (const one of waiting) if (one.test(message)) one.done()
    })
    session.on('ended', ended.resolve)
    const seen = (test: (message: LiveV2WebSocketMessage) => boolean) =>
      new Promise<void>((resolve) => (messages.some(test) ? resolve() : waiting.push({ test, done: resolve })))
    const connected = (attempt: number) =>
      new Promise<void>((resolve) => session.on('connected', (event) => event.attempt >= attempt && resolve()))
    return { messages, ended: ended.promise, seen, connected }
  }

  const ackTo = (end: number) => (message: LiveV2WebSocketMessage) => message.type === 'audio_chunk' && message.data?.byte_range[1] === end

  it('gets partials and finals, reconnects after a cut socket without losing or doubling a byte, stops, and reads the result', async () => {
    server = await startSpeechServer({ port: 0, engine: new ScriptedEngine(script), clock: systemClock, logger: silentLogger })
    const live = new GladiaClient({ apiKey: 'any', apiUrl: server.url, wsRetry: { delay: () => 5 } }).liveV2()
    const session = live.startSession({
      channels: 2,
      custom_metadata: { meeting: 'm1' },
      messages_config: { receive_partial_transcripts: true, receive_lifecycle_events: true, receive_acknowledgments: true },
    })
    const { messages, ended, seen, connected } = listen(session)
    await connected(1)
    session.sendAudio(second(0))
    session.sendAudio(second(1))
    await seen(ackTo(2 * SECOND))
    const again = connected(2)
    server.terminateSockets()
    session.sendAudio(second(2))
    await again
    session.sendAudio(second(3))
    await seen(ackTo(4 * SECOND))
    session.stopRecording()
    expect((await ended).code).toBe(1000)

    const [stats] = server.sessions()
    const sent = createHash('sha256')
    for (let at = 0; at < 4; at++) sent.update(second(at))
    expect(stats).toMatchObject({ bytes: 4 * SECOND, sha256: sent.digest('hex'), channels: 2, connections: 2, status: 'done' })

    const texts = messages.flatMap((message) =>
      message.type === 'transcript' ? [[message.data.is_final, message.data.utterance.text]] : [],
    )
    expect(texts).toEqual([
      [false, 'good'],
      [true, 'good morning'],
      [true, 'hello there'],
      [true, 'the end'],
    ])
    const types = messages.map(({ type }) => type).filter((type) => type !== 'audio_chunk' && type !== 'transcript')
    expect(types).toEqual([
      'start_session',
      'start_recording',
      'speech_start',
      'speech_end',
      'stop_recording',
      'end_recording',
      'post_transcript',
      'post_final_transcript',
      'end_session',
    ])

    const id = await session.getSessionId()
    const job = await live.get(id)
    expect(job).toMatchObject({
      id,
      kind: 'live',
      version: 2,
      status: 'done',
      custom_metadata: { meeting: 'm1' },
      file: { number_of_channels: 2 },
    })
    expect(job.result?.transcription?.full_transcript).toBe('good morning hello there the end')
    expect(job.result?.metadata).toMatchObject({ audio_duration: 4, number_of_distinct_channels: 2, billing_time: 8 })
    expect(job.result?.messages?.every((text) => typeof (JSON.parse(text) as object) === 'object')).toBe(true)
    const file = Buffer.from(await live.getFile(id))
    expect(file.subarray(0, 4).toString()).toBe('RIFF')
    expect(file.subarray(44).equals(Buffer.concat([0, 1, 2, 3].map(second)))).toBe(true)
    expect((await live.list({ status: ['done'], custom_metadata: { meeting: 'm1' } })).items.map((item) => item.id)).toEqual([id])
    expect(await live.delete(id)).toBe(true)
    await expect(live.get(id)).rejects.toThrow(/live job not found/)
  })

  it('stops when the session has ended meanwhile (4403)', async () => {
    server = await startSpeechServer({
      port: 0,
      engine: new ScriptedEngine(),
      behaviours: { detached: 'ends_at_once' },
      clock: systemClock,
      logger: silentLogger,
    })
    const session = new GladiaClient({ apiKey: 'any', apiUrl: server.url, wsRetry: { delay: () => 50 } }).liveV2().startSession({})
    const { ended, connected } = listen(session)
    await connected(1)
    server.closeAllSockets(1012)
    expect((await ended).code).toBe(4403)
  })

  it('is told of a wrong key', async () => {
    server = await startSpeechServer({ port: 0, engine: new ScriptedEngine(), apiKey: 'right', clock: systemClock, logger: silentLogger })
    const session = new GladiaClient({ apiKey: 'wrong', apiUrl: server.url }).liveV2().startSession({})
    session.on('error', () => undefined)
    await expect(session.getSessionId()).rejects.toThrow(/gladia key not allowed \| G-[0-9a-f]{8} \| 401/)
  })
})
