import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type {
  AuditEntry,
  DeadLetter,
  Delivery,
  Key,
  Meeting,
  Occurrence,
  Schedule,
  Summary,
  Timeline,
  Transcript,
} from '../../src/web/api/types.js'
import { pageRoutes } from '../../src/control/web/page.js'

/** What the fake knows of one meeting. */
export interface FakeMeeting {
  meeting: Meeting
  transcript?: Transcript
  timeline?: Timeline
  summary?: Summary
  deliveries?: readonly Delivery[]
}

/** One event of a live feed. */
export interface FakeEvent {
  readonly event: string
  readonly data: object
  /** on segments and gaps */
  readonly id?: string
}

const COOKIE = 'roomscribe_session=fake'
const KEY = 'the-key'
const TYPES = { json: 'application/json', problem: 'application/problem+json' }

/** The HTTP API as the page sees it, out of memory, with the real page in front: for states that the real one is hard to bring into. */
export class FakeApi {
  readonly key = KEY
  /** the token of a link that shows the first meeting */
  readonly linkToken = 'link-token'
  readonly meetings: FakeMeeting[] = []
  readonly keys: Key[] = []
  readonly audit: AuditEntry[] = []
  readonly deadLetters: DeadLetter[] = []
  readonly schedules: Schedule[] = []
  occurrences: readonly Occurrence[] = []
  /** `METHOD /path` of each request that was answered, without those of the page's files */
  readonly asked: string[] = []
  /** what readers came back with */
  readonly resumedFrom: (string | undefined)[] = []
  /** the next answers to a method and path, in place of the usual one */
  readonly refusals = new Map<string, { status: number; code: string; detail: string; errors?: object[] }>()
  readonly #server: Server
  readonly #page = pageRoutes({ livekitUrl: 'ws://127.0.0.1:7880' })
  readonly #readers = new Set<ServerResponse>()
  readonly #feed: FakeEvent[] = []
  #isDown = false
  #sessionMeeting: string | null = null

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        response.statusCode = 500
        response.end(String(error))
      })
    })
  }

  static async start(): Promise<FakeApi> {
    const api = new FakeApi()
    api.#server.listen(0, '127.0.0.1')
    await once(api.#server, 'listening')
    return api
  }

  get url(): string {
    const address = this.#server.address()
    return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`
  }

  /** how many read the live feed now */
  get readers(): number {
    return this.#readers.size
  }

  /** An event to all readers, and to those who come later. */
  tell(event: FakeEvent): void {
    if (event.event === 'segment' || event.event === 'gap' || event.event === 'state') this.#feed.push(event)
    for (const reader of this.#readers) write(reader, event)
  }

  /** Breaks every connection, and refuses new ones until `come()`. */
  goAway(): void {
    this.#isDown = true
    for (const reader of this.#readers) reader.destroy()
    this.#readers.clear()
    this.#server.closeAllConnections()
  }

  come(): void {
    this.#isDown = false
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#isDown) {
      request.socket.destroy()
      return
    }
    const { method = 'GET', url = '/' } = request
    const { pathname, searchParams } = new URL(url, 'http://fake')
    if (method === 'GET' && !pathname.startsWith('/v1') && pathname !== '/session') {
      await this.#sendPage(request, response, pathname)
      return
    }
    this.asked.push(`${method} ${url}`)
    const refusal = this.refusals.get(`${method} ${pathname}`)
    if (refusal !== undefined) {
      send(response, refusal.status, { type: 'urn:x', title: 'x', ...refusal }, TYPES.problem)
      return
    }
    const text = await bodyOf(request)
    if (pathname === '/session') {
      this.#session(method, request, response, text)
      return
    }
    if (request.headers.cookie !== COOKIE) {
      send(response, 401, { status: 401, code: 'unauthorized', detail: 'log in first' }, TYPES.problem)
      return
    }
    if (method !== 'GET' && request.headers['x-roomscribe'] !== '1') {
      send(response, 403, { status: 403, code: 'forbidden', detail: 'the header is missing' }, TYPES.problem)
      return
    }
    this.#v1(method, pathname.slice('/v1'.length), { searchParams, body: parsed(text), request, response })
  }

  async #sendPage(request: IncomingMessage, response: ServerResponse, pathname: string): Promise<void> {
    const headers = new Headers()
    for (const [name, value] of Object.entries(request.headers)) if (typeof value === 'string') headers.set(name, value)
    const answer = await this.#page.request(pathname, { headers })
    response.writeHead(answer.status, Object.fromEntries(answer.headers))
    if (answer.body === null) response.end()
    else Readable.fromWeb(answer.body).pipe(response)
  }

  #session(method: string, request: IncomingMessage, response: ServerResponse, text: string): void {
    const who = {
      name: 'tester',
      scopes: this.#sessionMeeting === null ? ['admin'] : ['meetings:read'],
      meetingId: this.#sessionMeeting,
      mayJoin: false,
    }
    if (method === 'DELETE') {
      response.setHeader('set-cookie', 'roomscribe_session=; Max-Age=0; Path=/')
      send(response, 204)
    } else if (method === 'GET') {
      if (request.headers.cookie === COOKIE) send(response, 200, who)
      else send(response, 401, { status: 401, code: 'unauthorized', detail: 'nobody is logged in' }, TYPES.problem)
    } else {
      const { key, link } = parsed(text) as { key?: string; link?: string }
      if (key !== KEY && link !== this.linkToken) {
        send(response, 401, { status: 401, code: 'unauthorized', detail: 'there is no such key' }, TYPES.problem)
        return
      }
      this.#sessionMeeting = link === undefined ? null : (this.meetings[0]?.meeting.id ?? null)
      response.setHeader('set-cookie', `${COOKIE}; HttpOnly; SameSite=Strict; Path=/`)
      send(response, 200, { ...who, scopes: link === undefined ? ['admin'] : ['meetings:read'], meetingId: this.#sessionMeeting })
    }
  }

  #v1(
    method: string,
    path: string,
    {
      searchParams,
      body,
      request,
      response,
    }: { searchParams: URLSearchParams; body: object; request: IncomingMessage; response: ServerResponse },
  ): void {
    const [, kind = '', id, what] = path.split('/')
    const ok = (value: unknown) => (value === undefined ? send(response, 404, NOT_FOUND, TYPES.problem) : send(response, 200, value))
    if (kind === 'meetings' && id === undefined) {
      const state = searchParams.get('state')
      const items = this.meetings.map(({ meeting }) => meeting).filter((one) => state === null || one.state === state)
      ok({ items, next: null })
      return
    }
    if (kind === 'meetings') {
      const found = this.meetings.find(({ meeting }) => meeting.id === id)
      if (found === undefined) ok(undefined)
      else if (what === 'live') this.#live(request, response)
      else if (what === undefined) ok(found.meeting)
      else if (what === 'transcript') ok(found.transcript)
      else if (what === 'timeline') ok(found.timeline)
      else if (what === 'summary') ok(found.summary)
      else if (what === 'deliveries') ok({ items: found.deliveries ?? [] })
      else if (what === 'links')
        send(response, 201, { url: `${this.url}/#link=${this.linkToken}`, token: this.linkToken, expiresAt: '2030-01-01T00:00:00Z' })
      else if (what === 'pause' || what === 'resume') {
        found.meeting = { ...found.meeting, paused: what === 'pause' }
        this.tell({ event: 'state', data: found.meeting })
        send(response, 202, found.meeting)
      } else send(response, 202, found.meeting)
      return
    }
    if (kind === 'keys' && method === 'POST') {
      const made = {
        id: `k${this.keys.length}`,
        rooms: null,
        createdAt: '2026-11-21T10:00:00Z',
        lastUsedAt: null,
        revokedAt: null,
        ...body,
      } as Key
      this.keys.push(made)
      send(response, 201, { ...made, key: 'shown-once' })
    } else if (kind === 'keys' && method === 'DELETE') {
      const at = this.keys.findIndex((key) => key.id === id)
      const key = this.keys[at]
      if (key !== undefined) this.keys[at] = { ...key, revokedAt: '2026-11-21T11:00:00Z' }
      send(response, 204)
    } else if (kind === 'keys') ok({ items: this.keys })
    else if (kind === 'audit') ok({ items: this.audit, next: null })
    else if (kind === 'dead-letters') ok(method === 'GET' ? { items: this.deadLetters } : this.deadLetters[0])
    else if (kind === 'schedules' && (id === 'preview' || what === 'occurrences'))
      ok({ items: this.occurrences.slice(0, Number(searchParams.get('limit') ?? 20)) })
    else if (kind === 'schedules' && method === 'POST') {
      const made = { ...NO_SCHEDULE, ...body, id: `schedule-${this.schedules.length}` } as Schedule
      this.schedules.push(made)
      send(response, 201, made)
    } else if (kind === 'schedules') ok({ items: this.schedules, next: null })
    else ok(undefined)
  }

  #live(request: IncomingMessage, response: ServerResponse): void {
    const last = request.headers['last-event-id']
    this.resumedFrom.push(typeof last === 'string' ? last : undefined)
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    for (const event of this.#feed)
      if (event.id === undefined || last === undefined || Number(event.id) > Number(last)) write(response, event)
    this.#readers.add(response)
    response.on('close', () => this.#readers.delete(response))
  }
}

const NOT_FOUND = { status: 404, code: 'not_found', detail: 'there is no such thing' }
const NO_SCHEDULE = {
  room: null,
  title: null,
  cron: null,
  timeZone: null,
  startAt: null,
  durationSec: null,
  url: null,
  leadSec: 0,
  enabled: true,
  lastPolledAt: null,
  problem: null,
}

const parsed = (text: string): object => (text === '' ? {} : (JSON.parse(text) as object))

function write(reader: ServerResponse, { event, data, id }: FakeEvent): void {
  reader.write(`${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
}

function send(response: ServerResponse, status: number, body?: unknown, type = TYPES.json): void {
  response.statusCode = status
  if (body === undefined) {
    response.end()
    return
  }
  response.setHeader('content-type', type)
  response.end(JSON.stringify(body))
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(piece as Buffer)
  return Buffer.concat(pieces).toString('utf8')
}
