import { createServer } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { forgetSession } from '../../src/live/stt/gladia/forget.js'
import { silentLogger } from '../../src/observe/logger.js'
import { type SpeechServer, startSpeechServer } from '../../src/speech-server/server.js'
import { ManualClock } from '../support/manual-clock.js'
import { ScriptedEngine, scriptedFinal } from '../support/scripted-engine.js'
import { SpeechServerClient } from '../support/speech-server-client.js'

let server: SpeechServer
let clock: ManualClock
let engine: ScriptedEngine
const clients: SpeechServerClient[] = []

beforeEach(async () => {
  clock = new ManualClock(Date.parse('2026-11-21T10:00:00Z'))
  engine = new ScriptedEngine([{ atSec: 9, transcript: scriptedFinal('u0', 0, 0, 1, 'one two') }])
  server = await startSpeechServer({ port: 0, engine, control: true, clock, logger: silentLogger })
})
afterEach(async () => {
  for (const { socket } of clients.splice(0)) socket.terminate()
  await server.close()
  await server.close()
  expect(clock.pending).toBe(0)
})

const api = (path: string, init: RequestInit = {}) => fetch(server.url + path, { ...init, headers: { 'x-gladia-key': 'k' } })
const post = (body: unknown = {}) => api('/v2/live', { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) })
const create = async (body: object = {}) => (await (await post(body)).json()) as { id: string; url: string; created_at: string }

/** A session that has taken a second of audio and ended. */
async function ended(body: object = {}): Promise<string> {
  const { id, url } = await create(body)
  const client = new SpeechServerClient(url)
  clients.push(client)
  await client.opened()
  client.send(Buffer.alloc(32_000, 3))
  client.stop()
  await client.closed()
  return id
}

it('forgets what our own deletion asks it to forget: a session that has ended, an unknown one; one that runs only later', async () => {
  const id = await ended()
  await forgetSession(server.url, 'k', id)
  expect((await api(`/v2/live/${id}`)).status).toBe(404)
  await forgetSession(server.url, 'k', id)
  const running = await create()
  await expect(forgetSession(server.url, 'k', running.id)).rejects.toMatchObject({ code: 'speech_keeps', retryable: true })
  await expect(forgetSession('http://127.0.0.1:9', 'k', id)).rejects.toMatchObject({ code: 'speech_unreachable', retryable: true })
})

describe('POST /v2/live', () => {
  it('answers 201 with id, created_at and a token address on this server', async () => {
    const response = await post()
    expect(response.status).toBe(201)
    const body = (await response.json()) as { url: string }
    expect(Object.keys(body)).toEqual(['id', 'created_at', 'url'])
    expect(body).toMatchObject({ created_at: '2026-11-21T10:00:00.000Z' })
    expect(body.url).toMatch(new RegExp(`^ws://127\\.0\\.0\\.1:${server.port}/v2/live\\?token=[0-9a-f-]{36}$`))
  })

  it.each([
    ['{"channels":', ['body: is not JSON']],
    ['[1]', [/^body: /]],
    ['null', [/^body: /]],
    [{ channels: 9, sample_rate: 22050, encoding: 'mp3' }, [/^encoding: /, /^sample_rate: /, /^channels: /]],
    [{ encoding: 'wav/ulaw', bit_depth: 16 }, ['bit_depth: must be 8 for wav/alaw and wav/ulaw']],
    [{ messages_config: { receive_errors: 'yes' } }, [/^messages_config\.receive_errors: /]],
    [{ custom_metadata: { text: 'x'.repeat(2000) } }, [/^custom_metadata: must be at most 2000/]],
  ])('answers 400 with every problem to %j', async (body, problems) => {
    const response = await post(body)
    expect(response.status).toBe(400)
    const error = (await response.json()) as Record<string, unknown> & { validation_errors: string[] }
    expect(error).toMatchObject({ timestamp: '2026-11-21T10:00:00.000Z', path: '/v2/live', statusCode: 400 })
    expect(error['request_id']).toMatch(/^G-[0-9a-f]{8}$/)
    expect(response.headers.get('x-aipi-call-id')).toBe(error['request_id'])
    expect(error.validation_errors).toHaveLength(problems.length)
    problems.forEach((problem, at) => expect(error.validation_errors[at]).toMatch(problem))
    expect(server.sessions()).toEqual([])
  })

  it('answers 400 to an unknown region and takes the known ones', async () => {
    expect((await api('/v2/live?region=moon', { method: 'POST', body: '{}' })).status).toBe(400)
    expect((await api('/v2/live?region=eu-west', { method: 'POST', body: '{}' })).status).toBe(201)
  })

  it('answers 422 to callbacks, which it does not deliver', async () => {
    expect((await post({ callback: true, callback_config: { url: 'http://localhost/x' } })).status).toBe(422)
  })

  it('answers 413 to more than a megabyte', async () => {
    expect((await post(`"${'x'.repeat(1024 * 1024)}"`)).status).toBe(413)
  })

  it('answers 429 to the thirty-first session', async () => {
    for (let made = 0; made < 30; made++) expect((await post()).status).toBe(201)
    const refused = await post()
    expect(refused.status).toBe(429)
    expect(await refused.json()).toMatchObject({ statusCode: 429, message: 'too many live sessions at once' })
  })
})

describe('authentication', () => {
  it('answers 401 without a key, on every route', async () => {
    for (const [method, path] of [
      ['POST', '/v2/live'],
      ['GET', '/v2/live'],
      ['GET', '/v2/live/x'],
      ['PUT', '/behaviours'],
      ['GET', '/nothing'],
    ] as const) {
      const response = await fetch(server.url + path, { method })
      expect([path, response.status]).toEqual([path, 401])
      expect(await response.json()).toMatchObject({ statusCode: 401, message: 'gladia key not found', path })
    }
  })

  it('answers 401 to another key than the one set', async () => {
    await using strict = await closing(startSpeechServer({ port: 0, engine, apiKey: 'right', clock, logger: silentLogger }))
    const list = (key: string) => fetch(`${strict.server.url}/v2/live`, { headers: { 'x-gladia-key': key } })
    expect((await list('wrong')).status).toBe(401)
    expect((await list('right')).status).toBe(200)
  })

  it('refuses a socket with an unknown or missing token with 401, and any other address', async () => {
    const ws = server.url.replace('http', 'ws')
    for (const path of ['/v2/live?token=nope', '/v2/live', '/elsewhere']) {
      const client = new SpeechServerClient(ws + path)
      clients.push(client)
      await client.until(() => client.refusal !== null)
      expect(client.refusal).toBe(401)
    }
  })
})

describe('jobs', () => {
  it('GET /v2/live/:id shows a queued, a processing and a done job', async () => {
    const { id, url } = await create({ channels: 3, custom_metadata: { a: 1 } })
    const read = async () => (await (await api(`/v2/live/${id}`)).json()) as Record<string, unknown>
    expect(await read()).toMatchObject({
      id,
      version: 2,
      kind: 'live',
      status: 'queued',
      completed_at: null,
      result: null,
      custom_metadata: { a: 1 },
    })
    const client = new SpeechServerClient(url)
    clients.push(client)
    await client.opened()
    client.send(Buffer.alloc(96_000))
    await client.count('audio_chunk')
    expect(await read()).toMatchObject({
      status: 'processing',
      result: null,
      request_params: { channels: 3, bit_depth: 16, endpointing: 0.05 },
    })
    client.stop()
    await client.closed()
    expect(await read()).toMatchObject({
      status: 'done',
      completed_at: '2026-11-21T10:00:00.000Z',
      file: { audio_duration: 1, number_of_channels: 3 },
      result: {
        metadata: { audio_duration: 1, number_of_distinct_channels: 3, billing_time: 3 },
        transcription: { full_transcript: 'one two' },
      },
    })
  })

  it('unknown ids and addresses are 404 of the documented shape', async () => {
    for (const [method, path] of [
      ['GET', '/v2/live/x'],
      ['DELETE', '/v2/live/x'],
      ['PATCH', '/v2/live/x'],
      ['GET', '/v2/live/x/file'],
      ['GET', '/'],
    ] as const) {
      const response = await api(path, { method })
      expect([path, response.status]).toEqual([path, 404])
      expect(await response.json()).toMatchObject({ statusCode: 404, path })
    }
  })

  it('DELETE is 403 until the job is done, then 202, then 404', async () => {
    const { id: running } = await create()
    expect((await api(`/v2/live/${running}`, { method: 'DELETE' })).status).toBe(403)
    const id = await ended()
    expect((await api(`/v2/live/${id}`, { method: 'DELETE' })).status).toBe(202)
    expect((await api(`/v2/live/${id}`, { method: 'DELETE' })).status).toBe(404)
  })

  it('PATCH is 204 and shows in the job; 400 and 413 for what it does not take', async () => {
    const { id } = await create()
    const patch = async (body: string) => (await api(`/v2/live/${id}`, { method: 'PATCH', body })).status
    expect(await patch('{"seen":"noise"}')).toBe(204)
    expect(await patch('[]')).toBe(400)
    expect(await patch('x')).toBe(400)
    expect(await patch(JSON.stringify({ text: 'x'.repeat(100_000) }))).toBe(413)
    expect(await (await api(`/v2/live/${id}`)).json()).toMatchObject({ post_session_metadata: { seen: 'noise' } })
  })

  it('GET file is 404 while the session runs, then a WAV file of what was sent', async () => {
    const { id: running } = await create()
    expect((await api(`/v2/live/${running}/file`)).status).toBe(404)
    const response = await api(`/v2/live/${await ended({ channels: 2 })}/file`)
    expect(response.headers.get('content-type')).toBe('application/octet-stream')
    const wav = Buffer.from(await response.arrayBuffer())
    expect([wav.toString('latin1', 0, 4), wav.readUInt16LE(22), wav.readUInt32LE(24), wav.readUInt32LE(40), wav.length]).toEqual([
      'RIFF',
      2,
      16_000,
      32_000,
      32_044,
    ])
  })

  it('the list pages newest first and filters by status, date and metadata', async () => {
    const first = await ended({ custom_metadata: { room: 'a' } })
    await clock.advance(3_600_000)
    const { id: second } = await create({ custom_metadata: { room: 'b' } })
    const { id: third } = await create()
    interface Page {
      items: { id: string }[]
      next: string | null
      first: string
      current: string
    }
    const page = async (query: string) => (await (await api(`/v2/live${query}`)).json()) as Page
    const ids = async (query: string) => (await page(query)).items.map(({ id }) => id)
    const begin = await page('?limit=2')
    expect(begin.items.map(({ id }) => id)).toEqual([third, second])
    const rest = (await (await api(begin.next?.slice(server.url.length) ?? '')).json()) as Page
    expect([rest.items.map(({ id }) => id), rest.next]).toEqual([[first], null])
    expect(await ids('?status=queued&status=done')).toEqual([third, second, first])
    expect(await ids('?custom_metadata[room]=b')).toEqual([second])
    expect(await ids(`?custom_metadata=${encodeURIComponent('{"room":"b"}')}`)).toEqual([second])
    expect(await ids('?after_date=2026-11-21T10:30:00Z')).toEqual([third, second])
    expect(await ids('?date=2026-11-20')).toEqual([])
    expect(await ids('?status=done')).toEqual([first])
    for (const bad of ['?limit=0', '?offset=-1', '?status=odd', '?date=never', '?custom_metadata=[]'])
      expect((await api(`/v2/live${bad}`)).status).toBe(400)
  })
})

describe('bad input', () => {
  it('malformed messages are counted and answered, the session goes on', async () => {
    const { url } = await create()
    const client = new SpeechServerClient(url)
    clients.push(client)
    await client.opened()
    const bad = [
      '',
      '{',
      'null',
      '[]',
      '"x"',
      '{}',
      '{"type":7}',
      '{"type":"audio_chunk"}',
      '{"type":"audio_chunk","data":{"chunk":"@@"}}',
      '{"type":"__proto__"}',
    ]
    for (const text of bad) client.socket.send(text)
    client.socket.send(JSON.stringify({ type: 'audio_chunk', data: { chunk: Buffer.alloc(320).toString('base64') } }))
    expect((await client.count('audio_chunk'))[0]?.data?.byte_range).toEqual([0, 320])
    expect(client.of('error')).toHaveLength(bad.length)
    expect(server.sessions()[0]).toMatchObject({ malformedMessages: bad.length, bytes: 320, status: 'processing' })
  })

  it('bytes that are not HTTP, and an upgrade that is none, leave the server standing', async () => {
    const { connect } = await import('node:net')
    for (const text of [
      '\0\x01\x02\r\n\r\n',
      'GET /v2/live?token=x HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
      'GET //[ HTTP/1.1\r\nHost: a\r\n\r\n',
    ]) {
      const socket = connect(server.port, '127.0.0.1')
      await new Promise((resolve) =>
        socket
          .once('close', resolve)
          .on('error', () => undefined)
          .on('data', () => socket.end())
          .end(text),
      )
    }
    expect((await post()).status).toBe(201)
  })

  it('a client that leaves more than 16 MiB unread is cut off, its session goes on', async () => {
    const talkative = new ScriptedEngine([{ atSec: 0.01, transcript: scriptedFinal('u0', 0, 0, 1, 'x'.repeat(500_000)) }])
    const behaviours = { duplicateFinals: 99 }
    await using loud = await closing(startSpeechServer({ port: 0, engine: talkative, behaviours, clock, logger: silentLogger }))
    const made = await fetch(`${loud.server.url}/v2/live`, { method: 'POST', headers: { 'x-gladia-key': 'k' } })
    const { url } = (await made.json()) as { url: string }
    const client = new SpeechServerClient(url)
    clients.push(client)
    await client.opened()
    client.socket.pause()
    client.send(Buffer.alloc(3200))
    while (loud.server.sessions()[0]?.bytes !== 3200 || loud.server.sessions()[0]?.attached) await clock.settle()
    expect(loud.server.sessions()[0]?.status).toBe('processing')
  })

  it('an engine that cannot open, or fails, ends that session with an error and no other', async () => {
    engine.openError = new Error('no weights')
    const broken = await create()
    const client = new SpeechServerClient(broken.url)
    clients.push(client)
    await client.opened()
    client.send(Buffer.alloc(320))
    expect(await client.closed()).toBe(4500)
    expect(client.of('error')[0]?.data).toMatchObject({ code: 'internal_error' })
    expect(await (await api(`/v2/live/${broken.id}`)).json()).toMatchObject({ status: 'error', error_code: 500 })
    engine.openError = null
    expect((await api(`/v2/live/${await ended()}`)).status).toBe(200)
  })
})

describe('the server itself', () => {
  it('PUT /behaviours changes the switches, 400 names every problem, and only with control', async () => {
    const put = (document: unknown) => api('/behaviours', { method: 'PUT', body: JSON.stringify(document) })
    expect((await put({ post: { status: 503 } })).status).toBe(204)
    expect((await post()).status).toBe(503)
    const bad = await put({ acks: 'never', nonsense: 1 })
    expect(bad.status).toBe(400)
    expect(((await bad.json()) as { validation_errors: string[] }).validation_errors).toHaveLength(2)
    expect(await (await api('/behaviours')).json()).toEqual({ post: { status: 503 } })
    await using plain = await closing(startSpeechServer({ port: 0, engine, clock, logger: silentLogger }))
    expect((await fetch(`${plain.server.url}/behaviours`, { headers: { 'x-gladia-key': 'k' } })).status).toBe(404)
  })

  it('a port that is taken is one sentence', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as { port: number }
    await expect(startSpeechServer({ port, engine, clock, logger: silentLogger })).rejects.toMatchObject({
      code: 'EADDRINUSE',
      message: expect.stringContaining(`cannot listen on 127.0.0.1:${port}`) as string,
    })
    await new Promise((resolve) => other.close(resolve))
  })

  it('close ends a session in mid-finish and a request in mid-wait', async () => {
    engine.whenFinished = new Promise(() => {})
    const { url } = await create()
    const client = new SpeechServerClient(url)
    clients.push(client)
    await client.opened()
    client.send(Buffer.alloc(320))
    client.stop()
    await client.count('stop_recording')
    server.switches.set({ get: { slowMs: 1_000_000 } })
    const waiting = api(`/v2/live/${server.sessions()[0]?.id}`).catch(() => 'cut')
    const before = clock.pending
    while (clock.pending === before) await clock.settle()
    await server.close()
    expect(await waiting).toBeDefined()
    expect(await client.closed()).toBe(1006)
    expect(engine.sessions[0]?.isClosed).toBe(true)
  })
})

async function closing(starting: Promise<SpeechServer>) {
  const started = await starting
  return { server: started, [Symbol.asyncDispose]: () => started.close() }
}
