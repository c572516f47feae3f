import { slackClient } from './client.js'
import { slackError } from './errors.js'

/**
 * Looks whether Slack takes the token; posts nothing.
 * @param apiUrl null is Slack's own
 * @returns a sentence for people
 * @throws UpstreamError `slack_*`
 */
export async function checkSlack(token: string, apiUrl: string | null): Promise<string> {
  try {
    const client = slackClient(token, apiUrl ?? undefined, new AbortController().signal)
    const { team = '?', user = '?' } = await client.auth.test()
    return `Slack takes the token: ${user} in ${team}`
  } catch (thrown) {
    throw slackError(thrown, '')
  }
}
