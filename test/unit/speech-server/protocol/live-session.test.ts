import { describe, expect, it } from 'vitest'
import { silentLogger } from '../../../../src/observe/logger.js'
import type { Behaviours } from '../../../../src/speech-server/behaviours/schema.js'
import { Switchboard } from '../../../../src/speech-server/behaviours/switchboard.js'
import { parseInitRequest } from '../../../../src/speech-server/protocol/init-request.js'
import { FINISH_MS } from '../../../../src/speech-server/protocol/limits.js'
import { LiveSession } from '../../../../src/speech-server/protocol/live-session.js'
import type { Frame } from '../../../../src/speech-server/protocol/noise.js'
import type { ClientSocket } from '../../../../src/speech-server/protocol/outbox.js'
import { ManualClock } from '../../../support/manual-clock.js'
import { type ScriptedLine, ScriptedEngine, scriptedFinal } from '../../../support/scripted-engine.js'

class FakeSocket implements ClientSocket {
  readonly messages: { type: string; data?: unknown; acknowledged?: boolean }[] = []
  closed: number | 'terminated' | null = null

  get types(): string[] {
    return this.messages.map(({ type }) => type)
  }

  send(frame: Frame): void {
    if (frame.kind === 'text') this.messages.push(JSON.parse(frame.text) as { type: string })
  }
  ping(): void {}
  close(code: number): void {
    this.closed ??= code
  }
  terminate(): void {
    this.closed ??= 'terminated'
  }
  freeze(): void {}
}

function setUp(parts: { behaviours?: Behaviours; body?: object; script?: ScriptedLine[] } = {}) {
  const outcome = parseInitRequest({
    messages_config: { receive_lifecycle_events: true, receive_partial_transcripts: true },
    ...parts.body,
  })
  if (!outcome.ok) throw new Error(outcome.problems.join())
  const clock = new ManualClock(1_000_000)
  const engine = new ScriptedEngine(parts.script)
  const overs: boolean[] = []
  const work: Promise<void>[] = []
  const session = new LiveSession({
    id: 's1',
    requestId: 'G-00000000',
    params: outcome.params,
    engine,
    switches: new Switchboard(parts.behaviours),
    clock,
    logger: silentLogger,
    random: () => 0,
    recordings: { reserve: () => true, release: () => undefined },
    run: (_, todo) => void work.push(todo()),
    onOver: (keeps) => overs.push(keeps),
  })
  const attach = () => {
    const socket = new FakeSocket()
    session.attach(socket)
    return socket
  }
  const audio = (socket: ClientSocket, seconds = 1) => session.receive(socket, Buffer.alloc(seconds * 32_000), true)
  const stop = (socket: ClientSocket) => session.receive(socket, Buffer.from('{"type":"stop_recording"}'), false)
  return { clock, engine, session, overs, work, attach, audio, stop }
}

const said: ScriptedLine[] = [
  { atSec: 1, transcript: { ...scriptedFinal('u0', 0, 0, 0.9), isFinal: false } },
  { atSec: 1, speech: { kind: 'start', channel: 0, timeSec: 0.12345 } },
  { atSec: 5, transcript: scriptedFinal('u0', 0, 0, 1) },
]

describe('messages', () => {
  it('come in the documented order', async () => {
    const { attach, audio, stop, work, session, overs, clock } = setUp({ script: said })
    const socket = attach()
    audio(socket)
    stop(socket)
    await Promise.all(work)
    expect(socket.types).toEqual([
      'start_recording',
      'transcript',
      'speech_start',
      'audio_chunk',
      'stop_recording',
      'transcript',
      'end_recording',
      'post_transcript',
      'post_final_transcript',
      'end_session',
    ])
    expect([socket.closed, session.status, overs, clock.pending]).toEqual([1000, 'done', [false], 0])
  })

  it('are those the client subscribed to', async () => {
    const off = Object.fromEntries(
      [
        'final_transcripts',
        'partial_transcripts',
        'speech_events',
        'acknowledgments',
        'lifecycle_events',
        'post_processing_events',
        'errors',
      ].map((name) => [`receive_${name}`, false]),
    )
    const { attach, audio, stop, work, engine, session } = setUp({ script: said, body: { messages_config: off } })
    const socket = attach()
    audio(socket)
    session.receive(socket, Buffer.from('nonsense'), false)
    stop(socket)
    await Promise.all(work)
    expect(socket.messages).toEqual([])
    expect(engine.sessions[0]?.options.partials).toBe(false)
    expect(session.job().result).toMatchObject({ transcription: { full_transcript: 'line u0' }, messages: [] })
  })

  it('say of add-ons that they are not available', async () => {
    const body = { realtime_processing: { translation: true, sentiment_analysis: true }, post_processing: { summarization: true } }
    const { attach, audio, stop, work } = setUp({ script: said, body })
    const socket = attach()
    audio(socket)
    stop(socket)
    await Promise.all(work)
    const addons = socket.messages.filter(({ type }) => ['translation', 'sentiment_analysis', 'post_summarization'].includes(type))
    expect(addons).toHaveLength(3)
    for (const addon of addons) expect(addon).toMatchObject({ data: null, error: { message: 'not available on the local speech server' } })
  })

  it('give the engine what the client asked for', () => {
    const body = { channels: 2, endpointing: 0.3, maximum_duration_without_endpointing: 15, sample_rate: 48_000 }
    const { attach, audio, engine } = setUp({ body })
    audio(attach(), 12)
    expect(engine.sessions[0]?.options).toEqual({
      channels: 2,
      sampleRate: 16_000,
      endpointingSec: 0.3,
      maxUtteranceSec: 15,
      partials: true,
      vocabulary: [],
    })
  })
})

describe('sockets', () => {
  it('P1 a new socket takes over: the old one gets 4409 and is not heard any more', () => {
    const { attach, audio, session } = setUp()
    const old = attach()
    audio(old)
    const fresh = attach()
    audio(old)
    session.socketClosed(old, 1000)
    audio(fresh)
    expect([old.closed, old.types.filter((type) => type === 'audio_chunk').length]).toEqual([4409, 1])
    expect(session.stats()).toMatchObject({ bytes: 64_000, connections: 2, status: 'processing', attached: true })
  })

  it.each([1001, 1005, 1006, 4000])('P2 a close with %i leaves the session detached for 60 s, then it ends', async (code) => {
    const { attach, session, clock, overs } = setUp()
    session.socketClosed(attach(), code)
    await clock.advance(59_999)
    expect(session.status).toBe('processing')
    await clock.advance(1)
    expect([session.status, overs]).toEqual(['done', [false]])
  })

  it('P2 a close with 1000 counts as stop: no acknowledgement, the result is there', async () => {
    const { attach, audio, session, work } = setUp({ script: said })
    const socket = attach()
    audio(socket)
    session.socketClosed(socket, 1000)
    await Promise.all(work)
    expect(session.job()).toMatchObject({ status: 'done', result: { transcription: { full_transcript: 'line u0' } } })
    expect(socket.types).not.toContain('stop_recording')
  })

  it('P3 a socket that comes back while the engine finishes gets the rest; audio and a second stop are refused', async () => {
    let finish = () => {}
    const { attach, audio, stop, session, work, engine } = setUp({ script: said })
    engine.whenFinished = new Promise((resolve) => (finish = resolve))
    const socket = attach()
    audio(socket)
    stop(socket)
    session.socketClosed(socket, 1006)
    const back = attach()
    audio(back)
    stop(back)
    expect(back.messages).toMatchObject([
      { type: 'audio_chunk', acknowledged: false, data: null },
      { type: 'stop_recording', acknowledged: false, data: null },
    ])
    finish()
    await Promise.all(work)
    expect(back.types.slice(2)).toEqual(['end_recording', 'post_transcript', 'post_final_transcript', 'end_session'])
    expect([back.closed, session.stats().bytes]).toEqual([1000, 32_000])
  })

  it('P4 an ended session closes a socket with 4403', async () => {
    const { attach, stop, work } = setUp()
    stop(attach())
    await Promise.all(work)
    expect(attach().closed).toBe(4403)
  })

  it('one that never came leaves a session that ends after 60 s', async () => {
    const { clock, session } = setUp()
    expect(session.status).toBe('queued')
    await clock.advance(60_000)
    expect([session.status, clock.pending]).toEqual(['done', 0])
  })

  it('are closed with 4408 after 30 s of silence, and only of silence', async () => {
    const { attach, session, clock } = setUp()
    const socket = attach()
    for (let time = 0; time < 5; time++) {
      await clock.advance(29_000)
      session.receive(socket, Buffer.from('nonsense'), false)
    }
    expect(socket.closed).toBeNull()
    await clock.advance(30_000)
    expect(socket.closed).toBe(4408)
    expect(session.status).toBe('processing')
  })

  it('do not count as silent while the session finishes', async () => {
    const { attach, audio, stop, clock, engine } = setUp()
    engine.whenFinished = new Promise(() => {})
    const socket = attach()
    audio(socket)
    stop(socket)
    await clock.advance(60_000)
    expect(socket.closed).toBeNull()
    const back = attach()
    await clock.advance(50_000)
    expect(back.closed).toBeNull()
  })
})

describe('ends', () => {
  it('after 3 h by the wall clock, with 4408 and a result', async () => {
    const { attach, audio, session, clock, work } = setUp({ behaviours: { idleMs: 'never' } })
    const socket = attach()
    audio(socket)
    await clock.advance(3 * 3_600_000)
    await Promise.all(work)
    expect([socket.closed, session.status]).toEqual([4408, 'done'])
    expect(socket.types).toContain('post_final_transcript')
  })

  it('in error when the engine does not finish in time', async () => {
    const { attach, audio, stop, session, clock, engine, work } = setUp()
    engine.whenFinished = new Promise(() => {})
    const socket = attach()
    audio(socket)
    stop(socket)
    await clock.advance(FINISH_MS)
    await Promise.all(work)
    expect([session.status, socket.closed, clock.pending]).toEqual(['error', 4500, 0])
    expect(session.job()).toMatchObject({ error_code: 500, completed_at: expect.any(String) as string })
  })

  it.each([
    ['fails', { script: [{ atSec: 1, failure: new Error('worker gone') }] }],
    ['cannot take the audio', {}],
  ])('in error when the engine %s, once', (what, parts) => {
    const { attach, audio, session, engine, overs } = setUp(parts)
    if (what === 'cannot take the audio') engine.openError = new Error('no memory')
    const socket = attach()
    audio(socket)
    audio(socket)
    expect([session.status, socket.closed, overs]).toEqual(['error', 4500, [false]])
  })

  it('at once with close: no timer, no event, engine session closed', async () => {
    const { attach, audio, session, clock, engine, overs } = setUp({ behaviours: { acks: { delayMs: 1000 } }, script: said })
    const socket = attach()
    audio(socket)
    session.receive(socket, Buffer.alloc(0), true)
    await clock.advance(1000)
    session.close()
    session.close()
    expect([socket.closed, engine.sessions[0]?.isClosed, clock.pending, overs]).toEqual(['terminated', true, 0, [false]])
  })
})
