import { toError, UpstreamError } from '../../../core/errors.js'
import { redactText } from '../../../observe/logger.js'

interface JoinFailure {
  readonly pattern: RegExp
  readonly code: string
  readonly retryable: boolean
  readonly status?: number
  readonly say: (url: string) => string
}

/** The client library gives no codes: its texts are matched here and nowhere else. First match wins. */
const FAILURES: readonly JoinFailure[] = [
  {
    pattern: /\b401\b/,
    code: 'livekit_unauthorized',
    retryable: false,
    status: 401,
    say: () => 'LiveKit does not accept the key or secret: check LIVEKIT_API_KEY and LIVEKIT_API_SECRET.',
  },
  {
    pattern: /\b403\b|permissions denied/i,
    code: 'livekit_unauthorized',
    retryable: false,
    status: 403,
    say: () => 'LiveKit does not allow this key to join: check what LIVEKIT_API_KEY may do.',
  },
  {
    // the server answers a full room with a bare 500 on the handshake
    pattern: /handshake error: 500\b/,
    code: 'livekit_room_full',
    retryable: true,
    status: 500,
    say: () => 'LiveKit refused the join, as it does when a room is full: raise max_participants of the room.',
  },
  {
    pattern: /\b429\b|(?:server|client|handshake) error: 5\d\d/,
    code: 'livekit_unreachable',
    retryable: true,
    say: (url) => `LiveKit at ${url} answers with an error: look at the server or the proxy before it.`,
  },
  {
    pattern: /\b404\b/,
    code: 'livekit_refused',
    retryable: false,
    status: 404,
    say: (url) => `There is no LiveKit server at ${url}: check LIVEKIT_URL.`,
  },
  {
    pattern: /parse (?:the )?url|invalid url/i,
    code: 'livekit_refused',
    retryable: false,
    say: (url) => `${url} is not an address of a LiveKit server: LIVEKIT_URL begins with ws:// or wss://.`,
  },
  {
    pattern: /client error/,
    code: 'livekit_refused',
    retryable: false,
    say: () => 'LiveKit refused the join.',
  },
]

const UNREACHABLE: JoinFailure = {
  pattern: /(?:)/,
  code: 'livekit_unreachable',
  retryable: true,
  say: (url) => `LiveKit at ${url} cannot be reached: check LIVEKIT_URL and that the server runs.`,
}

/** A URL that may be shown: no user, no password, no query. */
export function shownUrl(url: string): string {
  try {
    const parsed = new URL(url)
    return `${parsed.protocol}//${parsed.host}`
  } catch {
    return redactText(url)
  }
}

/** Translates a failed connect. The cause is a copy without the token, which LiveKit puts into the text of a 401. */
export function joinError(thrown: unknown, url: string): UpstreamError {
  const text = redactText(toError(thrown).message)
  const failure = FAILURES.find(({ pattern }) => pattern.test(text)) ?? UNREACHABLE
  return new UpstreamError(
    failure.code,
    failure.say(shownUrl(url)),
    {
      service: 'livekit',
      retryable: failure.retryable,
      ...(failure.status === undefined ? {} : { status: failure.status }),
    },
    { cause: new Error(text) },
  )
}
