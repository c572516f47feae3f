import { RoomServiceClient } from 'livekit-server-sdk'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { asIdentity, trackKey } from '../../src/core/ids.js'
import { systemClock } from '../../src/core/time.js'
import { createLogger, type Logger, silentLogger } from '../../src/observe/logger.js'
import { libraryListenerCount } from '../../src/live/room/livekit/library.js'
import { createLivekitRoom, disposeRoomLibrary } from '../../src/live/room/livekit/open.js'
import type { RoomTunables } from '../../src/live/room/livekit/tunables.js'
import type { JoinOptions, RoomConnection } from '../../src/live/room/port.js'
import type { LivekitServer } from '../../src/standins/livekit/server.js'
import { startTestLivekit } from '../support/livekit.js'
import { RoomRecorder } from '../support/room-recorder.js'
import { RoomSpeaker } from '../support/room-speaker.js'

let server: LivekitServer
let rooms: RoomServiceClient
let roomNumber = 0
let room = ''
let listenersBefore = 0
let connections: RoomConnection[] = []
let speakers: RoomSpeaker[] = []

beforeAll(async () => {
  server = await startTestLivekit()
  rooms = new RoomServiceClient(server.url, server.apiKey, server.apiSecret)
})
afterAll(async () => {
  await disposeRoomLibrary()
  await server.stop()
})
beforeEach(() => {
  room = `room-${++roomNumber}`
  listenersBefore = libraryListenerCount()
})
afterEach(async () => {
  for (const speaker of speakers) await speaker.leave()
  for (const connection of connections) await connection.close()
  speakers = []
  connections = []
})

const mic = (identity: string) => trackKey(asIdentity(identity), 'microphone')

async function join(
  recorder: RoomRecorder,
  options: Partial<JoinOptions> & { logger?: Logger; signal?: AbortSignal; tunables?: Partial<RoomTunables> } = {},
): Promise<RoomConnection> {
  const { logger = silentLogger, signal = new AbortController().signal, tunables, ...rest } = options
  const port = createLivekitRoom({
    url: server.url,
    apiKey: server.apiKey,
    apiSecret: server.apiSecret,
    clock: systemClock,
    logger,
    ...tunables,
  })
  const connection = await port.join({ room, botIdentity: 'scribe', botName: 'Scribe', ...rest }, recorder, signal)
  connections.push(connection)
  return connection
}

async function speaker(identity: string, name?: string): Promise<RoomSpeaker> {
  const joined = await RoomSpeaker.join(server, room, identity, name)
  speakers.push(joined)
  return joined
}

describe('people and tracks', () => {
  test('who is there at the join and who comes later is reported and heard in frames of 800 samples', async () => {
    const anna = await speaker('anna', 'Anna')
    await anna.publish()
    const recorder = new RoomRecorder()
    await join(recorder)
    await recorder.untilLines(['joined anna Anna', `started ${mic('anna')}`])
    const bert = await speaker('bert')
    await bert.publish()
    await recorder.untilLines(['joined bert bert', `started ${mic('bert')}`])
    await recorder.untilLoud(mic('anna'))
    await recorder.untilLoud(mic('bert'))
    expect([...recorder.frames.get(mic('anna'))!.sizes]).toEqual([800])
    await anna.leave()
    await recorder.untilLines([`ended ${mic('anna')} left`, 'left anna'])
    expect(recorder.lines.indexOf('left anna')).toBeGreaterThan(recorder.lines.indexOf(`ended ${mic('anna')} left`))
  })
})
