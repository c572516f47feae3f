import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { disposeRoomLibrary } from '../../../src/live/room/livekit/open.js'
import { prepareLibrary } from '../../../src/live/room/livekit/library.js'
import { silentLogger } from '../../../src/observe/logger.js'
import { startTestLivekit } from '../../support/livekit.js'
import { RoomRecorder } from '../../support/room-recorder.js'
import { mic, RoomStage } from '../../support/room-stage.js'
import { TcpProxy } from '../../support/tcp-proxy.js'

/** Each way. The library collects changes for 150 ms before it negotiates; here others come while it still waits for the answer. */
const LATENCY_MS = 400
const PEOPLE = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']

let stage: RoomStage
let signalling: TcpProxy

beforeAll(async () => {
  prepareLibrary(silentLogger)
  stage = new RoomStage(await startTestLivekit())
  signalling = await TcpProxy.listen(Number(new URL(stage.server.url).port))
})
afterAll(async () => {
  await disposeRoomLibrary()
  await signalling.close()
  await stage.server.stop()
})
beforeEach(() => stage.newRoom())
afterEach(() => stage.clear())

test('a server far away: those who open their microphones one after the other are all heard, and so are later comings and goings', async () => {
  const recorder = new RoomRecorder()
  signalling.latencyMs = LATENCY_MS
  await stage.join(recorder, { port: { url: `ws://127.0.0.1:${signalling.port}` } })
  const speakers = await Promise.all(PEOPLE.map((identity) => stage.speaker(identity)))
  for (const speaker of speakers) await speaker.publish()
  for (const identity of PEOPLE) await recorder.untilLoud(mic(identity))

  await speakers[0]!.leave()
  const late = await stage.speaker('late')
  await late.publish()
  await recorder.untilLines(['left a'])
  await recorder.untilLoud(mic('late'))
  expect(recorder.lines.filter((line) => line.startsWith('end '))).toEqual([])
})
