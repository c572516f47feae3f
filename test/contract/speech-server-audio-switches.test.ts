import { afterEach, describe, expect, it } from 'vitest'
import type { Behaviours } from '../../src/speech-server/behaviours/schema.js'
import {
  AUDIO_SWITCHES,
  CHUNK,
  chunk,
  clock,
  connect,
  covered,
  detached,
  dial,
  engine,
  live,
  ranges,
  server,
  session,
  start,
  tidy,
} from '../support/speech-server-rig.js'

afterEach(tidy)

describe('switches of acknowledgements', () => {
  async function afterReconnect(behaviours: Behaviours) {
    await start(behaviours)
    const { client, url } = await live()
    client.send(chunk())
    client.send(chunk())
    client.send(Buffer.alloc(0))
    await clock.settle()
    client.stop()
    await client.closed()
    return { client, url }
  }

  it('by default every chunk, an empty one too, is acknowledged with a half-open range of the session', async () => {
    const { client } = await afterReconnect({})
    expect(client.of('audio_chunk').map(({ acknowledged, error, data }) => ({ acknowledged, error, data }))).toEqual([
      { acknowledged: true, error: null, data: { byte_range: [0, CHUNK], time_range: [0, 0.1] } },
      { acknowledged: true, error: null, data: { byte_range: [CHUNK, 2 * CHUNK], time_range: [0.1, 0.2] } },
      { acknowledged: true, error: null, data: { byte_range: [2 * CHUNK, 2 * CHUNK], time_range: [0.2, 0.2] } },
    ])
  })

  it('emptyChunk none leaves empty chunks without an acknowledgement', async () => {
    const { client } = await afterReconnect({ emptyChunk: 'none' })
    expect(ranges(client)).toEqual([
      [0, CHUNK],
      [CHUNK, 2 * CHUNK],
    ])
  })

  it('byteRangeEnd inclusive ends a range at its last byte', async () => {
    const { client } = await afterReconnect({ byteRangeEnd: 'inclusive' })
    expect(ranges(client).slice(0, 2)).toEqual([
      [0, CHUNK - 1],
      [CHUNK, 2 * CHUNK - 1],
    ])
  })

  it.each([
    ['session' as const, [CHUNK, 2 * CHUNK]],
    ['connection' as const, [0, CHUNK]],
  ])('byteRangeBase %s: the first range of a second socket is %j', async (byteRangeBase, range) => {
    await start({ byteRangeBase })
    const { client, url } = await live()
    client.send(chunk())
    await client.count('audio_chunk')
    client.socket.terminate()
    const again = await connect(url)
    again.send(chunk())
    await again.count('audio_chunk')
    expect(ranges(again)).toEqual([range])
  })

  it('acks {coalesce: 3} sends one acknowledgement for three chunks, and the rest at the stop', async () => {
    await start({ acks: { coalesce: 3 } })
    const { client } = await live()
    for (let sent = 0; sent < 5; sent++) client.send(chunk())
    client.stop()
    await client.closed()
    expect(ranges(client)).toEqual([
      [0, 3 * CHUNK],
      [3 * CHUNK, 5 * CHUNK],
    ])
  })

  it('acks {delayMs} acknowledges when the time has passed', async () => {
    await start({ acks: { delayMs: 2000 } })
    const { client } = await live()
    const timers = clock.pending
    client.send(chunk())
    while (clock.pending === timers) await clock.settle()
    await clock.advance(1999)
    expect(server.sessions()[0]?.bytes).toBe(0)
    await clock.advance(1)
    await client.count('audio_chunk')
    expect(ranges(client)).toEqual([[0, CHUNK]])
  })

  it('acks drop accepts without a word', async () => {
    await start({ acks: { switch: 'drop', times: 1 } })
    const { client } = await live()
    client.send(chunk())
    client.send(chunk())
    await client.count('audio_chunk')
    expect(ranges(client)).toEqual([[CHUNK, 2 * CHUNK]])
  })

  it('acks reject answers acknowledged false with data null and keeps nothing', async () => {
    await start({ acks: { switch: 'reject', times: 1 } })
    const { client } = await live()
    client.send(chunk())
    client.send(chunk())
    const [first, second] = await client.count('audio_chunk', 2)
    expect(first).toMatchObject({ acknowledged: false, error: { message: expect.any(String) as string }, data: null })
    expect(second?.data?.byte_range).toEqual([0, CHUNK])
  })

  it.each([
    ['discarded' as const, [0, CHUNK]],
    ['kept' as const, [2 * CHUNK, 3 * CHUNK]],
  ])('unackedBytes %s: after a lost socket with two withheld chunks the next one is at %j', async (unackedBytes, range) => {
    await start({ unackedBytes, acks: { switch: 'withhold', times: 2 } })
    const { client, url } = await live()
    client.send(chunk())
    client.send(chunk())
    client.socket.close(3000)
    await client.closed()
    await detached()
    const again = await connect(url)
    again.send(chunk())
    await again.count('audio_chunk')
    expect(ranges(again)).toEqual([range])
  })

  it('acks withhold gives the bytes to the engine at the stop', async () => {
    await start({ acks: 'withhold' })
    const { client } = await live()
    client.send(chunk())
    client.stop()
    await client.closed()
    expect(ranges(client)).toEqual([])
    expect(engine.sessions[0]?.samples).toHaveLength(CHUNK / 2)
  })
})

describe('switches of wrong chunks', () => {
  it.each([
    ['close_then_403' as const, 403],
    ['close_only' as const, null],
  ])('oversizeFrame %s: three frames over 1 MiB are closed with 1009, then the handshake gives %s', async (oversizeFrame, refusal) => {
    await start({ oversizeFrame })
    const { url } = await session()
    for (let time = 0; time < 3; time++) {
      const client = await connect(url)
      client.send(chunk(1024 * 1024 + 2))
      expect(await client.closed()).toBe(1009)
    }
    const last = dial(url)
    await last.until(() => last.refusal !== null || last.socket.readyState === last.socket.OPEN)
    expect(last.refusal).toBe(refusal)
  })

  it('takes a frame of exactly 1 MiB', async () => {
    await start({})
    const { client } = await live()
    client.send(chunk(1024 * 1024))
    await client.count('audio_chunk')
    expect(ranges(client)).toEqual([[0, 1024 * 1024]])
  })

  it('incompleteFrame reject refuses the chunk and takes the next', async () => {
    await start({ incompleteFrame: 'reject' })
    const { client } = await live({ channels: 2 })
    client.send(chunk(6))
    client.send(chunk(8))
    const [first, second] = await client.count('audio_chunk', 2)
    expect(first).toMatchObject({ acknowledged: false, data: null })
    expect(second?.data?.byte_range).toEqual([0, 8])
  })

  it('incompleteFrame close_4400 closes', async () => {
    await start({ incompleteFrame: 'close_4400' })
    const { client } = await live({ channels: 2 })
    client.send(chunk(6))
    expect(await client.closed()).toBe(4400)
  })

  it('incompleteFrame accept stays misaligned: channels come out swapped', async () => {
    await start({ incompleteFrame: 'accept' })
    const { client } = await live({ channels: 2 })
    const pairs = Buffer.from(Int16Array.of(10, 20, 10, 20).buffer)
    client.send(pairs.subarray(2, 4))
    client.send(pairs)
    client.stop()
    await client.closed()
    expect(engine.sessions[0]?.samples).toEqual([20, 10, 20, 10])
  })
})

describe('the list of switches', () => {
  it('the switches of audio were each set by a test above', async () => {
    await start({})
    expect([...covered].toSorted()).toEqual(AUDIO_SWITCHES)
  })
})
