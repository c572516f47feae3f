import { connect } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { listen, type ApiServer, type ArrivalLimits } from '../../src/control/api/listen.js'
import { createApi } from '../../src/control/api/server.js'
import { systemClock } from '../../src/core/time.js'
import { createLogger } from '../../src/observe/logger.js'
import { API_KEY, apiDeps } from '../support/api-rig.js'

const QUICK: ArrivalLimits = { requestMs: 600, headersMs: 300, checkMs: 50 }
/** a machine that is busy looks later */
const SLACK_MS = 3_000
const PROBLEM = /\r\ncontent-type: application\/problem\+json\r\n/

const servers: ApiServer[] = []
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

async function rig(fetch?: () => Response) {
  const log: string[] = []
  const logger = createLogger('info', (line) => log.push(line))
  const server = await listen(fetch ? { fetch } : createApi(apiDeps({ logger })), '127.0.0.1', 0, QUICK)
  servers.push(server)
  /** Sends what is given, a piece after each answer of the last, and waits for the end. */
  const converse = (first: string, next?: { readonly after: RegExp; readonly text: string }) =>
    new Promise<{ text: string; afterMs: number }>((resolve) => {
      const fromMs = systemClock.monotonicMs()
      let text = ''
      let isSent = next === undefined
      const socket = connect(server.port, '127.0.0.1', () => socket.write(first))
      socket.on('data', (piece: Buffer) => {
        text += piece.toString()
        if (isSent || !next?.after.test(text)) return
        isSent = true
        socket.write(next.text)
      })
      socket.on('error', () => undefined)
      socket.once('close', () => resolve({ text, afterMs: systemClock.monotonicMs() - fromMs }))
    })
  return { converse, log }
}

const head = (length: number) =>
  `POST /v1/meetings HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${API_KEY}\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`

test.each([
  ['a body that stops', `${head(20)}{"room":`, QUICK.requestMs],
  ['a body that never begins', head(20), QUICK.requestMs],
  ['headers that stop', 'GET /healthz HTTP/1.1\r\nhost: x\r\n', QUICK.headersMs],
])('%s is answered 408 with a problem, and its connection is closed, within the limit', async (_, sent, limitMs) => {
  const { converse, log } = await rig()
  const { text, afterMs } = await converse(sent)
  expect(text).toMatch(/^HTTP\/1\.1 408 /)
  expect(text).toMatch(PROBLEM)
  expect(JSON.parse(text.split('\r\n\r\n')[1] ?? '')).toMatchObject({ status: 408, code: 'too_slow' })
  expect([afterMs >= limitMs, afterMs < limitMs + SLACK_MS]).toEqual([true, true])
  expect(log).toEqual([])
})

test('the next request of a connection has the same limit', async () => {
  const { converse } = await rig()
  const { text } = await converse('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n', { after: /alive/, text: head(20) })
  expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 408'])
})

test('what is no HTTP is answered with a problem too, and never into the middle of an answer', async () => {
  const { converse } = await rig()
  const wrong = await converse('nonsense\r\n\r\n')
  expect(wrong.text).toMatch(/^HTTP\/1\.1 400 /)
  expect(wrong.text).toMatch(PROBLEM)
  const large = await converse(`GET /healthz HTTP/1.1\r\nhost: x\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`)
  expect(large.text).toMatch(/^HTTP\/1\.1 431 /)
  expect(large.text).toMatch(PROBLEM)
  // an answer that goes on, as the live feed does
  const open = await rig(() => new Response(new ReadableStream({ start: (stream) => stream.enqueue(Buffer.from('event: state\n\n')) })))
  const cut = await open.converse('GET / HTTP/1.1\r\nhost: x\r\n\r\n', { after: /event: state/, text: 'nonsense\r\n\r\n' })
  expect(cut.text.match(/HTTP\/1\.1/g)).toHaveLength(1)
})
