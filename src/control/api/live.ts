import type { ServerResponse } from 'node:http'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi'
import { StateError } from '../../core/errors.js'
import type { MeetingId } from '../../core/ids.js'
import type { FeedPosition } from '../../records/port.js'
import type { ApiEnv, Caller } from '../auth/caller.js'
import type { OpenFeeds } from '../auth/open-feeds.js'
import type { LiveSink } from '../feed/channel.js'
import type { LiveHub } from '../feed/hub.js'
import { common, failure, idParam, newRoutes } from './routes.js'

/** What the route of the live feed needs. */
export interface LiveRoutesDeps {
  readonly hub: Pick<LiveHub, 'read'>
  /** ends a feed with the right to read it */
  readonly feeds: Pick<OpenFeeds, 'add'>
  /** The meeting's id if the caller may see it. @throws NotFoundError */
  readonly visible: (caller: Caller, id: string) => Promise<MeetingId>
}

const live = createRoute({
  method: 'get',
  path: '/meetings/{id}/live',
  request: {
    params: idParam,
    headers: z.object({
      'last-event-id': z
        .string()
        .regex(/^\d{1,9}\.\d{1,15}$/, 'must be the id of an event of this stream')
        .optional()
        .describe('only what came after that event; absent: everything from the start of the meeting'),
    }),
  },
  responses: {
    ...common,
    200: {
      description:
        'server-sent events: `state` (the meeting), `partial` (text may be empty: it is over), `segment`, `gap`, `end`, and `activity`: ' +
        '`{speaking, waiting}`, identities of those who have voice now and of those whose speech waits for a channel, told whenever it ' +
        'changes, both empty while the meeting is paused; ids stand on segment and gap. The stream is closed without `end` when this process ' +
        'stops, when the reader is too slow, and within 5 s when the key is revoked or the link or session is over: whoever comes back ' +
        'with `Last-Event-ID` misses nothing, or is answered 401',
      content: { 'text/event-stream': { schema: z.string() } },
    },
    404: failure('no such meeting'),
    503: failure('this process has as many readers as it may, or the database does not answer; Retry-After tells when to come again'),
  },
})

const positionOf = (id: string | undefined): FeedPosition => {
  const [seq = '0', gap = '0'] = id?.split('.') ?? []
  return { seq: Number(seq), gap: Number(gap) }
}

const HEAD = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
  'x-content-type-options': 'nosniff',
}

/** One HTTP response as a sink. What a slow reader has not taken is counted by the socket. */
class ResponseSink implements LiveSink {
  readonly #response: ServerResponse

  constructor(response: ServerResponse) {
    this.#response = response
  }

  get backlog(): number {
    return this.#response.writableLength
  }

  /** The head of the answer, once. */
  begin(): void {
    if (this.#response.headersSent || this.#response.destroyed) return
    this.#response.writeHead(200, HEAD)
    this.#response.write('retry: 1000\n\n')
  }

  write(chunk: Buffer): void {
    if (this.#response.writableEnded || this.#response.destroyed) return
    this.begin()
    this.#response.write(chunk)
  }

  drained(): Promise<void> {
    if (!this.#response.writableNeedDrain || this.#response.destroyed) return Promise.resolve()
    return new Promise((resolve) => {
      const done = () => {
        this.#response.off('drain', done)
        this.#response.off('close', done)
        resolve()
      }
      this.#response.once('drain', done)
      this.#response.once('close', done)
    })
  }

  close(): void {
    this.begin()
    // whoever takes nothing would keep an orderly end waiting
    if (this.#response.writableNeedDrain) this.#response.destroy()
    else this.#response.end()
  }
}

/**
 * The live feed as server-sent events, to be mounted under /v1. Events are written to the socket itself: a stream object for each
 * of a thousand readers would cost more than all the rest.
 */
export function liveRoutes({ hub, feeds, visible }: LiveRoutesDeps): OpenAPIHono<ApiEnv> {
  const app = newRoutes()
  app.openapi(live, async (c) => {
    const caller = c.get('caller')
    const id = await visible(caller, c.req.valid('param').id)
    // whoever asks for the head takes no event, and its connection would wait for ever
    if (c.req.method === 'HEAD') return c.body(null, 200, HEAD) as never
    const after = positionOf(c.req.valid('header')['last-event-id'])
    const response = (c.env as { outgoing?: ServerResponse } | undefined)?.outgoing
    if (!response) throw new StateError('a live feed needs a socket')
    const sink = new ResponseSink(response)
    const begun: { leave?: () => void } = {}
    response.once('close', () => begun.leave?.())
    // nothing is answered before there is a place for the reader: who has none is told so with a status
    const leave = await hub.read(id, after, sink)
    sink.begin()
    const remove = feeds.add(caller, () => {
      leave()
      sink.close()
    })
    begun.leave = () => {
      remove()
      leave()
    }
    if (response.destroyed) begun.leave()
    return RESPONSE_ALREADY_SENT
  })
  return app
}
