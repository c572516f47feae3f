import { SpanStatusCode } from '@opentelemetry/api'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { tracedHandlers } from '../../../src/app/roles/traced.js'
import { createApi } from '../../../src/control/api/server.js'
import { UpstreamError } from '../../../src/core/errors.js'
import { newMeetingId } from '../../../src/core/ids.js'
import { traced } from '../../../src/observe/trace.js'
import { API_KEY, apiDeps } from '../../support/api-rig.js'
import { RecordingTracer } from '../../support/recording-tracer.js'

describe('with an SDK', () => {
  let tracer: RecordingTracer
  beforeEach(() => {
    tracer = new RecordingTracer()
    tracer.register()
  })
  afterEach(() => tracer.close())

  test('work has a span, and what it calls has one within', async () => {
    const outcome = await traced('outer', { attributes: { a: 1 } }, () => traced('inner', {}, () => Promise.resolve(7)))
    expect(outcome).toBe(7)
    expect(tracer.spans).toMatchObject([
      { name: 'inner', parent: '0000000000000001', status: null },
      { name: 'outer', parent: null, attributes: { a: 1 } },
    ])
  })

  test('a failure marks it with its code and without its text; a cancellation is none', async () => {
    const refusal = new UpstreamError('livekit_refused', 'secret text', { service: 'livekit', retryable: false })
    await expect(traced('work', {}, () => Promise.reject(refusal))).rejects.toBe(refusal)
    const aborted = new DOMException('gone', 'AbortError')
    await expect(traced('work', {}, () => Promise.reject(aborted))).rejects.toBe(aborted)
    expect(tracer.spans).toMatchObject([
      { attributes: { 'error.type': 'livekit_refused' }, status: { code: SpanStatusCode.ERROR } },
      { attributes: {}, status: null },
    ])
    expect(JSON.stringify(tracer.spans)).not.toContain('secret text')
  })

  test('each step of a meeting has a span with its id', async () => {
    const done = () => Promise.resolve()
    const handlers = tracedHandlers({ attend: done, finalise: done, summarise: done, deliver: done })
    const id = newMeetingId()
    const { signal } = new AbortController()
    for (const name of ['attend', 'finalise', 'summarise', 'deliver'] as const) await handlers[name](id, signal)
    expect(tracer.spans.map(({ name, attributes }) => [name, attributes['roomscribe.meeting']])).toEqual(
      ['attend', 'finalise', 'summarise', 'deliver'].map((name) => [name, id]),
    )
  })

  test("a request has a span named by its route, in the caller's trace, without ids or keys", async () => {
    const app = createApi(apiDeps())
    const id = newMeetingId()
    const headers = { authorization: `Bearer ${API_KEY}`, traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01` }
    expect((await app.request(`/v1/meetings/${id}`, { headers })).status).toBe(404)
    expect(tracer.spans).toMatchObject([
      {
        name: 'GET /v1/meetings/:id',
        parent: '2'.repeat(16),
        attributes: { 'http.request.method': 'GET', 'http.route': '/v1/meetings/:id', 'http.response.status_code': 404 },
      },
    ])
    expect(JSON.stringify(tracer.spans)).not.toContain(id)
    expect(JSON.stringify(tracer.spans)).not.toContain(API_KEY)
  })
})

test('without an SDK work is done as if there were no spans', async () => {
  const failure = new Error('x')
  expect(await traced('work', {}, (span) => Promise.resolve((span.rename('y'), span.set({ a: 1 }), 5)))).toBe(5)
  await expect(traced('work', {}, () => Promise.reject(failure))).rejects.toBe(failure)
})
