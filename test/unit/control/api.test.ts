import { describe, expect, it } from 'vitest'
import { transcriptAs } from '../../../src/app/transcripts.js'
import { listen } from '../../../src/control/api/listen.js'
import { TRANSCRIPT_FORMATS } from '../../../src/control/api/results.js'
import { createApi, type ApiDeps } from '../../../src/control/api/server.js'
import { ConfigError, UpstreamError } from '../../../src/core/errors.js'
import { newMeetingId } from '../../../src/core/ids.js'
import { API_KEY, apiDeps } from '../../support/api-rig.js'
import { FakeQueue, letterOf } from '../../support/fake-queue.js'
import { MemoryAccess } from '../../support/memory-access.js'
import { MemoryStore } from '../../support/memory-store.js'
import { MemoryWork } from '../../support/memory-work.js'
import { requestFor } from '../../support/records.js'

const KEY = API_KEY

function rig(notReady: string | null = null, given: Partial<ApiDeps> = {}) {
  const store = new MemoryStore()
  const queue = new FakeQueue()
  const work = new MemoryWork()
  store.steps = work
  const access = new MemoryAccess()
  const app = createApi(
    apiDeps({
      store,
      queue,
      work,
      access,
      deadLetters: queue,
      renderTranscript: ({ room }, format) => Promise.resolve({ body: `${format} of ${room}`, contentType: 'text/plain', complete: false }),
      defaultLanguage: 'en',
      notReady: () => Promise.resolve(notReady),
      metrics: () => Promise.resolve({ contentType: 'text/plain; version=0.0.4; charset=utf-8', body: 'roomscribe_meetings_running 2\n' }),
      ...given,
    }),
  )
  const call = async (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = { authorization: `Bearer ${KEY}` },
  ) => {
    const raw = typeof body === 'string' ? body : JSON.stringify(body)
    const response = await app.request(path, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: raw }),
    })
    const text = await response.text()
    return { status: response.status, type: response.headers.get('content-type') ?? '', headers: response.headers, text }
  }
  return { app, store, queue, work, access, call }
}

describe('HTTP API', () => {
  it('starts a meeting once per room: 201, then 200 with the same meeting', async () => {
    const { call, queue } = rig()
    const first = await call('POST', '/v1/meetings', { room: 'standup', title: 'Standup', vocabulary: ['Grafana'] })
    expect(first.status).toBe(201)
    expect(JSON.parse(first.text)).toMatchObject({
      room: 'standup',
      title: 'Standup',
      state: 'queued',
      reason: null,
      language: 'en',
      participants: [],
    })
    const second = await call('POST', '/v1/meetings', { room: 'standup' })
    expect(second.status).toBe(200)
    expect((JSON.parse(second.text) as { id: string }).id).toBe((JSON.parse(first.text) as { id: string }).id)
    expect(queue.jobs).toHaveLength(1)
  })

  it('takes an empty body for none where it is optional, whatever its type says', async () => {
    const { call } = rig()
    const { id } = JSON.parse((await call('POST', '/v1/meetings', { room: 'r' })).text) as { id: string }
    for (const empty of [undefined, '', {}]) {
      expect((await call('POST', `/v1/meetings/${id}/links`, empty)).status).toBe(201)
      expect((await call('POST', `/v1/meetings/${id}/stop`, empty)).status).toBe(202)
    }
    for (const wrong of ['null', ' ', '{', '[]', '""', { reason: 1 }]) {
      expect((await call('POST', `/v1/meetings/${id}/stop`, wrong)).status).toBe(400)
    }
    for (const body of ['', ' ', undefined]) expect((await call('POST', '/v1/meetings', body)).status).toBe(400)
  })

  it('answers wrong bodies with 400, the paths and one message each', async () => {
    const { call } = rig()
    const wrong = await call('POST', '/v1/meetings', { room: '', title: 5, vocabulary: [1], extra: true })
    expect(wrong.status).toBe(400)
    expect(wrong.type).toBe('application/problem+json')
    const body = JSON.parse(wrong.text) as { code: string; errors: { path: string }[] }
    expect(body.code).toBe('input')
    expect(body.errors.map((error) => error.path)).toEqual(expect.arrayContaining(['room', 'title', 'vocabulary.0', '']))
    expect((await call('POST', '/v1/meetings', '{"room":')).status).toBe(400)
    expect((await call('POST', '/v1/meetings', { room: 'a\u0000b' })).status).toBe(400)
    expect((await call('GET', '/v1/meetings?limit=1000')).status).toBe(400)
  })

  it('answers a body that is not JSON by its type with 400 as well', async () => {
    const { app } = rig()
    const response = await app.request('/v1/meetings', { method: 'POST', headers: { authorization: `Bearer ${KEY}` }, body: 'room=x' })
    expect(response.status).toBe(400)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
  })

  it('answers 401 without the key, with another one, and for every method under /v1', async () => {
    const { call } = rig()
    for (const headers of [{}, { authorization: 'Bearer nope' }, { authorization: KEY }, { authorization: `Basic ${KEY}` }]) {
      const answer = await call('GET', '/v1/meetings', undefined, headers)
      expect(answer.status).toBe(401)
      expect(JSON.parse(answer.text)).toMatchObject({ code: 'unauthorized', status: 401 })
      expect(answer.text).not.toContain(KEY)
    }
    expect((await call('DELETE', '/v1/nothing', undefined, {})).status).toBe(401)
  })

  it('answers 404 for what does not exist, as a problem', async () => {
    const { call } = rig()
    for (const path of [`/v1/meetings/${newMeetingId()}`, '/v1/meetings/nonsense', '/v1/meetings/%00', '/v1/nothing', '/nothing']) {
      const answer = await call('GET', path)
      expect(`${path} ${answer.status} ${answer.type}`).toBe(`${path} 404 application/problem+json`)
    }
    expect((await call('POST', `/v1/meetings/${newMeetingId()}/stop`)).status).toBe(404)
  })

  it('answers a body over 64 KiB with 413', async () => {
    const { call } = rig()
    const answer = await call('POST', '/v1/meetings', { room: 'x', title: 'y'.repeat(70_000) })
    expect(answer.status).toBe(413)
    expect(answer.type).toBe('application/problem+json')
  })

  it('answers 409 for a summary that is not there yet', async () => {
    const { call } = rig()
    const { id } = JSON.parse((await call('POST', '/v1/meetings', { room: 'r' })).text) as { id: string }
    expect((await call('GET', `/v1/meetings/${id}/summary`)).status).toBe(409)
  })

  it('stops a meeting with 202, also one that has stopped', async () => {
    const { call } = rig()
    const { id } = JSON.parse((await call('POST', '/v1/meetings', { room: 'r' })).text) as { id: string }
    for (let turn = 0; turn < 2; turn++) {
      const answer = await call('POST', `/v1/meetings/${id}/stop`, turn === 0 ? { reason: 'enough' } : undefined)
      expect(answer.status).toBe(202)
      expect(JSON.parse(answer.text)).toMatchObject({ id, state: 'cancelled', reason: 'stopped' })
    }
  })

  it('says with the transcript whether it is complete', async () => {
    const { call } = rig()
    const { id } = JSON.parse((await call('POST', '/v1/meetings', { room: 'r' })).text) as { id: string }
    const answer = await call('GET', `/v1/meetings/${id}/transcript?format=srt`)
    expect([answer.status, answer.text, answer.headers.get('roomscribe-complete')]).toEqual([200, 'srt of r', 'false'])
    expect((await call('GET', `/v1/meetings/${id}/transcript?format=pdf`)).status).toBe(400)
  })

  it('pages through meetings, newest first, without doubles', async () => {
    const { call } = rig()
    for (const room of ['a', 'b', 'c']) await call('POST', '/v1/meetings', { room })
    const first = JSON.parse((await call('GET', '/v1/meetings?limit=2')).text) as { items: { room: string }[]; next: string }
    const second = JSON.parse((await call('GET', `/v1/meetings?limit=2&cursor=${first.next}`)).text) as {
      items: { room: string }[]
      next: null
    }
    expect([...first.items, ...second.items].map((meeting) => meeting.room)).toEqual(['c', 'b', 'a'])
    expect(second.next).toBeNull()
  })

  it('tells alive from ready, without a key', async () => {
    expect((await rig().call('GET', '/healthz', undefined, {})).status).toBe(200)
    expect((await rig().call('GET', '/readyz', undefined, {})).status).toBe(200)
    const notReady = await rig('the database does not answer').call('GET', '/readyz', undefined, {})
    expect([notReady.status, JSON.parse(notReady.text)]).toEqual([503, { status: 'not ready', detail: 'the database does not answer' }])
  })

  it('gives metrics to whoever has the key, and says in OpenAPI that there are some', async () => {
    const { call } = rig()
    const answer = await call('GET', '/metrics')
    expect([answer.status, answer.type, answer.text]).toEqual([
      200,
      'text/plain; version=0.0.4; charset=utf-8',
      'roomscribe_meetings_running 2\n',
    ])
    for (const headers of [{}, { authorization: 'Bearer nope' }]) {
      const refused = await call('GET', '/metrics', undefined, headers)
      expect([refused.status, refused.type]).toEqual([401, 'application/problem+json'])
    }
    const { paths, components } = JSON.parse((await call('GET', '/openapi.json')).text) as {
      paths: Record<string, unknown>
      components: { schemas: Record<string, { properties: object }> }
    }
    expect(Object.keys(paths)).toContain('/metrics')
    expect(Object.keys(components.schemas['Transcript']!.properties)).toEqual(
      expect.arrayContaining(['doubts', 'coverageTotal', 'billing']),
    )
  })

  it('keeps the text of failed services to itself', async () => {
    const { call, store } = rig()
    store.meeting = () =>
      Promise.reject(new UpstreamError('database_unreachable', 'db.internal:5432 refused', { service: 'database', retryable: true }))
    const answer = await call('GET', `/v1/meetings/${newMeetingId()}`)
    expect(answer.status).toBe(503)
    expect(answer.text).not.toContain('db.internal')
    store.meeting = () =>
      Promise.reject(new UpstreamError('database_failed', 'db.internal: 42P01', { service: 'database', retryable: false }))
    const refused = await call('GET', `/v1/meetings/${newMeetingId()}`)
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([502, null])
    expect(refused.text).not.toContain('db.internal')
  })

  it('41 answers 503 with Retry-After, as a problem, on every route while the database is away', async () => {
    const { call, store, work } = rig()
    const away = new UpstreamError('database_unreachable', 'away', { service: 'database', retryable: true })
    const slow = new UpstreamError('database_busy', 'busy', { service: 'database', retryable: true, retryAfterMs: 11_500 })
    const { id } = JSON.parse((await call('POST', '/v1/meetings', { room: 'r' })).text) as { id: string }
    for (const [error, seconds] of [
      [away, '5'],
      [slow, '12'],
    ] as const) {
      store.create = () => Promise.reject(error)
      store.meeting = () => Promise.reject(error)
      store.meetings = () => Promise.reject(error)
      store.requestStop = () => Promise.reject(error)
      work.refusal = error
      const answers = [
        await call('POST', '/v1/meetings', { room: 'other' }),
        await call('GET', '/v1/meetings'),
        await call('GET', `/v1/meetings/${id}`),
        await call('POST', `/v1/meetings/${id}/stop`),
        await call('GET', `/v1/meetings/${id}/transcript`),
        await call('GET', `/v1/meetings/${id}/summary`),
      ]
      for (const { status, type, headers, text } of answers) {
        expect([status, type, headers.get('retry-after')]).toEqual([503, 'application/problem+json', seconds])
        expect(JSON.parse(text)).toMatchObject({ status: 503, code: error.code })
      }
    }
  })

  it('43 lists dead letters, shows them with their meeting, and runs them again', async () => {
    const { call, store, queue, work } = rig()
    const { meeting } = await store.create(requestFor('r'))
    const letter = letterOf('deliver', meeting.id)
    queue.letters.push(letter)
    work.add(meeting.id, 'follow_up')
    await work.setStuck({ meetingId: meeting.id, kind: 'follow_up' }, letter)
    expect(JSON.parse((await call('GET', '/v1/dead-letters')).text)).toEqual({ items: [letter] })
    const { id, step, attempts, reason, failedAt } = letter
    const deadLetter = { id, step, attempts, reason, failedAt }
    expect(JSON.parse((await call('GET', `/v1/meetings/${meeting.id}`)).text)).toMatchObject({ deadLetter })
    expect(JSON.parse((await call('GET', '/v1/meetings')).text)).toMatchObject({ items: [{ deadLetter }] })
    const retried = await call('POST', `/v1/dead-letters/${letter.id}/retry`)
    expect([retried.status, JSON.parse(retried.text)]).toEqual([202, letter])
    expect(queue.retried).toEqual([letter.id])
    expect((await call('POST', `/v1/dead-letters/${letter.id}/retry`)).status).toBe(409)
    expect((await call('POST', '/v1/dead-letters/nothing/retry')).status).toBe(404)
    expect((await call('GET', '/v1/dead-letters?limit=0')).status).toBe(400)
    expect((await call('GET', '/v1/dead-letters', undefined, {})).status).toBe(401)
    expect((await call('POST', `/v1/dead-letters/${letter.id}/retry`, undefined, {})).status).toBe(401)
    queue.isAway = true
    const away = await call('GET', '/v1/dead-letters')
    expect([away.status, away.headers.get('retry-after')]).toEqual([503, '5'])
  })

  it('publishes every type that a transcript is sent as, and what takes no key', async () => {
    const store = new MemoryStore()
    const { call } = rig(null, { store, renderTranscript: (meeting, format) => transcriptAs(store, meeting, format) })
    const { meeting } = await store.create(requestFor('r'))
    const { paths } = JSON.parse((await call('GET', '/openapi.json', undefined, {})).text) as {
      paths: Record<string, { get: { security?: unknown; responses: Record<string, { content: object }> } }>
    }
    const published = Object.keys(paths['/v1/meetings/{id}/transcript']?.get.responses['200']?.content ?? {})
    for (const format of TRANSCRIPT_FORMATS) {
      const { type } = await call('GET', `/v1/meetings/${meeting.id}/transcript?format=${format}`)
      expect(published).toContain(type.split(';')[0])
    }
    for (const path of ['/healthz', '/readyz']) expect(paths[path]?.get.security).toEqual([])
    expect(Object.keys(paths['/readyz']?.get.responses ?? {})).toEqual(['200', '503'])
  })

  it('publishes states and reasons in /openapi.json', async () => {
    const { text } = await rig().call('GET', '/openapi.json', undefined, {})
    expect(text).toContain('everybody_left')
    expect(text).toContain('reconnecting')
  })

  it('says which port is taken and how to choose another', async () => {
    const { app } = rig()
    const server = await listen(app, '127.0.0.1', 0)
    const failure = await listen(app, '127.0.0.1', server.port).catch((error: unknown) => error)
    await server.close()
    expect(failure).toBeInstanceOf(ConfigError)
    expect(String(failure)).toMatch(new RegExp(`port ${server.port} on 127.0.0.1 is taken.*ROOMSCRIBE_PORT`))
  })
})
