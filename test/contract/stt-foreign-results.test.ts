import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newSessionId } from '../../src/core/ids.js'
import { systemClock } from '../../src/core/time.js'
import { createGladiaStt } from '../../src/live/stt/gladia/open.js'
import { silentLogger } from '../../src/observe/logger.js'

let status = 200
const server = createServer((_, response) => response.writeHead(status).end('{}'))
beforeAll(() => new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve)))
afterAll(() => void server.close())

test.each([
  // whoever asks is refused: with the key of tomorrow the texts may still be had
  [401, { utterances: [], isWhole: false }],
  [402, { utterances: [], isWhole: false }],
  [403, { utterances: [], isWhole: false }],
  // there is no such session
  [404, null],
] as const)('6 28 of a session whose result is answered %i', async (answered, expected) => {
  status = answered
  const { port } = server.address() as AddressInfo
  const stt = createGladiaStt({
    baseUrl: `http://127.0.0.1:${port}`,
    apiKey: 'key',
    region: null,
    clock: systemClock,
    random: () => 0,
    logger: silentLogger,
  })
  const of = { vendorId: 'v1', sessionId: newSessionId(), channels: 1, sampleRate: 16_000, sentFrames: 16_000 }
  expect(await stt.results?.(of, new AbortController().signal)).toEqual(expected)
})
