import { WebAPIHTTPError, WebAPIPlatformError, WebAPIRateLimitedError } from '@slack/web-api'
import { UpstreamError, toError } from '../../../core/errors.js'

const UNAUTHORIZED = new Set([
  'invalid_auth',
  'not_authed',
  'account_inactive',
  'token_revoked',
  'token_expired',
  'no_permission',
  'org_login_required',
])
const CHANNEL = new Set(['channel_not_found', 'not_in_channel', 'is_archived', 'restricted_action', 'restricted_action_read_only_channel'])
const PASSING = new Set(['internal_error', 'fatal_error', 'request_timeout', 'service_unavailable', 'ratelimited', 'rate_limited'])

/**
 * Any failure of a call to Slack as an UpstreamError: one sentence that says how to put it right.
 * @param channel where we wanted to post, for the sentence
 */
export function slackError(thrown: unknown, channel: string): UpstreamError {
  const cause = { cause: thrown }
  if (thrown instanceof UpstreamError) return thrown
  if (thrown instanceof WebAPIRateLimitedError) {
    const facts = { service: 'slack', status: 429, retryable: true, retryAfterMs: thrown.retryAfter * 1000 }
    return new UpstreamError('slack_rate_limited', `Slack asks us to wait ${thrown.retryAfter} s`, facts, cause)
  }
  if (thrown instanceof WebAPIHTTPError) {
    const facts = { service: 'slack', status: thrown.statusCode, retryable: thrown.statusCode >= 500 }
    return new UpstreamError('slack_unreachable', `Slack answers with HTTP status ${thrown.statusCode}: check SLACK_API_URL`, facts, cause)
  }
  if (thrown instanceof WebAPIPlatformError) return platformError(thrown.data.error, thrown, channel)
  const facts = { service: 'slack', retryable: true }
  return new UpstreamError('slack_unreachable', `Slack cannot be reached: ${toError(thrown).message}`, facts, cause)
}

function platformError(error: string, cause: WebAPIPlatformError, channel: string): UpstreamError {
  const refused = (code: string, message: string) =>
    new UpstreamError(code, message, { service: 'slack', status: 200, retryable: false }, { cause })
  if (UNAUTHORIZED.has(error))
    return refused('slack_unauthorized', `Slack refuses the token (${error}): set SLACK_BOT_TOKEN to a valid bot token`)
  if (CHANNEL.has(error))
    return refused('slack_channel', `Slack refuses the channel ${channel} (${error}): check its name or id and invite the bot to it`)
  if (error === 'missing_scope') {
    const needed =
      'needed' in cause.data && typeof cause.data.needed === 'string'
        ? cause.data.needed
        : 'chat:write, files:write, channels:history, channels:read'
    return refused('slack_scope', `the Slack app lacks a scope (${needed}): add it and install the app again`)
  }
  if (PASSING.has(error)) {
    return new UpstreamError(
      'slack_unavailable',
      `Slack has a passing fault (${error})`,
      { service: 'slack', status: 200, retryable: true },
      { cause },
    )
  }
  return refused('slack_rejected', `Slack rejects the message (${error.slice(0, 100)})`)
}
