import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { toError, UpstreamError } from '../core/errors.js'
import { Scope } from '../core/scope.js'
import type { Clock } from '../core/time.js'
import type { Logger } from '../observe/logger.js'
import type { Behaviours } from './behaviours/schema.js'
import { Switchboard } from './behaviours/switchboard.js'
import type { Engine } from './engine/port.js'
import { WsClientSocket } from './protocol/client-socket.js'
import { MAX_DISCARDED_BYTES, MAX_FRAME_BYTES } from './protocol/limits.js'
import type { LiveSession } from './protocol/live-session.js'
import { Registry } from './protocol/registry.js'
import { errorReply, newRequestId, type RequestFacts, writeReply } from './protocol/reply.js'
import { route } from './protocol/routes.js'
import type { SessionStats } from './protocol/session-types.js'

/** How to run a speech server. */
export interface SpeechServerOptions {
  /** 0: a free one */
  readonly port: number
  /** default 127.0.0.1 */
  readonly host?: string
  /** the caller's: close it after the server */
  readonly engine: Engine
  readonly behaviours?: Behaviours
  /** what `x-gladia-key` must be; null or absent: any key that is not empty */
  readonly apiKey?: string | null
  /** whether `GET` and `PUT /behaviours` exist; for tests */
  readonly control?: boolean
  readonly clock: Clock
  readonly logger: Logger
  /** in [0, 1); for shuffling and request ids */
  readonly random?: () => number
}

/** A running speech server. */
export interface SpeechServer {
  /** `http://host:port`, what a client takes as its API address */
  readonly url: string
  readonly port: number
  /** the switches, changeable at any time */
  readonly switches: Switchboard
  /** newest first */
  sessions(): SessionStats[]
  /** Closes every socket from the server's side (default 1012); the sessions go on. */
  closeAllSockets(code?: number): void
  /** Cuts every socket without a close frame; the sessions go on. */
  terminateSockets(): void
  /** Ends all sessions, sockets and requests; resolves when nothing is left. May be called twice. */
  close(): Promise<void>
}

/**
 * Starts a server that speaks Gladia's live protocol on top of an engine.
 * @throws {UpstreamError} the port cannot be listened on; `code` is the system's (`EADDRINUSE`, `EACCES`)
 */
export async function startSpeechServer(options: SpeechServerOptions): Promise<SpeechServer> {
  const { engine, clock, logger } = options
  const host = options.host ?? '127.0.0.1'
  const random = options.random ?? Math.random
  const switches = new Switchboard(options.behaviours)
  const scope = new Scope((name, error) => logger.error({ work: name, err: error }, 'background work failed'))
  const registry = new Registry({ engine, switches, clock, logger, random, run: (name, work) => scope.run(name, work) })
  const http = createServer({ headersTimeout: 10_000, requestTimeout: 60_000 })
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: MAX_FRAME_BYTES, clientTracking: true })
  let base = new URL(`http://${host.includes(':') ? `[${host}]` : host}`)

  http.on('request', (incoming: IncomingMessage, response: ServerResponse) => {
    const facts = { path: incoming.url ?? '/', requestId: newRequestId(random), nowMs: clock.nowMs() }
    const handled = respond(incoming, response, facts).catch((thrown: unknown) => {
      if (!scope.signal.aborted && !incoming.destroyed) logger.error({ err: toError(thrown), path: facts.path }, 'request failed')
      writeReply(response, facts, errorReply(facts, 500, 'internal error'))
    })
    if (!scope.signal.aborted) scope.run('request', () => handled)
  })

  async function respond(incoming: IncomingMessage, response: ServerResponse, facts: RequestFacts): Promise<void> {
    const url = ownUrl(incoming.url, base)
    if (!url) {
      writeReply(response, facts, errorReply(facts, 400, 'the address is not valid'))
      return
    }
    const key = incoming.headers['x-gladia-key']
    const outcome = await route(
      {
        ...facts,
        path: url.pathname,
        method: incoming.method ?? 'GET',
        url,
        key: typeof key === 'string' ? key : '',
        body: (max) => readBody(incoming, max),
      },
      { registry, switches, clock, apiKey: options.apiKey ?? null, control: options.control ?? false, signal: scope.signal },
    )
    if (outcome === 'no_answer') incoming.socket.destroy()
    else writeReply(response, { ...facts, path: url.pathname }, outcome)
  }

  http.on('upgrade', (incoming: IncomingMessage, stream: Duplex, head: Buffer) => {
    // a client that goes away in mid-handshake
    stream.on('error', () => stream.destroy())
    const url = ownUrl(incoming.url, base)
    const session = url?.pathname === '/v2/live' ? registry.byToken(url.searchParams.get('token') ?? '') : undefined
    const refusal = scope.signal.aborted ? 503 : handshakeStatus(session, switches)
    if (refusal !== null || !session) {
      refuse(stream, refusal ?? 401)
      return
    }
    sockets.handleUpgrade(incoming, stream, head, (socket) => serve(socket, session))
  })

  http.on('clientError', (_error, stream: Duplex) => refuse(stream, 400))

  await listen(http, options.port, host)
  const { port } = http.address() as AddressInfo
  base = new URL(`${base.protocol}//${base.host}:${port}`)
  scope.defer('http', () => new Promise<void>((resolve) => http.close(() => resolve())))
  scope.defer('connections', () => http.closeAllConnections())
  scope.defer('sockets', () => sockets.clients.forEach((socket) => socket.terminate()))
  scope.defer('sessions', () => registry.close())
  logger.info({ port, engine: engine.name }, 'speech server listening')

  return {
    url: base.origin,
    port,
    switches,
    sessions: () => registry.all().map((session) => session.stats()),
    closeAllSockets: (code = 1012) => registry.all().forEach((session) => session.dropSocket(code)),
    terminateSockets: () => registry.all().forEach((session) => session.dropSocket('terminate')),
    close: () => scope.close(),
  }
}

function serve(socket: WebSocket, session: LiveSession): void {
  const client = new WsClientSocket(socket)
  socket.on('message', (bytes, isBinary) => {
    if (!client.isFrozen) session.receive(client, bytes as Buffer, isBinary)
  })
  socket.on('error', (error) => {
    if ('code' in error && error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') session.oversize(client)
  })
  socket.on('close', (code) => session.socketClosed(client, code))
  session.attach(client)
}

/** HTTP status with which a handshake is refused, or null. A token that is not known gets 401. */
function handshakeStatus(session: LiveSession | undefined, switches: Switchboard): number | null {
  const fault = switches.use('handshake')
  if (fault !== 'normal') return fault.status
  if (!session) return 401
  if (session.isBarred) return 403
  return session.hasEnded && switches.use('endedSession') === 'http_403' ? 403 : null
}

function refuse(stream: Duplex, status: number): void {
  if (stream.writable) stream.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
  else stream.destroy()
}

/** Path and query on our own address; null when they make none. */
function ownUrl(path: string | undefined, base: URL): URL | null {
  return path?.startsWith('/') && URL.canParse(base.origin + path) ? new URL(base.origin + path) : null
}

/** @returns null when there is more than `maxBytes`: the rest is read and thrown away, up to a bound, so that the answer arrives */
function readBody(incoming: IncomingMessage, maxBytes: number): Promise<Buffer | null> {
  const pieces: Buffer[] = []
  let bytes = 0
  return new Promise((resolve, reject) => {
    incoming.on('data', (piece: Buffer) => {
      bytes += piece.length
      if (bytes <= maxBytes) pieces.push(piece)
      else resolve(null)
      if (bytes > MAX_DISCARDED_BYTES) incoming.destroy()
    })
    incoming.once('end', () => resolve(Buffer.concat(pieces)))
    incoming.once('error', reject)
    incoming.once('close', () => reject(new Error('the client went away')))
  })
}

function listen(http: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    http.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new UpstreamError(
          error.code ?? 'speech_server_listen',
          `The speech server cannot listen on ${host}:${port} (${error.message}); choose another port.`,
          { service: 'speech', retryable: false },
          { cause: error },
        ),
      ),
    )
    http.listen(port, host, resolve)
  })
}
