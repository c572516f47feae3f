import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi'
import { PERMISSIONS, type AccessBook, type KeyRecord } from '../../records/access.js'
import { newKey } from '../auth/authenticator.js'
import type { ApiEnv } from '../auth/caller.js'
import { common, failure, idParam, json, newRoutes, onceHeader } from './routes.js'
import { line } from './schemas.js'

/** What the routes of keys need. */
export interface KeyRoutesDeps {
  readonly access: AccessBook
  /** a key was revoked: what was believed of it, and what it has open, ends */
  readonly revoked: () => Promise<void>
}

const CreateKey = z
  .strictObject({
    name: line(100).min(1),
    scopes: z.array(z.enum(PERMISSIONS)).min(1).max(PERMISSIONS.length),
    rooms: z.array(line(256).min(1)).min(1).max(100).optional().describe('patterns with *; absent: every room'),
  })
  .openapi('CreateKey')

const shape = {
  id: z.string(),
  name: z.string(),
  scopes: z.array(z.enum(PERMISSIONS)),
  rooms: z.array(z.string()).nullable(),
  createdAt: z.string(),
  lastUsedAt: z.string().nullable().describe('to the minute'),
  revokedAt: z.string().nullable(),
}
const Key = z.object(shape).openapi('Key')
const NewKey = z.object({ ...shape, key: z.string().describe('shown this once') }).openapi('NewKey')
const KeyList = z.object({ items: z.array(Key) }).openapi('KeyList')

const AuditList = z
  .object({
    items: z.array(
      z.object({
        id: z.int(),
        at: z.string(),
        keyId: z.string(),
        keyName: z.string(),
        method: z.string(),
        path: z.string(),
        status: z.int(),
        meetingId: z.string().nullable(),
        note: z.string().nullable().describe('the reason that a stop was given; gone when the meeting is deleted'),
      }),
    ),
    next: z.int().nullable(),
  })
  .openapi('AuditList')

const list = createRoute({ method: 'get', path: '/keys', responses: { ...common, 200: json(KeyList, 'keys, newest first') } })
const create = createRoute({
  method: 'post',
  path: '/keys',
  request: { headers: onceHeader, body: { content: { 'application/json': { schema: CreateKey } }, required: true } },
  responses: { ...common, 201: json(NewKey, 'the key'), 409: failure('there are too many keys; or as for every Idempotency-Key') },
})
const revoke = createRoute({
  method: 'delete',
  path: '/keys/{id}',
  request: { params: idParam },
  responses: {
    ...common,
    204: { description: 'it opens nothing any more, and live feeds that it opened end: here at once, elsewhere within 5 s' },
    404: failure('no such key'),
  },
})
const audit = createRoute({
  method: 'get',
  path: '/audit',
  request: {
    query: z.object({
      cursor: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
      limit: z.coerce.number().int().min(1).max(500).default(100),
    }),
  },
  responses: { ...common, 200: json(AuditList, 'writes that keys asked for, newest first') },
})

const shown = ({ id, name, scopes, rooms, createdAt, lastUsedAt, revokedAt }: KeyRecord) => ({
  id,
  name,
  scopes: [...scopes],
  rooms: rooms === null ? null : [...rooms],
  createdAt,
  lastUsedAt,
  revokedAt,
})

/** Routes of keys and of the log of writes, to be mounted under /v1. */
export function keyRoutes({ access, revoked }: KeyRoutesDeps): OpenAPIHono<ApiEnv> {
  const app = newRoutes()
  app.openapi(list, async (c) => c.json({ items: (await access.keys()).map(shown) }, 200))
  app.openapi(create, async (c) => {
    const { name, scopes, rooms } = c.req.valid('json')
    const { key, hash } = newKey()
    const made = await access.createKey({ name, scopes: [...new Set(scopes)], rooms: rooms ?? null }, hash)
    c.header('cache-control', 'no-store')
    return c.json({ ...shown(made), key }, 201)
  })
  app.openapi(revoke, async (c) => {
    await access.revokeKey(c.req.valid('param').id)
    await revoked()
    return c.body(null, 204)
  })
  app.openapi(audit, async (c) => {
    const { cursor, limit } = c.req.valid('query')
    const found = await access.audits({ ...(cursor === undefined ? {} : { before: cursor }), limit: limit + 1 })
    const items = found.slice(0, limit)
    return c.json({ items: items.map((entry) => ({ ...entry })), next: found.length > limit ? (items.at(-1)?.id ?? null) : null }, 200)
  })
  return app
}
