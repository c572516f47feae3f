import { afterAll, beforeAll, expect, test } from 'vitest'
import { RoomRecorder } from '../../support/room-recorder.js'
import { mic } from '../../support/room-stage.js'
import { TcpProxy } from '../../support/tcp-proxy.js'
import { useRoomStage } from '../../support/use-room-stage.js'

/** Each way. The library collects changes for 150 ms before it negotiates; here others come while it still waits for the answer. */
const LATENCY_MS = 400
const PEOPLE = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']

const stage = useRoomStage()
let signalling: TcpProxy

beforeAll(async () => {
  signalling = await TcpProxy.listen(Number(new URL(stage.server.url).port))
})
afterAll(() => signalling.close())

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
