import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { systemClock, type Clock } from '../../core/time.js'
import { BehaviourPlan, type SlackRule } from './behaviours.js'
import { METHODS } from './methods.js'
import { SlackRefusal, Workspace, type SlackPost } from './workspace.js'

/** How to start the stand-in. */
export interface SlackStandinOptions {
  /** 0, the default, takes a free port of the loopback */
  readonly port?: number
  readonly behaviours?: readonly SlackRule[]
  /** names of the channels that exist; default `general` and `meetings` */
  readonly channels?: readonly string[]
  /** told of each message, after it is kept */
  readonly onPost?: (post: SlackPost) => void
  readonly clock?: Clock
}

/** A running stand-in. */
export interface SlackStandin {
  /** for the client's `slackApiUrl`; ends in a slash */
  readonly url: string
  /** every message, oldest first; the last 10 000 */
  posts(): readonly SlackPost[]
  /** another rule for calls to come */
  behave(rule: SlackRule): void
  /** how often a method was called */
  calls(method: string): number
  close(): Promise<void>
}

const MAX_BODY_BYTES = 64 * 1024 * 1024

/**
 * Starts a local Slack Web API: the methods that a bot needs to post, with Slack's errors and limits. Tokens
 * are taken when they begin with `xoxb-`.
 * @throws when the port is taken
 */
export async function startSlackStandin(options: SlackStandinOptions = {}): Promise<SlackStandin> {
  const workspace = new Workspace(options.clock ?? systemClock, options.channels ?? ['general', 'meetings'])
  const plan = new BehaviourPlan(options.behaviours)
  const counted = new Map<string, number>()
  const context = { origin: '', onPost: options.onPost ?? (() => undefined) }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request)
    const path = new URL(request.url ?? '/', 'http://localhost').pathname
    const method = path.startsWith('/upload/') ? 'upload' : path.replace(/^\/api\//, '')
    counted.set(method, (counted.get(method) ?? 0) + 1)
    const behaviour = plan.take(method)
    switch (behaviour?.kind) {
      case 'rate_limit':
        response.writeHead(429, { 'retry-after': String(behaviour.retryAfterSec) }).end()
        return
      case 'drop_before':
        request.socket.destroy()
        return
      case 'error':
        sendJson(response, { ok: false, error: behaviour.error })
        return
      case 'http':
        response.writeHead(behaviour.status).end('upstream connect error')
        return
      case 'drop_after':
      case undefined:
    }
    const result = method === 'upload' ? await upload(path, request, body) : call(method, request, body)
    if (behaviour) request.socket.destroy()
    else if (typeof result === 'string') response.writeHead(200, { 'content-type': 'text/plain' }).end(result)
    else sendJson(response, result)
  }

  function call(method: string, request: IncomingMessage, body: Buffer): object {
    const args = new Map(new URLSearchParams(body.toString('utf8')))
    const token = (request.headers.authorization ?? `Bearer ${args.get('token') ?? ''}`).replace(/^Bearer /, '')
    if (token === '') return { ok: false, error: 'not_authed' }
    if (!token.startsWith('xoxb-')) return { ok: false, error: 'invalid_auth' }
    const run = METHODS[method]
    if (!run) return { ok: false, error: 'unknown_method' }
    try {
      return { ok: true, ...run(workspace, args, context) }
    } catch (thrown) {
      if (thrown instanceof SlackRefusal) return { ok: false, error: thrown.message }
      throw thrown
    }
  }

  async function upload(path: string, request: IncomingMessage, body: Buffer): Promise<string> {
    const type = request.headers['content-type'] ?? ''
    workspace.storeFile(path.slice('/upload/'.length), await fileContent(type, body))
    return `OK - ${body.length}`
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((thrown: unknown) => {
      if (!response.headersSent) response.writeHead(500)
      response.end(thrown instanceof Error ? thrown.message : 'failed')
    })
  })
  server.listen(options.port ?? 0, '127.0.0.1')
  await once(server, 'listening')
  context.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url: `${context.origin}/api/`,
    posts: () => [...workspace.posts],
    behave: (rule) => plan.add(rule),
    calls: (method) => counted.get(method) ?? 0,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function sendJson(response: ServerResponse, body: object): void {
  response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body))
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_BODY_BYTES) throw new Error('body too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** The client uploads as a form with one field; Slack takes the bare bytes as well. */
async function fileContent(type: string, body: Buffer): Promise<string> {
  if (!type.startsWith('multipart/form-data')) return body.toString('utf8')
  const form = await new Response(body, { headers: { 'content-type': type } }).formData()
  for (const [, value] of form) return typeof value === 'string' ? value : await value.text()
  return ''
}
