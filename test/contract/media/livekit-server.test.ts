import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RoomServiceClient } from 'livekit-server-sdk'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../../src/core/time.js'
import { silentLogger } from '../../../src/observe/logger.js'
import { freeLivekitPorts } from '../../../src/standins/livekit/free-ports.js'
import { startLivekitServer, type LivekitServer } from '../../../src/standins/livekit/server.js'
import { startTestLivekit } from '../../support/livekit.js'

let server: LivekitServer
let folder: string

beforeAll(async () => {
  server = await startTestLivekit()
  folder = await mkdtemp(join(tmpdir(), 'livekit-'))
})

afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true })
})

const rooms = () => new RoomServiceClient(server.url.replace('ws:', 'http:'), server.apiKey, server.apiSecret)

async function script(name: string, body: string): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, `#!/bin/sh\n${body}\n`)
  await chmod(path, 0o755)
  return path
}

test('a started server accepts its key on the loopback interface', async () => {
  expect(server.url).toMatch(/^ws:\/\/127\.0\.0\.1:\d+$/)
  expect(server.apiSecret.length).toBeGreaterThanOrEqual(32)
  await rooms().createRoom({ name: 'one' })
  expect((await rooms().listRooms()).map((room) => room.name)).toContain('one')
})

test('free ports differ from each other', async () => {
  const { http, tcp, udp } = await freeLivekitPorts()
  expect(http).not.toBe(tcp)
  expect(Math.min(http, tcp, udp)).toBeGreaterThan(1023)
})

test('two servers at once have ports of their own', async () => {
  await using second = await startTestLivekit()
  expect(second.url).not.toBe(server.url)
  expect(second.pid).not.toBe(server.pid)
})

test('after SIGKILL, restart serves again under the same url and key', async () => {
  const { url, pid } = server
  server.signal('SIGKILL')
  expect(await server.exited).toEqual({ code: null, signal: 'SIGKILL' })
  await server.restart()
  expect(server.url).toBe(url)
  expect(server.pid).not.toBe(pid)
  await expect(rooms().listRooms()).resolves.toEqual([])
})

test('a stopped (SIGSTOP) server ends at stop', async () => {
  const second = await startTestLivekit()
  second.signal('SIGSTOP')
  await second.stop()
  await second.stop()
  expect(await second.exited).toBeDefined()
})

test('a server that ends while starting is shown with its last lines', async () => {
  const binary = await script('broken', 'echo "could not parse config: field x" >&2; exit 3')
  await expect(startLivekitServer({ binary, logger: silentLogger, clock: systemClock })).rejects.toMatchObject({
    code: 'livekit_start_failed',
    message: expect.stringMatching(/ended while starting; it printed:\s+could not parse config: field x/) as unknown,
  })
})

test('a lost race for a port is retried with other ports, a bounded number of times', async () => {
  const log = join(folder, 'tries')
  const binary = await script('raced', `echo "$2" >> '${log}'; echo "listen udp: bind: address already in use"; exit 1`)
  await expect(startLivekitServer({ binary, logger: silentLogger, clock: systemClock })).rejects.toMatchObject({
    code: 'livekit_start_failed',
  })
  const configs = (await readFile(log, 'utf8')).trim().split('\n')
  expect(configs).toHaveLength(4)
  expect(new Set(configs.map((line) => (JSON.parse(line) as { port: number }).port)).size).toBeGreaterThan(1)
})

test('a file that cannot be executed is one sentence', async () => {
  await expect(startLivekitServer({ binary: join(folder, 'missing'), logger: silentLogger, clock: systemClock })).rejects.toMatchObject({
    code: 'livekit_start_failed',
    message: expect.stringContaining('ENOENT') as unknown,
  })
})
