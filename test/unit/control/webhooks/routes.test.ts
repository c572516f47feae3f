import { OpenAPIHono } from '@hono/zod-openapi'
import { describe, expect, test } from 'vitest'
import { webhookRoutes, type WebhookResult } from '../../../../src/control/webhooks/livekit/routes.js'
import { WebhookVerifier } from '../../../../src/live/room/livekit/webhook.js'
import { silentLogger } from '../../../../src/observe/logger.js'
import { MemoryAutoJoin } from '../../../support/memory-auto-join.js'
import { mutatedWebhooks, signedWebhook, WEBHOOK_KEY, webhookBody, type WebhookRequest } from '../../../support/webhook-mutations.js'

function rig({ isOff = false }: { isOff?: boolean } = {}) {
  let nowMs = 0
  const looks: string[] = []
  const results: WebhookResult[] = []
  const book = new MemoryAutoJoin(() => nowMs)
  const verifier = new WebhookVerifier(WEBHOOK_KEY.apiKey, WEBHOOK_KEY.apiSecret)
  const routes = webhookRoutes({
    verify: (body, authorization) => verifier.verify(body, authorization),
    book,
    look: isOff ? null : (room) => void looks.push(room),
    count: (result) => void results.push(result),
    logger: silentLogger,
  })
  const app = new OpenAPIHono()
  app.onError((_, c) => c.text('', 503))
  app.route('/webhooks', routes)
  const send = ({ body, headers }: WebhookRequest) => app.request('/webhooks/livekit', { method: 'POST', headers, body: Buffer.from(body) })
  const wait = (ms: number) => void (nowMs += ms)
  return { app, book, send, looks, results, wait }
}

const joined = (id: string, identity: string, kind?: string) =>
  signedWebhook(webhookBody(id, 'participant_joined', 'team-a', { identity, ...(kind === undefined ? {} : { kind }) }))

describe('POST /webhooks/livekit', () => {
  test('a signed event of a person, or of a room, is a hint to look at the room', async () => {
    const { send, looks, results } = rig()
    expect((await send(joined('EV_1', 'ana'))).status).toBe(200)
    expect((await send(joined('EV_2', 'caller', 'SIP'))).status).toBe(200)
    expect((await send(signedWebhook(webhookBody('EV_3', 'room_started', 'team-b')))).status).toBe(200)
    expect((await send(signedWebhook(webhookBody('EV_4', 'room_finished', 'team-b')))).status).toBe(200)
    expect(looks).toEqual(['team-a', 'team-a', 'team-b', 'team-b'])
    expect(results).toEqual(['taken', 'taken', 'taken', 'taken'])
  })

  test('events of agents, recorders, streams and our own bot are ignored, and so is what no decision rests on', async () => {
    const { send, looks, results } = rig()
    for (const kind of ['AGENT', 'EGRESS', 'INGRESS']) await send(joined(`EV_${kind}`, 'other', kind))
    await send(joined('EV_bot', 'roomscribe:team-a'))
    await send(signedWebhook(webhookBody('EV_t', 'track_published', 'team-a', { identity: 'ana' })))
    await send(signedWebhook(webhookBody('EV_e', 'egress_started', '')))
    await send(signedWebhook(webhookBody('EV_n', 'something_new', 'team-a')))
    expect(looks).toEqual([])
    expect(new Set(results)).toEqual(new Set(['ignored']))
    expect(results).toHaveLength(7)
  })

  test('an event that comes again within a minute changes nothing; later it is refused', async () => {
    const { send, looks, results, wait } = rig()
    const sent = joined('EV_1', 'ana')
    const statuses = []
    for (const ms of [0, 1_000, 14_000, 60_000]) {
      wait(ms)
      statuses.push((await send(sent)).status)
    }
    expect(statuses).toEqual([200, 200, 200, 401])
    expect(looks).toEqual(['team-a'])
    expect(results).toEqual(['taken', 'duplicate', 'duplicate', 'replayed'])
  })

  test('without auto-join signed events are taken notice of and nothing else', async () => {
    const { send, book, results } = rig({ isOff: true })
    expect((await send(joined('EV_1', 'ana'))).status).toBe(200)
    expect([results, book.events.size]).toEqual([['ignored'], 0])
  })

  test('a store that is away makes LiveKit send the event again', async () => {
    const { send, book, looks } = rig()
    book.refusal = new Error('away')
    expect((await send(joined('EV_1', 'ana'))).status).toBe(503)
    book.refusal = null
    expect((await send(joined('EV_1', 'ana'))).status).toBe(200)
    expect(looks).toEqual(['team-a'])
  })

  test('the wrong type is 415, more than 64 KiB is 413, what is signed and no event is 400, each a problem', async () => {
    const { send, app } = rig()
    const sent = joined('EV_1', 'ana')
    const answers = [
      await send({ ...sent, headers: { ...sent.headers, 'content-type': 'text/plain' } }),
      await send(signedWebhook(`{"event":"${'x'.repeat(65_536)}"}`)),
      await send(signedWebhook('{"event":')),
      await send({ ...sent, headers: { 'content-type': 'application/webhook+json' } }),
    ]
    expect(answers.map(({ status }) => status)).toEqual([415, 413, 400, 401])
    expect(new Set(answers.map(({ headers }) => headers.get('content-type')))).toEqual(new Set(['application/problem+json']))
    expect((await app.request('/webhooks/livekit')).status).toBe(404)
  })

  test('both paths are in the OpenAPI document, under no key', () => {
    const { app } = rig()
    const { paths } = app.getOpenAPI31Document({ openapi: '3.1.0', info: { title: 't', version: '1' } })
    expect(paths?.['/webhooks/livekit']?.post).toMatchObject({ security: [] })
    expect(paths?.['/webhooks/livekit/{probe}']?.get).toMatchObject({ security: [], parameters: [{ name: 'probe', in: 'path' }] })
  })

  test('the webhook of a probe is found by its name, and by no other', async () => {
    const { app, send, looks } = rig({ isOff: true })
    const name = `roomscribe-doctor-${'a'.repeat(22)}`
    const status = async (path: string) => (await app.request(`/webhooks/livekit/${path}`)).status
    expect(await status(name)).toBe(404)
    expect((await send(signedWebhook(webhookBody('EV_p', 'room_started', name)))).status).toBe(200)
    expect(await status(name)).toBe(204)
    const many = await Promise.all(Array.from({ length: 20 }, () => status(name)))
    expect(many.filter((one) => one === 204)).toHaveLength(4)
    expect(await status(name)).toBe(204)
    expect([await status('EV_p'), await status(`roomscribe-doctor-${'b'.repeat(22)}`)]).toEqual([404, 404])
    expect(looks).toEqual([])
  })
})

test('54 of 1000 forged, altered, expired and replayed webhooks none is accepted', async () => {
  const report = await mutatedWebhooks({ count: 1_000, seed: 1 })
  expect(report.wrong).toEqual([])
  expect([report.sent, report.accepted, report.failed]).toEqual([1_000, 0, 0])
  expect(Object.keys(report.kinds).length).toBeGreaterThan(25)
})
