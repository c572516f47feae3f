import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RoomServiceClient } from 'livekit-server-sdk'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Settings } from '../../../src/app/config/settings.js'
import { openControl, type Http } from '../../../src/app/roles/control.js'
import { openGround, type Ground } from '../../../src/app/roles/ground.js'
import { probeWebhooks } from '../../../src/app/webhook-probe.js'
import { Scope } from '../../../src/core/scope.js'
import { systemClock } from '../../../src/core/time.js'
import { silentLogger } from '../../../src/observe/logger.js'
import type { MeetingRecord } from '../../../src/records/port.js'
import type { LivekitServer } from '../../../src/standins/livekit/server.js'
import { startTestLivekit, testToken } from '../../support/livekit.js'
import { RoomSpeaker } from '../../support/room-speaker.js'
import { testSettings } from '../../support/settings.js'
import { startSpeechServerProcess } from '../../support/speech-server-process.js'
import { TcpProxy } from '../../support/tcp-proxy.js'
import { until } from '../../support/until.js'
import { UpProcess } from '../../support/up-process.js'

/** LiveKit has to know the port before anything listens on it. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

let port: number
let proxy: TcpProxy
let livekit: LivekitServer
let folder: string
const people: RoomSpeaker[] = []

beforeAll(async () => {
  port = await freePort()
  proxy = await TcpProxy.listen(port)
  const webhookUrl = `http://127.0.0.1:${proxy.port}/webhooks/livekit`
  livekit = await startTestLivekit({ webhookUrl, departureTimeoutSec: 1, emptyTimeoutSec: 5 })
  folder = await mkdtemp(join(tmpdir(), 'roomscribe-webhooks-'))
})
afterEach(async () => {
  proxy.isDown = false
  for (const one of people.splice(0)) await one.leave()
})
afterAll(async () => {
  await livekit.stop()
  await proxy.close()
  await rm(folder, { recursive: true, force: true })
})

const enter = async (room: string, identity: string) => {
  const one = await RoomSpeaker.join(livekit, room, identity)
  people.push(one)
  return one
}
const rooms = () => new RoomServiceClient(livekit.url.replace('ws:', 'http:'), livekit.apiKey, livekit.apiSecret)
const settingsOf = (own: Partial<Settings>) =>
  testSettings({ dataDir: join(folder, String(own.port)), host: '127.0.0.1', autoJoin: ['team-*'], ...own }, livekit)

describe('auto-join by a real LiveKit server, without bots', () => {
  let scope: Scope
  let ground: Ground
  let http: Http

  beforeAll(async () => {
    scope = new Scope()
    ground = await openGround(settingsOf({ port }), { clock: systemClock, logger: silentLogger, random: Math.random }, scope)
    http = await openControl(ground, () => null)
    scope.defer('http', () => http.server.close())
  })
  afterAll(() => scope.close())

  const meetings = (room: string): Promise<readonly MeetingRecord[]> => ground.records.store.meetings({ room, limit: 10 })
  const states = async (room: string) => (await meetings(room)).map(({ state }) => state)
  const counted = async (line: string): Promise<number> => {
    const { body } = await ground.metrics.text()
    return Number(new RegExp(`^${line.replace(/[{}"]/g, '\\$&')} (\\S+)$`, 'm').exec(body)?.[1] ?? Number.NaN)
  }

  test('a person who comes into a room that fits has a meeting there at once, and in another room none', async () => {
    const before = await counted('roomscribe_auto_joins_total{by="webhook"}')
    await enter('elsewhere', 'ana')
    await enter('team-a', 'ana')
    await until(async () => (await meetings('team-a')).length === 1, 5_000)
    expect(await states('team-a')).toEqual(['queued'])
    await until(async () => (await counted('roomscribe_auto_joins_total{by="webhook"}')) === before + 1, 5_000)
    expect(await meetings('elsewhere')).toEqual([])
    expect(await counted('roomscribe_webhooks_total{result="refused"}')).toBe(0)
  })

  test('agents alone, and a room that nobody has entered, have none', async () => {
    const taken = await counted('roomscribe_webhooks_total{result="taken"}')
    await rooms().createRoom({ name: 'team-empty', emptyTimeout: 5 })
    await until(async () => (await counted('roomscribe_webhooks_total{result="taken"}')) > taken)
    const { AccessToken } = await import('livekit-server-sdk')
    const token = new AccessToken(livekit.apiKey, livekit.apiSecret, { identity: 'helper' })
    token.kind = 'agent'
    token.addGrant({ roomJoin: true, room: 'team-empty', canPublish: false })
    const { Room } = await import('@livekit/rtc-node')
    const ignored = await counted('roomscribe_webhooks_total{result="ignored"}')
    const agent = new Room()
    await agent.connect(livekit.url, await token.toJwt(), { autoSubscribe: false, dynacast: false })
    await until(async () => (await counted('roomscribe_webhooks_total{result="ignored"}')) > ignored)
    await agent.disconnect()
    expect(await meetings('team-empty')).toEqual([])
  })

  test('a meeting that a person stopped is the last until everybody has left', async () => {
    const ana = await enter('team-b', 'ana')
    await until(async () => (await meetings('team-b')).length === 1, 5_000)
    const [meeting] = await meetings('team-b')
    await ground.records.store.requestStop(meeting!.id)
    const taken = await counted('roomscribe_webhooks_total{result="taken"}')
    const bo = await enter('team-b', 'bo')
    await until(async () => (await counted('roomscribe_webhooks_total{result="taken"}')) > taken)
    await bo.leave()
    await ana.leave()
    people.splice(0)
    expect(await states('team-b')).toEqual(['cancelled'])
    await until(async () => (await ground.records.autoJoin.memory('team-b'))?.isCleared === true, 20_000)
    await enter('team-b', 'ana')
    await until(async () => (await meetings('team-b')).length === 2, 5_000)
  })

  test('a meeting that waits for a bot is cancelled when its room has ended', async () => {
    const ana = await enter('team-c', 'ana')
    await until(async () => (await meetings('team-c')).length === 1, 5_000)
    await ana.leave()
    people.splice(0)
    await until(async () => (await states('team-c'))[0] === 'cancelled', 25_000)
  })

  test('when every webhook is lost, listing rooms makes up for them', async () => {
    proxy.isDown = true
    const before = await counted('roomscribe_auto_joins_total{by="listing"}')
    await enter('team-d', 'ana')
    await until(async () => (await meetings('team-d')).length === 1, 20_000)
    await until(async () => (await counted('roomscribe_auto_joins_total{by="listing"}')) === before + 1, 5_000)
  })

  test('54 what nobody signed is refused at the real port: forged, without a token, too large, of another type', async () => {
    const post = async (headers: Record<string, string>, body: string) =>
      (await fetch(`${http.url}/webhooks/livekit`, { method: 'POST', headers, body })).status
    const type = { 'content-type': 'application/webhook+json' }
    const people = await testToken(livekit, { room: 'team-x', identity: 'eve' })
    expect([
      await post(type, '{}'),
      await post({ ...type, authorization: people }, '{}'),
      await post({ ...type, authorization: 'a.b.c' }, '{}'),
      await post({ 'content-type': 'text/plain', authorization: people }, '{}'),
      await post({ ...type, authorization: people }, 'x'.repeat(100_000)),
    ]).toEqual([401, 401, 401, 415, 413])
    expect(await meetings('team-x')).toEqual([])
  })

  test('doctor sees that webhooks reach the service that runs, and says what to write when none do', async () => {
    const settings = settingsOf({ port: http.server.port })
    expect(await probeWebhooks(settings, systemClock)).toMatch(/^LiveKit sends them to the service that runs at /)
    proxy.isDown = true
    await expect(probeWebhooks(settings, systemClock)).rejects.toThrow(/none came.*webhook: \{ api_key: devkey, urls: \['http:/)
    await expect(probeWebhooks({ ...settings, autoJoin: [] }, systemClock)).resolves.toMatch(/none are needed/)
    expect((await rooms().listRooms()).filter(({ name }) => name.startsWith('roomscribe-doctor-'))).toEqual([])
  })
})

test('doctor takes webhooks itself while no service runs', async () => {
  expect(await probeWebhooks(settingsOf({ port }), systemClock)).toBe(`LiveKit sends them to http://127.0.0.1:${port}/webhooks/livekit`)
})

test('with bots: people come, the bot is live; they leave, it is done; they come again, there is a second meeting', async () => {
  const speech = await startSpeechServerProcess('marks')
  const up = await UpProcess.start({
    LIVEKIT_URL: livekit.url,
    LIVEKIT_API_KEY: livekit.apiKey,
    LIVEKIT_API_SECRET: livekit.apiSecret,
    GLADIA_API_URL: speech.url,
    ROOMSCRIBE_STT: 'local',
    ROOMSCRIBE_PORT: String(port),
    ROOMSCRIBE_AUTO_JOIN: 'team-*',
    ROOMSCRIBE_AUTO_JOIN_PEOPLE: '2',
    ROOMSCRIBE_ALONE_SEC: '1',
    ROOMSCRIBE_DRAIN_SEC: '5',
  })
  try {
    const list = async () => (await up.list('team-up')).map(({ state }) => state)
    await enter('team-up', 'ana')
    await enter('team-up', 'bo')
    await until(async () => (await list())[0] === 'live', 15_000)
    for (const one of people.splice(0)) await one.leave()
    await until(async () => (await list())[0] === 'done', 40_000)
    expect(await list()).toEqual(['done'])
    await enter('team-up', 'ana')
    await enter('team-up', 'bo')
    await until(async () => (await list()).length === 2, 15_000)
    await until(async () => (await list())[0] === 'live', 15_000)
  } finally {
    await up[Symbol.asyncDispose]()
    await speech.stop()
  }
})
