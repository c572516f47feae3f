import { describe, expect, it } from 'vitest'
import { createApi, type ApiDeps } from '../../../src/control/api/server.js'
import { matchesPattern } from '../../../src/control/auth/caller.js'
import { signToken, readToken } from '../../../src/control/auth/tokens.js'
import type { KeyRecord, Permission } from '../../../src/records/access.js'
import { ConflictError } from '../../../src/core/errors.js'
import { API_KEY, apiDeps } from '../../support/api-rig.js'
import { ManualClock } from '../../support/manual-clock.js'
import { MemoryAccess } from '../../support/memory-access.js'
import { MemoryStore } from '../../support/memory-store.js'
import { requestFor } from '../../support/records.js'

function rig(given: Partial<ApiDeps> = {}) {
  const access = new MemoryAccess()
  const store = new MemoryStore()
  const clock = new ManualClock(1_700_000_000_000)
  const app = createApi(apiDeps({ access, store, clock, ...given }))
  const send = async (method: string, path: string, headers: Record<string, string> = {}, body?: unknown) => {
    const response = await app.request(path, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, body: text.startsWith('{') ? (JSON.parse(text) as Answer) : {} }
  }
  const bearer = (key: string) => ({ authorization: `Bearer ${key}` })
  const keyFor = async (scopes: readonly Permission[], rooms?: readonly string[]) => {
    const made = await send('POST', '/v1/keys', bearer(API_KEY), { name: scopes.join(' '), scopes, ...(rooms ? { rooms } : {}) })
    expect(made.status).toBe(201)
    return made.body as KeyRecord & { key: string }
  }
  return { access, store, clock, app, send, bearer, keyFor }
}
type Answer = Partial<KeyRecord & { key: string; items: { room: string }[]; code: string; token: string; url: string; meetingId: string }>

const cookieOf = (headers: Headers): string => headers.get('set-cookie')?.split(';')[0] ?? ''

/** Every route under /v1 that is published, with what it asks for. */
const ROUTES: readonly (readonly [method: string, path: string, needs: Permission])[] = [
  ['POST', '/v1/meetings', 'meetings:write'],
  ['GET', '/v1/meetings', 'meetings:read'],
  ['GET', '/v1/meetings/{id}', 'meetings:read'],
  ['POST', '/v1/meetings/{id}/stop', 'meetings:write'],
  ['POST', '/v1/meetings/{id}/pause', 'meetings:write'],
  ['POST', '/v1/meetings/{id}/resume', 'meetings:write'],
  ['DELETE', '/v1/meetings/{id}', 'meetings:write'],
  ['GET', '/v1/meetings/{id}/transcript', 'meetings:read'],
  ['GET', '/v1/meetings/{id}/summary', 'meetings:read'],
  ['GET', '/v1/meetings/{id}/deliveries', 'meetings:read'],
  ['GET', '/v1/meetings/{id}/live', 'meetings:read'],
  ['POST', '/v1/meetings/{id}/links', 'meetings:write'],
  ['POST', '/v1/meetings/{id}/guest', 'meetings:write'],
  ['GET', '/v1/meetings/{id}/timeline', 'meetings:read'],
  ['GET', '/v1/keys', 'admin'],
  ['POST', '/v1/keys', 'admin'],
  ['DELETE', '/v1/keys/{id}', 'admin'],
  ['GET', '/v1/audit', 'admin'],
  ['GET', '/v1/dead-letters', 'admin'],
  ['POST', '/v1/dead-letters/{id}/retry', 'admin'],
  ['GET', '/v1/schedules', 'meetings:read'],
  ['POST', '/v1/schedules', 'meetings:write'],
  ['POST', '/v1/schedules/preview', 'meetings:write'],
  ['GET', '/v1/schedules/{id}', 'meetings:read'],
  ['PATCH', '/v1/schedules/{id}', 'meetings:write'],
  ['DELETE', '/v1/schedules/{id}', 'meetings:write'],
  ['PUT', '/v1/schedules/{id}/feed', 'meetings:write'],
  ['GET', '/v1/schedules/{id}/occurrences', 'meetings:read'],
]
const WITHIN: Readonly<Record<Permission, readonly Permission[]>> = {
  'meetings:read': ['meetings:read'],
  'meetings:write': ['meetings:read', 'meetings:write'],
  admin: ['meetings:read', 'meetings:write', 'admin'],
}

describe('keys', () => {
  it('every published route under /v1 is in the table of scopes', async () => {
    const { app } = rig()
    const { paths } = (await (await app.request('/openapi.json')).json()) as { paths: Record<string, Record<string, unknown>> }
    const published = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    const known = new Set(ROUTES.map(([method, path]) => `${method} ${path}`))
    expect(published.filter((route) => route.includes(' /v1/') && !known.has(route))).toEqual([])
  })

  it('opens to each scope exactly the routes of that scope', async () => {
    const { send, bearer, keyFor } = rig()
    for (const scope of ['meetings:read', 'meetings:write', 'admin'] as const) {
      const { key } = await keyFor([scope])
      for (const [method, path, needs] of ROUTES) {
        const { status } = await send(method, path.replace('{id}', 'nothing'), bearer(key))
        const isOpen = WITHIN[scope].includes(needs)
        expect([scope, method, path, status === 403]).toEqual([scope, method, path, !isOpen])
      }
    }
  })

  it('shows a key once, keeps its hash only, and opens nothing from its revocation on', async () => {
    const { send, bearer, keyFor, access } = rig()
    const { key, id } = await keyFor(['meetings:read'])
    expect(key).toMatch(/^rs_[\w-]{32}$/)
    const listed = await send('GET', '/v1/keys', bearer(API_KEY))
    expect(listed.text).not.toContain(key)
    expect((await send('GET', '/v1/meetings', bearer(key))).status).toBe(200)
    expect((await access.keyById(id))?.lastUsedAt).not.toBeNull()
    expect((await send('DELETE', `/v1/keys/${id}`, bearer(API_KEY))).status).toBe(204)
    expect((await send('GET', '/v1/meetings', bearer(key))).status).toBe(401)
    expect((await send('DELETE', '/v1/keys/nothing', bearer(API_KEY))).status).toBe(404)
  })

  it('believes a key for 5 s, and looks it up again then: a revocation by another process takes effect', async () => {
    const { send, bearer, keyFor, access, clock } = rig()
    const { key, id } = await keyFor(['meetings:read'])
    for (let turn = 0; turn < 20; turn++) await send('GET', '/v1/meetings', bearer(key))
    expect(access.lookups).toBe(1)
    await access.revokeKey(id)
    expect((await send('GET', '/v1/meetings', bearer(key))).status).toBe(200)
    await clock.advance(5_001)
    expect((await send('GET', '/v1/meetings', bearer(key))).status).toBe(401)
  })

  it('a key of some rooms sees and touches those alone; foreign ones are told like none', async () => {
    const { send, bearer, keyFor, store } = rig()
    const mine = (await store.create(requestFor('sales-1'))).meeting
    const foreign = (await store.create(requestFor('board'))).meeting
    const { key } = await keyFor(['meetings:write'], ['sales-*'])
    const listed = await send('GET', '/v1/meetings', bearer(key))
    expect(listed.body.items?.map(({ room }) => room)).toEqual(['sales-1'])
    expect((await send('GET', `/v1/meetings/${mine.id}`, bearer(key))).status).toBe(200)
    for (const [method, rest] of [
      ['GET', ''],
      ['POST', '/stop'],
      ['POST', '/pause'],
      ['POST', '/resume'],
      ['DELETE', ''],
      ['GET', '/transcript'],
      ['GET', '/summary'],
      ['GET', '/deliveries'],
      ['GET', '/live'],
      ['GET', '/timeline'],
      ['POST', '/links'],
      ['POST', '/guest'],
    ] as const) {
      const body = method === 'POST' ? (rest === '/guest' ? { name: 'Ann' } : {}) : undefined
      const answer = await send(method, `/v1/meetings/${foreign.id}${rest}`, bearer(key), body)
      expect([method, rest, answer.status]).toEqual([method, rest, 404])
    }
    expect((await store.meeting(foreign.id)).stopRequested).toBe(false)
    expect((await send('POST', '/v1/meetings', bearer(key), { room: 'board' })).status).toBe(403)
    expect((await send('POST', '/v1/meetings', bearer(key), { room: 'sales-2' })).status).toBe(201)
  })

  it('refuses beyond the allowance of a key with 429 and Retry-After, and no other key', async () => {
    const { send, bearer, keyFor } = rig({ rateLimit: 1 })
    const one = (await keyFor(['meetings:read'])).key
    const other = (await keyFor(['meetings:read'])).key
    const statuses: number[] = []
    for (let turn = 0; turn < 12; turn++) statuses.push((await send('GET', '/v1/meetings', bearer(one))).status)
    expect(statuses).toEqual([...Array.from({ length: 10 }, () => 200), 429, 429])
    const refused = await send('GET', '/v1/meetings', bearer(one))
    expect([Number(refused.headers.get('retry-after')) >= 1, refused.body.code]).toEqual([true, 'rate_limited'])
    expect((await send('GET', '/v1/meetings', bearer(other))).status).toBe(200)
  })

  it('whoever holds a link spends an allowance of its own, not that of the key that made it', async () => {
    const { send, bearer, keyFor, store } = rig({ rateLimit: 1 })
    const { key } = await keyFor(['meetings:write'])
    const cookies: string[] = []
    for (const room of ['r', 'other']) {
      const { meeting } = await store.create(requestFor(room))
      const { token } = (await send('POST', `/v1/meetings/${meeting.id}/links`, bearer(key), {})).body
      cookies.push(cookieOf((await send('POST', '/session', {}, { link: token })).headers))
    }
    const ids = (await store.meetings({ limit: 2 })).map(({ id }) => id).toReversed()
    const statusOf = async (at: number) => (await send('GET', `/v1/meetings/${ids[at]}`, { cookie: cookies[at] ?? '' })).status
    const statuses: number[] = []
    for (let turn = 0; turn < 12; turn++) statuses.push(await statusOf(0))
    expect(statuses).toEqual([...Array.from({ length: 10 }, () => 200), 429, 429])
    expect(await statusOf(1)).toBe(200)
    expect((await send('GET', '/v1/meetings', bearer(key))).status).toBe(200)
  })

  it('answers guessers with 429 after a while, and whoever has a key as ever', async () => {
    const { send, bearer } = rig()
    const statuses = new Set<number>()
    for (let turn = 0; turn < 110; turn++) statuses.add((await send('GET', '/v1/meetings', bearer(`rs_${turn}`))).status)
    expect(statuses).toEqual(new Set([401, 429]))
    expect((await send('GET', '/v1/meetings', bearer(API_KEY))).status).toBe(200)
  })

  it('notes every write with its key, its answer, its meeting and the reason it was given; reads are not noted', async () => {
    const { send, bearer, keyFor } = rig()
    const { key, id } = await keyFor(['meetings:write'])
    const made = await send('POST', '/v1/meetings', bearer(key), { room: 'r' })
    await send('GET', '/v1/meetings', bearer(key))
    await send('POST', `/v1/meetings/${made.body.id}/stop`, bearer(key), { reason: 'everybody has left' })
    await send('POST', '/v1/meetings', bearer(key), { room: '' })
    const { items } = (await send('GET', '/v1/audit?limit=3', bearer(API_KEY))).body as unknown as { items: object[] }
    expect(items).toMatchObject([
      { keyId: id, path: '/v1/meetings', status: 400, meetingId: null, note: null },
      { keyId: id, path: `/v1/meetings/${made.body.id}/stop`, status: 202, meetingId: made.body.id, note: 'everybody has left' },
      { keyId: id, method: 'POST', path: '/v1/meetings', status: 201, meetingId: made.body.id },
    ])
  })
})

describe('Idempotency-Key', () => {
  it('carries a request out once, gives its answer again, and refuses another request under the same key', async () => {
    const { send, bearer } = rig()
    const headers = { ...bearer(API_KEY), 'idempotency-key': 'abc' }
    const first = await send('POST', '/v1/meetings', headers, { room: 'r' })
    const again = await send('POST', '/v1/meetings', headers, { room: 'r' })
    expect([first.status, again.status, again.headers.get('idempotency-replayed')]).toEqual([201, 201, 'true'])
    expect(again.text).toBe(first.text)
    const other = await send('POST', '/v1/meetings', headers, { room: 'another' })
    expect([other.status, other.body.code]).toEqual([409, 'idempotency_key_reused'])
    expect((await send('POST', '/v1/meetings', { ...headers, 'idempotency-key': 'x'.repeat(256) }, { room: 'r' })).status).toBe(400)
  })

  it('keeps no secret: whoever sends a request for a key, a link or a guest again is told that it was carried out', async () => {
    const guest = () => Promise.resolve({ url: 'wss://livekit', token: 'guest-token', identity: 'guest-1' })
    const { send, bearer, store, access } = rig({ guest })
    const { meeting } = await store.create(requestFor('r'))
    for (const [path, body] of [
      ['/v1/keys', { name: 'n', scopes: ['meetings:read'] }],
      [`/v1/meetings/${meeting.id}/links`, {}],
      [`/v1/meetings/${meeting.id}/guest`, { name: 'Ann' }],
    ] as const) {
      const headers = { ...bearer(API_KEY), 'idempotency-key': `once ${path}` }
      const first = await send('POST', path, headers, body)
      const secret = first.body.key ?? first.body.token ?? ''
      expect([first.status, secret.length > 5, first.headers.get('cache-control')]).toEqual([201, true, 'no-store'])
      expect(JSON.stringify(access.kept)).not.toContain(secret)
      const again = await send('POST', path, headers, body)
      expect([again.status, again.body.code, again.headers.get('idempotency-replayed')]).toEqual([409, 'idempotency_secret', 'true'])
      expect(again.headers.get('content-type')).toBe('application/problem+json')
      expect((await send('POST', path, headers, { ...body, name: 'other' })).body.code).toBe('idempotency_key_reused')
    }
    expect((await access.keys()).length).toBe(1)
    expect(access.kept).toHaveLength(3)
  })

  it('another query is another request', async () => {
    const { send, bearer } = rig()
    const headers = { ...bearer(API_KEY), 'idempotency-key': 'abc' }
    expect((await send('POST', '/v1/meetings?a=1', headers, { room: 'r' })).status).toBe(201)
    expect((await send('POST', '/v1/meetings?a=2', headers, { room: 'r' })).body.code).toBe('idempotency_key_reused')
  })

  it('lets what was refused for now be sent again: a room whose meeting is being deleted', async () => {
    const { send, bearer, store } = rig()
    const headers = { ...bearer(API_KEY), 'idempotency-key': 'abc' }
    const create = store.create.bind(store)
    store.create = () => Promise.reject(new ConflictError('the meeting of room r is being deleted: ask again when its bot has left'))
    expect((await send('POST', '/v1/meetings', headers, { room: 'r' })).status).toBe(409)
    store.create = create
    expect((await send('POST', '/v1/meetings', headers, { room: 'r' })).status).toBe(201)
  })

  it('lets what failed on our side be sent again, and tells two at once apart', async () => {
    const { send, bearer, store } = rig()
    const headers = { ...bearer(API_KEY), 'idempotency-key': 'abc' }
    const create = store.create.bind(store)
    store.create = () => Promise.reject(new Error('a fault'))
    expect((await send('POST', '/v1/meetings', headers, { room: 'r' })).status).toBe(500)
    let go: () => void = () => undefined
    const waiting = new Promise<void>((resolve) => (go = resolve))
    store.create = async (request) => {
      await waiting
      return create(request)
    }
    const slow = send('POST', '/v1/meetings', headers, { room: 'r' })
    const second = await send('POST', '/v1/meetings', headers, { room: 'r' })
    expect([second.status, second.body.code]).toEqual([409, 'idempotency_in_progress'])
    go()
    expect((await slow).status).toBe(201)
  })
})

describe('the page', () => {
  it('logs in with a key, out again, and changes nothing without its own header', async () => {
    const { send } = rig()
    expect((await send('POST', '/session', {}, { key: 'wrong' })).status).toBe(401)
    const login = await send('POST', '/session', {}, { key: API_KEY })
    expect(login.headers.get('set-cookie')).toMatch(/^roomscribe_session=[^;]+; Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict$/)
    const cookie = cookieOf(login.headers)
    expect(cookie).not.toContain(API_KEY)
    expect((await send('GET', '/v1/meetings', { cookie })).status).toBe(200)
    expect((await send('POST', '/v1/meetings', { cookie }, { room: 'r' })).status).toBe(403)
    expect((await send('POST', '/v1/meetings', { cookie, 'x-roomscribe': '1' }, { room: 'r' })).status).toBe(201)
    expect((await send('DELETE', '/session', { cookie })).headers.get('set-cookie')).toMatch(/Max-Age=0/)
    expect((await send('GET', '/v1/meetings', { cookie: `${cookie.slice(0, -2)}AA` })).status).toBe(401)
  })

  it('a session ends after 12 h, and with the key that it came from', async () => {
    const { send, keyFor, access, clock } = rig()
    const { key, id } = await keyFor(['meetings:read'])
    const cookie = cookieOf((await send('POST', '/session', {}, { key })).headers)
    expect((await send('GET', '/session', { cookie })).status).toBe(200)
    await access.revokeKey(id)
    await clock.advance(5_001)
    expect((await send('GET', '/session', { cookie })).status).toBe(401)
    const mine = cookieOf((await send('POST', '/session', {}, { key: API_KEY })).headers)
    await clock.advance(12 * 3_600_000)
    expect((await send('GET', '/session', { cookie: mine })).status).toBe(401)
  })

  it('a link shows one meeting, lets its holder join only when it says so, and ends in time', async () => {
    const guest = () => Promise.resolve({ url: 'wss://livekit', token: 't', identity: 'guest-1' })
    const { send, bearer, store, clock } = rig({ guest })
    const { meeting } = await store.create(requestFor('r'))
    const other = (await store.create(requestFor('other'))).meeting
    const linkFor = async (body: object) => {
      const made = await send('POST', `/v1/meetings/${meeting.id}/links`, bearer(API_KEY), body)
      expect(made.body.url).toBe(`http://localhost/#link=${made.body.token}`)
      const login = await send('POST', '/session', {}, { link: made.body.token })
      expect(login.body.meetingId).toBe(meeting.id)
      return { cookie: cookieOf(login.headers), 'x-roomscribe': '1' }
    }
    const seeing = await linkFor({ expiresSec: 60 })
    expect((await send('GET', `/v1/meetings/${meeting.id}`, seeing)).status).toBe(200)
    expect((await send('GET', `/v1/meetings/${other.id}`, seeing)).status).toBe(404)
    expect((await send('GET', '/v1/meetings', seeing)).status).toBe(403)
    expect((await send('POST', `/v1/meetings/${meeting.id}/stop`, seeing)).status).toBe(403)
    expect((await send('POST', `/v1/meetings/${meeting.id}/guest`, seeing, { name: 'Ann' })).status).toBe(403)
    const joining = await linkFor({ guest: true })
    expect((await send('POST', `/v1/meetings/${meeting.id}/guest`, joining, { name: 'Ann' })).status).toBe(201)
    await clock.advance(60_001)
    expect((await send('GET', `/v1/meetings/${meeting.id}`, seeing)).status).toBe(401)
    expect((await send('GET', `/v1/meetings/${meeting.id}`, joining)).status).toBe(200)
  })

  it('a session token is no link, and a link no session', async () => {
    const { send, bearer, store } = rig()
    const { meeting } = await store.create(requestFor('r'))
    const { token } = (await send('POST', `/v1/meetings/${meeting.id}/links`, bearer(API_KEY), {})).body
    expect((await send('GET', `/v1/meetings/${meeting.id}`, { cookie: `roomscribe_session=${token}` })).status).toBe(401)
    const cookie = cookieOf((await send('POST', '/session', {}, { key: API_KEY })).headers)
    expect((await send('POST', '/session', {}, { link: cookie.split('=')[1] })).status).toBe(401)
  })
})

describe('deletion', () => {
  it('a deleted meeting is told like none at once, and its bot is asked to leave', async () => {
    let asked = 0
    const { send, bearer, store } = rig({ deletedSoon: () => void asked++ })
    const { meeting } = await store.create(requestFor('r'))
    expect((await send('DELETE', `/v1/meetings/${meeting.id}`, bearer(API_KEY))).status).toBe(202)
    expect(asked).toBe(1)
    expect((await store.meeting(meeting.id)).stopRequested).toBe(true)
    expect((await send('GET', `/v1/meetings/${meeting.id}`, bearer(API_KEY))).status).toBe(404)
    expect((await send('GET', '/v1/meetings', bearer(API_KEY))).body.items).toEqual([])
    expect((await send('DELETE', `/v1/meetings/${meeting.id}`, bearer(API_KEY))).status).toBe(404)
  })
})

describe('tokens and patterns', () => {
  it('a token that was changed in any place is none', () => {
    const token = signToken('s', { kind: 'session', key: 'k', expiresMs: 10 })
    const read = (text: string, nowMs = 5) => readToken(() => 's', text, nowMs)
    expect(read(token)).toEqual({ kind: 'session', key: 'k', expiresMs: 10 })
    expect(read(token, 10)).toBeNull()
    expect(readToken(() => 'other', token, 5)).toBeNull()
    const [text = '', mac = ''] = token.split('.')
    const forged = Buffer.from(JSON.stringify({ kind: 'session', key: 'settings', expiresMs: 10 })).toString('base64url')
    for (const bad of ['', '.', text, `${forged}.${mac}`, `${text}.`, `${text}.${mac.slice(1)}`, `${token}.x`, 'x'.repeat(3000)]) {
      expect(read(bad)).toBeNull()
    }
  })

  it.each([
    ['*', '', true],
    ['a*c', 'abbbc', true],
    ['a*c', 'abbbd', false],
    ['*-x-*', 'a-x-b-x-', true],
    ['sales', 'sales-1', false],
    ['a.c', 'abc', false],
    [`${'*a'.repeat(30)}b`, 'a'.repeat(5000), false],
  ])('%s matches %s: %s', (pattern, name, expected) => {
    expect(matchesPattern(pattern, name)).toBe(expected)
  })
})
