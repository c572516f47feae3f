import { OpenAPIHono, z } from '@hono/zod-openapi'
import { bodyLimit } from 'hono/body-limit'
import type { Logger } from '../../../observe/logger.js'
import type { AutoJoinBook } from '../../../records/auto-join.js'
import { problem } from '../../api/problem.js'

/** What a webhook tells. */
export interface WebhookNews {
  readonly id: string
  readonly kind: 'room_started' | 'room_finished' | 'people' | 'other'
  readonly room: string
}

/** What became of a request, closed list. */
export const WEBHOOK_RESULTS = ['taken', 'ignored', 'duplicate', 'replayed', 'refused', 'unreadable'] as const
export type WebhookResult = (typeof WEBHOOK_RESULTS)[number]

/** What the route needs. */
export interface WebhookRouteDeps {
  /** whether a body was signed by the server, and what it says; never throws */
  readonly verify: (
    body: Uint8Array,
    authorization: string | undefined,
  ) => Promise<{ readonly news: WebhookNews } | { readonly fault: 'refused' | 'unreadable' }>
  readonly book: Pick<AutoJoinBook, 'firstSeen' | 'hasSeen'>
  /** told of each room in which something has happened; null: nobody wants to know */
  readonly look: ((room: string) => void) | null
  readonly count: (result: WebhookResult) => void
  readonly logger: Logger
}

/** What is mounted at /webhooks. */
export type WebhookRoutes = OpenAPIHono

/** Larger ones are none of LiveKit's. */
export const WEBHOOK_LIMIT_BYTES = 64 * 1024
/** LiveKit repeats an event that was not answered for half a minute at most, in the same words; later it is somebody else. */
const REDELIVERY_MS = 60_000
/** Whoever asks for probes needs no key: so many at a time may cost the store a look. */
const PROBES_AT_ONCE = 4
/** Rooms that `doctor` makes to see whether a webhook follows. */
export const PROBE_PREFIX = 'roomscribe-doctor-'
const TYPE = /^application\/(?:webhook\+)?json\s*(?:;|$)/i

/**
 * `POST /webhooks/livekit`: only what LiveKit signed, byte by byte, and each event once. Its path is under no key: the signature is.
 * Nothing is decided from what an event says: it is a hint to look at a room. Answers are quick, since LiveKit holds a room's later
 * events back until one is answered.
 */
export function webhookRoutes(deps: WebhookRouteDeps): WebhookRoutes {
  const app = new OpenAPIHono()
  let probes = 0
  const look = async (name: string): Promise<boolean> => {
    probes++
    try {
      return await deps.book.hasSeen(name)
    } finally {
      probes--
    }
  }
  const answered = (result: WebhookResult) => {
    deps.count(result)
    return { status: result }
  }
  app.openAPIRegistry.registerPath(WEBHOOK_PATH)
  app.openAPIRegistry.registerPath(PROBE_PATH)
  app.post(
    '/livekit',
    bodyLimit({
      maxSize: WEBHOOK_LIMIT_BYTES,
      onError: (c) => {
        deps.count('refused')
        return problem(c, 413, 'too_large', `the body may have ${WEBHOOK_LIMIT_BYTES} bytes at most`)
      },
    }),
    async (c) => {
      if (!TYPE.test(c.req.header('content-type') ?? '')) {
        deps.count('refused')
        return problem(c, 415, 'media_type', 'the content type is application/webhook+json')
      }
      const verified = await deps.verify(new Uint8Array(await c.req.arrayBuffer()), c.req.header('authorization'))
      if ('fault' in verified) {
        deps.count(verified.fault)
        if (verified.fault === 'unreadable') return problem(c, 400, 'input', 'the body is no webhook')
        return problem(c, 401, 'unauthorized', 'the body is not signed by the LiveKit server whose key is set here, or not now')
      }
      const { id, kind, room } = verified.news
      const isProbe = kind === 'room_started' && room.startsWith(PROBE_PREFIX)
      if (!isProbe && (kind === 'other' || deps.look === null)) return c.json(answered('ignored'))
      const ageMs = await deps.book.firstSeen(isProbe ? room : id)
      if (ageMs !== null && ageMs > REDELIVERY_MS) {
        deps.count('replayed')
        deps.logger.warn({ event: id }, 'a webhook came again long after it was answered')
        return problem(c, 401, 'unauthorized', 'this event was taken before')
      }
      if (ageMs !== null) return c.json(answered('duplicate'))
      if (!isProbe) deps.look?.(room)
      return c.json(answered('taken'))
    },
  )
  // the name is the secret: 128 random bits that only whoever made the room knows
  app.get('/livekit/:probe', async (c) => {
    const name = c.req.param('probe')
    const isSeen = /^roomscribe-doctor-[\w-]{22}$/.test(name) && probes < PROBES_AT_ONCE && (await look(name))
    return isSeen ? c.body(null, 204) : problem(c, 404, 'not_found', 'no such webhook has come')
  })
  return app
}

/** The same by itself, for whoever has nothing else to serve. */
export function standaloneWebhooks(deps: WebhookRouteDeps): OpenAPIHono {
  const app = new OpenAPIHono()
  app.route('/webhooks', webhookRoutes(deps))
  return app
}

const WEBHOOK_PATH = {
  method: 'post' as const,
  path: '/livekit',
  // the signature is the key
  security: [],
  description: 'Webhooks of the LiveKit server, signed with its key: they say in which rooms something has happened.',
  responses: {
    200: { description: 'taken, or of no interest, or taken before' },
    400: { description: 'signed, but not understood' },
    401: { description: 'not signed by that server, or altered, or expired, or taken before' },
    413: { description: 'too large' },
    415: { description: 'not application/webhook+json' },
    503: { description: 'the database does not answer: LiveKit sends it again' },
  },
}
const PROBE_PATH = {
  method: 'get' as const,
  path: '/livekit/{probe}',
  security: [],
  request: { params: z.object({ probe: z.string().max(100) }) },
  description: 'Whether the webhook of a room that `roomscribe doctor` made has come.',
  responses: { 204: { description: 'it has' }, 404: { description: 'it has not' } },
}
