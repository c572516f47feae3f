import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { WebSocketServer, type WebSocket } from 'ws'
import { newMeetingId, newSessionId } from '../../src/core/ids.js'
import { systemClock } from '../../src/core/time.js'
import { createGladiaStt } from '../../src/live/stt/gladia/open.js'
import { silentLogger } from '../../src/observe/logger.js'
import { FAST, KEY, SttRecorder } from '../support/stt-stage.js'

/** A service that creates a session, answers audio rightly, stops on demand, and before all that says `hello` on the socket. */
async function hostile(hello: (socket: WebSocket) => void) {
  const sockets = new WebSocketServer({ noServer: true })
  const http = createServer((request, response) => {
    const { port } = http.address() as AddressInfo
    response.setHeader('content-type', 'application/json')
    if (request.method === 'POST')
      response.writeHead(201).end(JSON.stringify({ id: 'x', url: `ws://127.0.0.1:${port}/?token=secret-token` }))
    else response.end(JSON.stringify({ status: 'done', result: { metadata: { audio_duration: 1 }, transcription: { utterances: [] } } }))
  })
  http.on('upgrade', (request, stream, head) => {
    sockets.handleUpgrade(request, stream, head, (socket) => {
      let position = 0
      hello(socket)
      socket.on('message', (bytes: Buffer, isBinary) => {
        if (isBinary) {
          socket.send(
            JSON.stringify({
              type: 'audio_chunk',
              acknowledged: true,
              error: null,
              data: { byte_range: [position, position + bytes.length] },
            }),
          )
          position += bytes.length
        } else if (String(bytes).includes('stop')) {
          socket.send(JSON.stringify({ type: 'stop_recording', acknowledged: true, data: { recording_duration: position / 32_000 } }))
          socket.close(1000)
        }
      })
    })
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  return {
    url,
    close: async () => {
      sockets.clients.forEach((socket) => socket.terminate())
      http.closeAllConnections()
      const closed = once(http, 'close')
      http.close()
      await closed
    },
  }
}

describe('a hostile service', () => {
  it.each<[string, (socket: WebSocket) => void, number]>([
    ['a message of 10 MB', (socket) => socket.send(JSON.stringify({ type: 'transcript', pad: 'x'.repeat(10 * 1024 * 1024) })), 1],
    ['deep nesting', (socket) => socket.send('['.repeat(200_000)), 1],
    ['deep nesting that closes', (socket) => socket.send(`${'['.repeat(100_000)}${']'.repeat(100_000)}`), 1],
    ['NUL', (socket) => socket.send('\u0000\u0000'), 1],
    ['bad UTF-8', (socket) => socket.send(Buffer.from([0x22, 0xff, 0xfe]), { binary: false }), 1],
    [
      'ranges that make no sense',
      (socket) => socket.send(JSON.stringify({ type: 'audio_chunk', acknowledged: true, data: { byte_range: [9e15, 9e15] } })),
      1,
    ],
    ['a thousand wrong types', (socket) => Array.from({ length: 1000 }, () => socket.send('{"type":7}')), 1000],
  ])('9 %s is counted, and the connection is kept', async (_, hello, malformed) => {
    const service = await hostile(hello)
    const recorder = new SttRecorder()
    const stt = createGladiaStt({
      baseUrl: service.url,
      apiKey: KEY,
      region: null,
      clock: systemClock,
      random: Math.random,
      logger: silentLogger,
      limits: FAST,
    })
    const session = stt.open(
      { meetingId: newMeetingId(), sessionId: newSessionId(), channels: 1, sampleRate: 16_000, language: 'en', vocabulary: [] },
      recorder,
    )
    session.send(new Int16Array(16_000))
    await session.finish(5000)
    expect(recorder.ends).toMatchObject([{ reason: 'done' }])
    expect(session.connections).toBe(1)
    expect(session.malformedMessages).toBe(malformed)
    expect(session.acknowledgedFrames).toBe(16_000)
    await service.close()
  })

  it('a connection that is given up is cut: a close 1000 would end the recording', async () => {
    const codes: number[] = []
    const service = await hostile((socket) => {
      if (codes.length === 0)
        socket.send(JSON.stringify({ type: 'audio_chunk', acknowledged: false, error: { message: 'no' }, data: null }))
      socket.on('close', (code) => codes.push(code))
      codes.push(0)
    })
    const recorder = new SttRecorder()
    const stt = createGladiaStt({
      baseUrl: service.url,
      apiKey: KEY,
      region: null,
      clock: systemClock,
      random: Math.random,
      logger: silentLogger,
      limits: FAST,
    })
    const session = stt.open(
      { meetingId: newMeetingId(), sessionId: newSessionId(), channels: 1, sampleRate: 16_000, language: 'en', vocabulary: [] },
      recorder,
    )
    session.send(new Int16Array(100))
    await recorder.until(() => recorder.phases.includes('waiting'))
    await session.finish(5000)
    expect(session.connections).toBe(2)
    expect(codes.filter((code) => code > 0)).toEqual([1006, 1000])
    await service.close()
  })

  it('9 a listener that throws breaks neither the socket nor the session', async () => {
    const service = await hostile(() => undefined)
    const recorder = new SttRecorder()
    recorder.acknowledged = () => {
      throw new Error('a bug')
    }
    const stt = createGladiaStt({
      baseUrl: service.url,
      apiKey: KEY,
      region: null,
      clock: systemClock,
      random: Math.random,
      logger: silentLogger,
      limits: FAST,
    })
    const session = stt.open(
      { meetingId: newMeetingId(), sessionId: newSessionId(), channels: 1, sampleRate: 16_000, language: 'en', vocabulary: [] },
      recorder,
    )
    session.send(new Int16Array(16_000))
    await session.finish(5000)
    expect(recorder.ends).toMatchObject([{ reason: 'done' }])
    await service.close()
  })
})
