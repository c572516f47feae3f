import { createServer, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { UpstreamError } from '../../../src/core/errors.js'
import { libraryListenerCount } from '../../../src/live/room/livekit/library.js'
import { probeLivekit } from '../../../src/live/room/livekit/probe.js'
import { createLogger } from '../../../src/observe/logger.js'
import { joinError } from '../../../src/live/room/livekit/join-error.js'
import { RoomSpeaker } from '../../support/room-speaker.js'
import { RoomRecorder } from '../../support/room-recorder.js'
import { mic } from '../../support/room-stage.js'
import { useRoomStage } from '../../support/use-room-stage.js'

const stage = useRoomStage()

async function failure(run: Promise<unknown>): Promise<UpstreamError> {
  const thrown: unknown = await run.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (!(thrown instanceof UpstreamError)) throw new Error('no UpstreamError', { cause: thrown })
  return thrown
}

/** A port that accepts and never answers. */
async function mutePort(): Promise<{ url: string; connected: Promise<unknown>; stop: () => Promise<void> }> {
  const sockets = new Set<Socket>()
  const listener: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
  })
  const connected = once(listener, 'connection')
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const address = listener.address()
  const port = typeof address === 'object' && address ? address.port : 0
  return {
    url: `ws://127.0.0.1:${port}`,
    connected,
    stop: async () => {
      for (const socket of sockets) socket.destroy()
      listener.close()
      await once(listener, 'close')
    },
  }
}

describe('ends', () => {
  /** Joins with a speaker, lets something end it, and expects nothing of the library left. */
  async function endedBy(
    act: (recorder: RoomRecorder, anna: RoomSpeaker) => Promise<unknown>,
    settled: () => Promise<void> = () => Promise.resolve(),
  ): Promise<RoomRecorder> {
    const anna = await stage.speaker('anna')
    await anna.publish()
    await settled()
    const before = libraryListenerCount()
    const recorder = new RoomRecorder()
    const connection = await stage.join(recorder)
    await recorder.untilLoud(mic('anna'))
    expect(libraryListenerCount()).toBe(before + 2)
    await act(recorder, anna)
    await recorder.until(() => recorder.lines.at(-1)?.startsWith('end ') ?? false)
    await connection.close()
    expect(libraryListenerCount()).toBe(before)
    const frames = recorder.frames.get(mic('anna'))?.count
    await connection.close()
    expect(recorder.lines.filter((line) => line.startsWith('end '))).toHaveLength(1)
    expect(recorder.frames.get(mic('anna'))?.count).toBe(frames)
    return recorder
  }

  test('26 an admin removes the bot: removed, and neither listener nor stream is left', async () => {
    const recorder = await endedBy(() => stage.rooms.removeParticipant(stage.room, 'scribe'))
    expect(recorder.lines.at(-1)).toBe('end removed')
    expect(recorder.lines).not.toContain('left anna')
  })

  test('26 the room is deleted: room_closed', async () => {
    const recorder = await endedBy(async () => {
      await stage.rooms.deleteRoom(stage.room)
    })
    expect(recorder.lines.at(-1)).toBe('end room_closed')
  })

  test('another bot joins with the same identity: duplicate_identity', async () => {
    const second = new RoomRecorder()
    const anna = await stage.speaker('anna')
    await anna.publish()
    const first = new RoomRecorder()
    await stage.join(first)
    await first.untilLoud(mic('anna'))
    await stage.join(second)
    await first.untilLines(['end duplicate_identity'])
    await second.untilLoud(mic('anna'))
  })

  test('an exception of the consumer ends with fault, and the process and the other room go on', async () => {
    const other = new RoomRecorder()
    await stage.join(other, { botIdentity: 'scribe-2' })
    const recorder = await endedBy(
      async (own, anna) => {
        own.onLine = (line) => {
          if (line.startsWith('renamed')) throw new Error('planted')
        }
        await anna.rename('Anna B.')
      },
      () => other.untilLoud(mic('anna')),
    )
    expect(recorder.lines.at(-1)).toBe('end fault')
    expect(recorder.error?.message).toBe('planted')
    await other.untilLines(['renamed anna Anna B.'])
    await other.untilLoud(mic('anna'))
  })

  test.each(['frame', 'trackStalled'] as const)('an exception of the consumer in %s ends with fault', async (call) => {
    const recorder = new RoomRecorder()
    recorder[call] = () => {
      throw new Error('planted')
    }
    const anna = await stage.speaker('anna')
    await anna.publish()
    await stage.join(recorder, { port: { noFramesMs: 1_000 } })
    await recorder.untilLines([`started ${mic('anna')}`])
    anna.allowAll(false)
    await recorder.untilLines(['end fault'])
    expect(recorder.error?.message).toBe('planted')
  })

  test('what rtc-node itself throws in handling an event is logged, and the room goes on', async () => {
    const lines: string[] = []
    const recorder = new RoomRecorder()
    await stage.join(recorder, { logger: createLogger('warn', (line) => void lines.push(line)) })
    const emitter = (globalThis as unknown as { _ffiClientInstance: { emit(name: string, event: unknown): void } })._ffiClientInstance
    // an event of nothing that the library knows: reading it throws inside of its asynchronous handler
    emitter.emit('ffi_event', { message: null })
    const anna = await stage.speaker('anna')
    await anna.publish()
    await recorder.untilLoud(mic('anna'))
    expect(lines.filter((line) => line.includes('rtc-node failed to handle an event'))).toHaveLength(1)
    expect(recorder.lines.at(-1)).toBe(`started ${mic('anna')}`)
  })

  test('close in the middle of a handler ends with left, and frees everything', async () => {
    const before = libraryListenerCount()
    const recorder = new RoomRecorder()
    const connection = await stage.join(recorder)
    let closed: Promise<void> | undefined
    recorder.onLine = (line) => {
      if (line.startsWith('started')) closed = connection.close()
    }
    const anna = await stage.speaker('anna')
    await anna.publish()
    await recorder.untilLines(['end left'])
    await closed
    expect(recorder.lines).toEqual(['joined anna anna', `started ${mic('anna')}`, 'end left'])
    expect(recorder.frames.size).toBe(0)
    await anna.leave()
    expect(libraryListenerCount()).toBe(before)
  })
})

describe('joins that fail', () => {
  test('wrong secret: livekit_unauthorized, and no token in any text', async () => {
    const error = await failure(stage.join(new RoomRecorder(), { port: { apiSecret: 'x'.repeat(40) } }))
    expect(error.code).toBe('livekit_unauthorized')
    expect(error.retryable).toBe(false)
    expect(`${error.stack} ${String(error.cause)} ${(error.cause as Error).stack}`).not.toMatch(/eyJ/)
  })

  test('unknown key: livekit_unauthorized', async () => {
    expect((await failure(stage.join(new RoomRecorder(), { port: { apiKey: 'nobody' } }))).code).toBe('livekit_unauthorized')
  })

  test('closed port: livekit_unreachable and retryable', async () => {
    const port = await mutePort()
    await port.stop()
    const error = await failure(stage.join(new RoomRecorder(), { port: { url: port.url } }))
    expect(error).toMatchObject({ code: 'livekit_unreachable', retryable: true })
    expect(error.message).toContain(port.url)
  })

  test('full room: livekit_room_full', async () => {
    await stage.rooms.createRoom({ name: stage.room, maxParticipants: 1 })
    await stage.speaker('anna')
    const refused: unknown = await RoomSpeaker.join(stage.server, stage.room, 'bert').catch((error: unknown) => error)
    expect(joinError(refused, stage.server.url).code).toBe('livekit_room_full')
  })

  test('a failed join leaves no listener', async () => {
    const before = libraryListenerCount()
    await failure(stage.join(new RoomRecorder(), { port: { apiSecret: 'x'.repeat(40) } }))
    expect(libraryListenerCount()).toBe(before)
  })

  test('an abort while the join is pending waits for it, rejects with the reason and reports nothing', async () => {
    const before = libraryListenerCount()
    const port = await mutePort()
    const recorder = new RoomRecorder()
    const controller = new AbortController()
    const joining = stage.join(recorder, { signal: controller.signal, port: { url: port.url, connectTimeoutMs: 500 } })
    const outcome = joining.catch((error: unknown) => error)
    await port.connected
    const reason = new Error('no longer wanted')
    controller.abort(reason)
    expect(await outcome).toBe(reason)
    await port.stop()
    expect(recorder.lines).toEqual([])
    expect(libraryListenerCount()).toBe(before)
  })

  test('an abort of a join that succeeds leaves the room again', async () => {
    const before = libraryListenerCount()
    const controller = new AbortController()
    const reason = new Error('no longer wanted')
    const recorder = new RoomRecorder()
    const joining = stage.join(recorder, { signal: controller.signal })
    controller.abort(reason)
    expect(await joining.catch((error: unknown) => error)).toBe(reason)
    expect(libraryListenerCount()).toBe(before)
    expect(recorder.lines).toEqual([])
    expect(await stage.rooms.listParticipants(stage.room)).toEqual([])
  })
})

describe('probe', () => {
  test('resolves on a server that knows the key', () => probeLivekit(stage.server.url, stage.server.apiKey, stage.server.apiSecret))

  test('wrong secret: livekit_unauthorized', async () => {
    const error = await failure(probeLivekit(stage.server.url, stage.server.apiKey, 'x'.repeat(40)))
    expect(error.code).toBe('livekit_unauthorized')
  })

  test('closed port: livekit_unreachable', async () => {
    const port = await mutePort()
    await port.stop()
    expect((await failure(probeLivekit(port.url, 'k', 's'.repeat(40)))).code).toBe('livekit_unreachable')
  })

  test('not an address: livekit_refused', async () => {
    expect((await failure(probeLivekit('not a url', 'k', 's'.repeat(40)))).code).toBe('livekit_refused')
  })
})
