import { EventEmitter } from 'node:events'
import { expect, it } from 'vitest'
import { newMeetingId, newSessionId } from '../../../../../src/core/ids.js'
import { createGladiaStt } from '../../../../../src/live/stt/gladia/open.js'
import type { TransportSocket } from '../../../../../src/live/stt/gladia/transport.js'
import type { Utterance } from '../../../../../src/live/stt/port.js'
import { silentLogger } from '../../../../../src/observe/logger.js'
import { ManualClock } from '../../../../support/manual-clock.js'

/** A connection that takes what it is given and says what it is told to. */
class Socket extends EventEmitter {
  readonly readyState = 1
  readonly bufferedAmount = 0
  bytes = 0
  send(message: Buffer | string): void {
    if (typeof message !== 'string') this.bytes += message.length
  }
  close(): void {
    this.emit('close', 1000, '')
  }
  terminate(): void {
    this.emit('close', 1006, '')
  }
}

it('13 a time beyond what the service has been sent is none, however much audio waits: what it lies over would be taken for told', async () => {
  const clock = new ManualClock()
  const socket = new Socket()
  const stt = createGladiaStt({
    baseUrl: 'http://speech.test',
    apiKey: 'k',
    region: null,
    clock,
    random: () => 0.5,
    logger: silentLogger,
    transport: {
      fetch: () => Promise.resolve(new Response(JSON.stringify({ id: 'v1', url: 'ws://speech.test/v2/live?token=v1' }), { status: 201 })),
      connect: () => socket as unknown as TransportSocket,
    },
  })
  const told: Utterance[] = []
  const session = stt.open(
    { meetingId: newMeetingId(), sessionId: newSessionId(), channels: 1, sampleRate: 16_000, language: null, vocabulary: [] },
    {
      utterance: (one) => told.push(one),
      acknowledged: () => undefined,
      gap: () => undefined,
      phase: () => undefined,
      ended: () => undefined,
    },
  )
  for (let second = 0; second < 60; second++) session.send(new Int16Array(16_000))
  await clock.advance(10)
  socket.emit('open')
  await clock.advance(1000)
  expect([session.sentFrames, socket.bytes > 0, socket.bytes < 10 * 32_000]).toEqual([60 * 16_000, true, true])
  const words = [{ word: 'hello', start: 0.5, end: 1e6, confidence: 1 }]
  const utterance = { text: 'hello', start: 0.5, end: 1e6, channel: 0, language: 'en', confidence: 1, words }
  socket.emit('message', Buffer.from(JSON.stringify({ type: 'transcript', data: { id: 'a', is_final: true, utterance } })), false)
  expect(told).toHaveLength(1)
  expect(told[0]!.endSec).toBeLessThanOrEqual(socket.bytes / 32_000)
  expect(told[0]!.words[0]!.endSec).toBeLessThanOrEqual(socket.bytes / 32_000)
  await session.close()
  expect(clock.pending).toBe(0)
})

/** A session that has acknowledged a second, of which no text has come, when the service goes away. */
async function inOutage() {
  const clock = new ManualClock()
  const sockets: Socket[] = []
  const service = { isAway: false, looks: 0 }
  const words = [{ word: 'late', start: 0.2, end: 0.6, confidence: 1 }]
  const utterance = { text: 'late', start: 0.2, end: 0.6, channel: 0, language: 'en', confidence: 1, words }
  const result = { status: 'done', result: { transcription: { utterances: [utterance] } } }
  const stt = createGladiaStt({
    baseUrl: 'http://speech.test',
    apiKey: 'k',
    region: null,
    clock,
    random: () => 0.5,
    logger: silentLogger,
    transport: {
      fetch: (_, init) => {
        if (init?.method === 'GET') service.looks++
        if (service.isAway) return Promise.reject(new TypeError('fetch failed'))
        if (init?.method === 'GET') return Promise.resolve(new Response(JSON.stringify(result)))
        return Promise.resolve(new Response(JSON.stringify({ id: 'v1', url: 'ws://speech.test/v2/live?token=v1' }), { status: 201 }))
      },
      connect: () => {
        if (service.isAway) throw new Error('refused')
        const socket = new Socket()
        sockets.push(socket)
        return socket as unknown as TransportSocket
      },
    },
  })
  const told: string[] = []
  const ends: string[] = []
  const session = stt.open(
    { meetingId: newMeetingId(), sessionId: newSessionId(), channels: 1, sampleRate: 16_000, language: null, vocabulary: [] },
    {
      utterance: ({ text }) => told.push(text),
      acknowledged: () => undefined,
      gap: () => undefined,
      phase: () => undefined,
      ended: (reason) => ends.push(reason),
    },
  )
  session.send(new Int16Array(16_000))
  await clock.advance(10)
  sockets[0]!.emit('open')
  await clock.advance(1_000)
  const ack = { type: 'audio_chunk', acknowledged: true, error: null, data: { byte_range: [0, 32_000], time_range: [0, 1] } }
  sockets[0]!.emit('message', Buffer.from(JSON.stringify(ack)), false)
  service.isAway = true
  sockets[0]!.emit('close', 1006, '')
  await clock.advance(300_000)
  return { clock, session, service, told, ends }
}

it('7 the texts of what was on its way when an outage began are asked for when the service is back', async () => {
  const { clock, session, service, told, ends } = await inOutage()
  expect([told, ends]).toEqual([[], []])
  expect(service.looks).toBeLessThan(60)
  service.isAway = false
  await clock.advance(10_000)
  expect([told, ends, session.hasAllTexts]).toEqual([['late'], ['session_lost'], true])
  await session.close()
  expect(clock.pending).toBe(0)
})

it('7 S9 an outage of more than ten minutes, or the end of the meeting, ends the wait for them', async () => {
  const long = await inOutage()
  await long.clock.advance(600_000)
  expect([long.told, long.ends, long.session.hasAllTexts]).toEqual([[], ['session_lost'], false])
  await long.session.close()
  const ending = await inOutage()
  const finished = ending.session.finish(5_000)
  await ending.clock.advance(30_000)
  await finished
  expect([ending.told, ending.ends]).toEqual([[], ['session_lost']])
  expect([long.clock.pending, ending.clock.pending]).toEqual([0, 0])
})
