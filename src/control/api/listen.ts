import type { Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { serve } from '@hono/node-server'
import { ConfigError } from '../../core/errors.js'
import { PROBLEM_TYPE, problemText } from './problem.js'

/** How long a request may take to come. */
export interface ArrivalLimits {
  /** for all of it, body included */
  readonly requestMs: number
  /** for its headers */
  readonly headersMs: number
  /** so often is looked for those that have taken longer: they end so much later at most */
  readonly checkMs: number
}

/** Whoever sends a byte a second keeps nothing busy. /openapi.json tells these. */
export const ARRIVAL_LIMITS: ArrivalLimits = { requestMs: 30_000, headersMs: 10_000, checkMs: 2_000 }

/** A listening API. */
export interface ApiServer {
  readonly port: number
  close(): Promise<void>
}

/**
 * Listens.
 * @throws ConfigError the port is taken, or may not be bound
 */
export function listen(
  app: { readonly fetch: (request: Request) => Response | Promise<Response> },
  host: string,
  port: number,
  { requestMs, headersMs, checkMs }: ArrivalLimits = ARRIVAL_LIMITS,
): Promise<ApiServer> {
  return new Promise((resolve, reject) => {
    const serverOptions = { requestTimeout: requestMs, headersTimeout: headersMs, connectionsCheckingInterval: checkMs }
    const server = serve({ fetch: app.fetch, hostname: host, port, serverOptions }, (bound) => {
      resolve({
        port: bound.port,
        close: () =>
          new Promise((done) => {
            server.close(() => done())
            if ('closeAllConnections' in server) server.closeAllConnections()
          }),
      })
    }) as Server
    answerMisfits(server)
    server.once('error', (error: NodeJS.ErrnoException) => {
      const text =
        error.code === 'EADDRINUSE'
          ? `port ${port} on ${host} is taken by another process: set ROOMSCRIBE_PORT to another one (0 picks a free one)`
          : `port ${port} on ${host} cannot be bound (${error.code ?? error.message}): set ROOMSCRIBE_PORT or ROOMSCRIBE_HOST`
      reject(new ConfigError([text], { cause: error }))
    })
  })
}

/** What came too slowly, or is no HTTP, is answered with a problem as well, where nothing was answered yet. */
function answerMisfits(server: Server): void {
  const answers = new WeakMap<Duplex, ServerResponse>()
  server.on('request', (request, response) => answers.set(request.socket, response))
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const answer = answers.get(socket)
    // whatever is written into the middle of an answer would be taken for a part of it
    const isAnswering = answer?.headersSent === true && !answer.writableFinished
    if (!socket.writable || isAnswering || error.code === 'ECONNRESET') socket.destroy()
    else socket.end(misfitAnswer(error.code), () => socket.destroy())
  })
}

function misfitAnswer(code: string | undefined): string {
  const [status, line, body] =
    code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? ([408, 'Request Timeout', problemText(408, 'too_slow', 'the request took too long to come')] as const)
      : code === 'HPE_HEADER_OVERFLOW'
        ? ([431, 'Request Header Fields Too Large', problemText(431, 'headers_too_large', 'the headers are too large')] as const)
        : ([400, 'Bad Request', problemText(400, 'input', 'this is no HTTP request')] as const)
  const head = [`HTTP/1.1 ${status} ${line}`, `content-type: ${PROBLEM_TYPE}`, `content-length: ${Buffer.byteLength(body)}`]
  return [...head, 'connection: close', '', body].join('\r\n')
}
