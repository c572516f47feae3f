import { LogLevel, WebClient, type Logger as SlackLogger } from '@slack/web-api'

/** Slack's client logs bodies, which hold what people said: it says nothing, our errors carry what matters. */
const mute: SlackLogger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  setLevel: () => undefined,
  setName: () => undefined,
  getLevel: () => LogLevel.ERROR,
}

const TIMEOUT_MS = 15_000

/**
 * A client that tries each call once: a repeated post may be a second post, so repeating is decided where the
 * ledger is. Aborting `signal` cuts the call that is under way.
 */
export function slackClient(token: string, apiUrl: string | undefined, signal: AbortSignal): WebClient {
  return new WebClient(token, {
    ...(apiUrl === undefined ? {} : { slackApiUrl: apiUrl.endsWith('/') ? apiUrl : `${apiUrl}/` }),
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    timeout: TIMEOUT_MS,
    logger: mute,
    fetch: (url, init) => fetch(url, { ...init, signal: init?.signal ? AbortSignal.any([init.signal, signal]) : signal }),
  })
}
