import type { ServerResponse } from 'node:http'

/** An HTTP answer. */
export interface Reply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** an object goes out as JSON, a Buffer as it is */
  readonly body?: object | Buffer
}

/** What every answer to one request shares. */
export interface RequestFacts {
  readonly path: string
  /** `G-` and 8 hex digits */
  readonly requestId: string
  readonly nowMs: number
}

/** An error body of the documented shape, the same for every status. */
export function errorReply(facts: RequestFacts, status: number, message: string, validationErrors?: readonly string[]): Reply {
  return {
    status,
    body: {
      timestamp: new Date(facts.nowMs).toISOString(),
      path: facts.path,
      request_id: facts.requestId,
      statusCode: status,
      message,
      ...(validationErrors ? { validation_errors: validationErrors } : {}),
    },
  }
}

/** A request id. @param random in [0, 1) */
export function newRequestId(random: () => number): string {
  return `G-${Math.floor(random() * 0x1_0000_0000)
    .toString(16)
    .padStart(8, '0')}`
}

/** Writes an answer; nothing when the client is gone. */
export function writeReply(response: ServerResponse, facts: RequestFacts, reply: Reply): void {
  if (response.destroyed || response.headersSent) return
  const { body } = reply
  const bytes = body === undefined ? Buffer.alloc(0) : Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body))
  const type = body === undefined || Buffer.isBuffer(body) ? {} : { 'content-type': 'application/json; charset=utf-8' }
  response.writeHead(reply.status, { ...type, 'content-length': bytes.length, 'x-aipi-call-id': facts.requestId, ...reply.headers })
  response.end(bytes)
}
