import { afterEach, describe, expect, it } from 'vitest'
import { SWITCH_NAMES } from '../../src/speech-server/behaviours/schema.js'
import {
  AUDIO_SWITCHES,
  CHUNK,
  api,
  chunk,
  clock,
  connect,
  covered,
  detached,
  dial,
  job,
  live,
  post,
  ranges,
  server,
  session,
  start,
  tenFinals,
  tidy,
} from '../support/speech-server-rig.js'

afterEach(tidy)

describe('switches of POST and GET', () => {
  it.each([400, 401, 402, 403, 422, 429, 500, 503])(
    'post {status: %i} refuses once with that status, then goes back to normal',
    async (status) => {
      await start({ post: { switch: { status, message: 'no' }, times: 1 } })
      const refused = await post()
      expect(refused.status).toBe(status)
      expect(refused.headers.get('retry-after')).toBeNull()
      expect(await refused.json()).toMatchObject({ statusCode: status, message: 'no', path: '/v2/live' })
      expect((await post()).status).toBe(201)
    },
  )

  it('post {status: 429, retryAfterSec} says when to come again', async () => {
    await start({ post: { status: 429, retryAfterSec: 3 } })
    expect((await post()).headers.get('retry-after')).toBe('3')
  })

  it('post {slowMs} answers after that time', async () => {
    await start({ post: { slowMs: 5000 } })
    const answer = post()
    while (clock.pending === 0) await clock.settle()
    expect(server.sessions()).toEqual([])
    await clock.advance(5000)
    expect((await answer).status).toBe(201)
  })

  it('post lost_response opens a session and cuts the connection', async () => {
    await start({ post: 'lost_response' })
    await expect(post()).rejects.toThrow()
    expect(server.sessions()).toHaveLength(1)
  })

  it('post garbage_body answers 201 with a body that is not JSON', async () => {
    await start({ post: 'garbage_body' })
    const response = await post()
    expect(response.status).toBe(201)
    await expect(response.json()).rejects.toThrow()
  })

  it('validationStatus 422 takes the place of 400', async () => {
    await start({ validationStatus: { switch: 422, times: 1 } })
    expect((await post({ channels: 9 })).status).toBe(422)
    expect((await post({ channels: 9 })).status).toBe(400)
  })

  it('get {status} refuses, get {slowMs} waits', async () => {
    await start({ get: { switch: { status: 503 }, times: 1 } })
    const { id } = await session()
    expect((await api(`/v2/live/${id}`)).status).toBe(503)
    expect((await api(`/v2/live/${id}`)).status).toBe(200)
    server.switches.set({ get: { slowMs: 700 } })
    const timers = clock.pending
    const answer = api(`/v2/live/${id}`)
    while (clock.pending === timers) await clock.settle()
    await clock.advance(700)
    expect((await answer).status).toBe(200)
  })
})

describe('switches of the life of a session', () => {
  it.each([
    [4408, 4408],
    [4000, 4000],
    ['terminate' as const, 1006],
  ])('idleMs with idleClose %s: a client that says nothing for that long sees %i', async (idleClose, seen) => {
    await start({ idleMs: 10_000, idleClose })
    const { client } = await live()
    while (!server.sessions()[0]?.attached) await clock.settle()
    await clock.advance(9999)
    client.send(Buffer.alloc(0))
    await client.count('audio_chunk')
    await clock.advance(9999)
    expect(server.sessions()[0]?.attached).toBe(true)
    await clock.advance(1)
    expect(await client.closed()).toBe(seen)
  })

  it.each([
    ['close_4403' as const, 4403, null],
    ['http_403' as const, null, 403],
  ])('endedSession %s: a socket to an ended session gets close %s, HTTP %s', async (endedSession, close, http) => {
    await start({ endedSession })
    const { client, url } = await live()
    client.stop()
    await client.closed()
    const late = dial(url)
    await late.until(() => late.closeCode !== null || late.refusal !== null)
    expect(late.refusal).toBe(http)
    if (close !== null) expect(late.closeCode).toBe(close)
  })

  it.each([
    [{ survivesMs: 5000 }, 4999, 'processing', 1, 'done'],
    ['ends_at_once' as const, 0, 'done', 0, 'done'],
    ['never_ends' as const, 1_000_000, 'processing', 5_000_000, 'processing'],
  ])('detached %j: %i ms after the loss the job is %s, %i ms later %s', async (value, firstMs, first, moreMs, then) => {
    await start({ detached: value })
    const { client, id } = await live()
    client.send(chunk())
    await client.count('audio_chunk')
    client.socket.terminate()
    await detached()
    await clock.advance(firstMs)
    expect((await job(id)).status).toBe(first)
    await clock.advance(moreMs)
    expect((await job(id)).status).toBe(then)
  })

  it.each([
    ['lost' as const, 0],
    ['replayed' as const, 10],
  ])('detachedMessages %s: of ten finals said without a socket the next one sees %i, the result all', async (detachedMessages, seen) => {
    await start({ detachedMessages, acks: 'withhold', unackedBytes: 'kept' })
    const { client, url, id } = await live()
    client.send(chunk())
    client.socket.close(3000)
    await client.closed()
    await detached()
    const again = await connect(url)
    again.stop()
    await again.closed()
    expect(again.of('transcript')).toHaveLength(seen)
    expect((await job(id)).result?.transcription.utterances).toHaveLength(10)
  })

  it.each([
    ['normal' as const, true, 1000, 'done'],
    ['close_1011' as const, false, 1011, 'done'],
    ['stays_processing' as const, true, 1000, 'processing'],
    ['never_closes' as const, true, null, 'done'],
  ])('afterStop %s: post_final_transcript %s, close %s, then the job is %s', async (afterStop, hasFinal, close, status) => {
    await start({ afterStop })
    const { client, id } = await live({ messages_config: { receive_lifecycle_events: true } })
    client.stop()
    if (close === null) {
      await client.count('end_session')
      client.socket.ping()
      await new Promise((resolve) => client.socket.once('pong', resolve))
      expect(client.closeCode).toBeNull()
    } else expect(await client.closed()).toBe(close)
    expect(client.of('post_final_transcript')).toHaveLength(hasFinal ? 1 : 0)
    expect((await job(id)).status).toBe(status)
  })

  it.each([
    ['never' as const, 0],
    ['on_socket' as const, 1],
  ])('startSession %s: the first socket sees %i start_session, the second none', async (startSession, seen) => {
    await start({ startSession })
    const { client, url } = await live({ messages_config: { receive_lifecycle_events: true } })
    client.send(chunk())
    await client.count('audio_chunk')
    expect(client.of('start_session')).toHaveLength(seen)
    expect(client.of('start_recording')).toHaveLength(1)
    const again = await connect(url)
    again.send(chunk())
    await again.count('audio_chunk')
    expect([...again.of('start_session'), ...again.of('start_recording')]).toEqual([])
  })

  it.each([
    ['released' as const, 201],
    ['kept_without_stop' as const, 429],
  ])('concurrency 1 with slot %s: after a session that ended without a stop, POST gives %i', async (slot, status) => {
    await start({ concurrency: 1, slot, sessionLimitMs: 100_000 })
    await session()
    expect((await post()).status).toBe(429)
    await clock.advance(60_000)
    expect(server.sessions()[0]?.status).toBe('done')
    expect((await post()).status).toBe(status)
    await clock.advance(40_000)
    expect((await post()).status).toBe(status === 201 ? 429 : 201)
  })

  it('a session that was stopped gives its slot back whatever the switch says', async () => {
    await start({ concurrency: 1, slot: 'kept_without_stop' })
    const { client } = await live()
    client.stop()
    await client.closed()
    expect((await post()).status).toBe(201)
  })

  it('sessionLimitMs ends a session by the wall clock, sessionLimitClose says how', async () => {
    await start({ sessionLimitMs: 20_000, sessionLimitClose: 1000 })
    const { client, id } = await live()
    client.send(chunk())
    await client.count('audio_chunk')
    await clock.advance(20_000)
    expect(await client.closed()).toBe(1000)
    expect(client.of('post_final_transcript')).toHaveLength(1)
    expect((await job(id)).status).toBe('done')
  })

  it('sessionLimitCounts audio ends a session by the audio it took', async () => {
    await start({ sessionLimitMs: 200, sessionLimitCounts: 'audio' })
    const { client } = await live()
    await clock.advance(10_000)
    client.send(chunk())
    await client.count('audio_chunk')
    expect(client.closeCode).toBeNull()
    client.send(chunk())
    expect(await client.closed()).toBe(4408)
  })
})

describe('noise', () => {
  it('unknownMessage, extraFields, invalidJson and binaryMessage surround every message, which stays readable', async () => {
    await start({ unknownMessage: true, extraFields: true, invalidJson: true, binaryMessage: true })
    const { client } = await live()
    client.send(chunk())
    client.stop()
    await client.closed()
    expect(client.of('transcript')).toHaveLength(10)
    const own = client.messages.filter(({ type }) => type !== 'weather_report')
    expect(client.of('weather_report')).toHaveLength(own.length)
    expect(own.every((message) => 'trace' in message && 'schema_version' in message)).toBe(true)
    expect(client.garbage).toHaveLength(own.length)
    expect(client.binaries).toHaveLength(own.length)
  })

  it('pingFlood sends that many pings to a new socket', async () => {
    await start({ pingFlood: { switch: 500, times: 1 } })
    const { client, url } = await live()
    await client.until(() => client.pings === 500)
    const again = await connect(url)
    again.send(chunk())
    await again.count('audio_chunk')
    expect(again.pings).toBe(0)
  })

  it('halfOpen stops answering after that many chunks; a new socket takes over', async () => {
    await start({ halfOpen: { switch: { afterChunks: 2 }, times: 1 } })
    const { client, url } = await live()
    for (let sent = 0; sent < 5; sent++) client.send(chunk())
    await client.count('audio_chunk', 1)
    const again = await connect(url)
    again.send(chunk())
    await again.count('audio_chunk')
    expect(client.of('audio_chunk').length).toBe(2)
    expect(ranges(again)).toEqual([[2 * CHUNK, 3 * CHUNK]])
    expect(await client.closed()).toBe(1006)
  })

  it.each([
    [1001, 1001],
    [1011, 1011],
    [1012, 1012],
    [1013, 1013],
    ['terminate' as const, 1006],
  ])('closeSocket {code: %s} closes after that many chunks, once', async (code, seen) => {
    await start({ closeSocket: { switch: { code, afterChunks: 1 }, times: 1 } })
    const { client, url } = await live()
    client.send(chunk())
    expect(await client.closed()).toBe(seen)
    const again = await connect(url)
    again.send(chunk())
    again.send(chunk())
    await again.count('audio_chunk', 2)
    expect(ranges(again)[0]).toEqual([CHUNK, 2 * CHUNK])
  })

  it('acceptThenClose takes the handshake and closes, as often as it is told to', async () => {
    await start({ acceptThenClose: { switch: { code: 1013 }, times: 3 } })
    const { url } = await session()
    for (let time = 0; time < 3; time++) expect(await dial(url).closed()).toBe(1013)
    const client = await connect(url)
    client.send(chunk())
    await client.count('audio_chunk')
    expect(server.sessions()[0]?.connections).toBe(1)
  })

  it('handshake {status} refuses the upgrade', async () => {
    await start({ handshake: { switch: { status: 503 }, times: 1 } })
    const { url } = await session()
    const refused = dial(url)
    await refused.until(() => refused.refusal !== null)
    expect(refused.refusal).toBe(503)
    await connect(url)
  })

  it('shuffleFinals sends finals in another order, all of them; duplicateFinals each once more', async () => {
    await start({ shuffleFinals: 100, duplicateFinals: 1 })
    const { client } = await live()
    client.send(chunk())
    client.stop()
    await client.closed()
    const ids = client.of('transcript').map(({ data }) => data?.id)
    const inOrder = tenFinals.map(({ transcript }) => transcript.id)
    expect(ids.toSorted()).toEqual(inOrder.flatMap((id) => [id, id]))
    expect(ids.filter((_, at) => at % 2 === 0)).not.toEqual(inOrder)
  })

  it('partialAfterFinal sends a partial of the same id after its final', async () => {
    await start({ partialAfterFinal: { switch: true, times: 1 } })
    const { client } = await live({ messages_config: { receive_partial_transcripts: true } })
    client.send(chunk())
    client.stop()
    await client.closed()
    expect(
      client
        .of('transcript')
        .map(({ data }) => [data?.id, data?.is_final])
        .slice(0, 3),
    ).toEqual([
      ['u0', true],
      ['u0', false],
      ['u1', true],
    ])
  })

  it.each([
    ['exact' as const, 3, 3.5],
    ['end_before_start' as const, 3.5, 3],
    ['beyond_audio' as const, 3603.1, 3603.6],
    ['null' as const, null, null],
    [{ jumpSec: -100 }, -97, -96.5],
  ])('timestamps %j: 3 to 3.5 s comes as %s to %s', async (timestamps, from, to) => {
    await start({ timestamps })
    const { client, id } = await live()
    client.send(chunk())
    const utterance = (await client.count('transcript', 10))[3]?.data?.utterance
    expect(utterance).toMatchObject({ start: from, end: to })
    client.stop()
    await client.closed()
    expect((await job(id)).result?.transcription.utterances[3]).toMatchObject({ start: 3, end: 3.5 })
  })

  it.each([
    ['exact' as const, 0],
    ['negative' as const, -1],
    ['fraction' as const, 0.5],
    ['missing' as const, undefined],
    [{ add: 8 }, 8],
  ])('channel %j: channel 0 comes as %s', async (channel, seen) => {
    await start({ channel })
    const { client } = await live()
    client.send(chunk())
    const utterance = (await client.count('transcript'))[0]?.data?.utterance
    expect(utterance?.['channel']).toBe(seen)
    expect(utterance !== undefined && 'channel' in utterance).toBe(channel !== 'missing')
  })
})

describe('the list of switches', () => {
  it('every other switch was set by a test above', async () => {
    await start({})
    expect(SWITCH_NAMES.filter((name) => !covered.has(name) && !AUDIO_SWITCHES.includes(name))).toEqual([])
  })
})
