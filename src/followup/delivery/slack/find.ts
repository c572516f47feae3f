import type { WebClient } from '@slack/web-api'
import { UpstreamError } from '../../../core/errors.js'
import type { MeetingId } from '../../../core/ids.js'

/** What every message of ours carries, so that it can be found again. */
export const EVENT_TYPE = 'roomscribe'
export const metadataOf = (meetingId: MeetingId, part: string) => ({
  event_type: EVENT_TYPE,
  event_payload: { meeting_id: meetingId, part },
})

/** Pages of messages that are looked through; a busier channel is an error, never a second post. */
const MAX_PAGES = 25
const PAGE_SIZE = 200

interface FoundMessage {
  readonly ts?: string | undefined
  readonly metadata?: { event_type?: string | undefined; event_payload?: { meeting_id?: unknown; part?: unknown } | undefined } | undefined
  readonly files?: readonly { id?: string | undefined; name?: string | null | undefined }[] | undefined
}

/** Where a message was looked for and is. */
export interface Found {
  readonly channel: string
  readonly ts: string
}

const isPart = (message: FoundMessage, meetingId: MeetingId, part: string): boolean => {
  const payload = message.metadata?.event_payload
  return message.metadata?.event_type === EVENT_TYPE && payload?.meeting_id === meetingId && payload.part === part
}

/** Looks for a part in the channel's history since `oldestSec`. */
export async function findInChannel(
  client: WebClient,
  channel: string,
  oldestSec: number,
  meetingId: MeetingId,
  part: string,
): Promise<Found | null> {
  const id = await channelId(client, channel)
  const ts = await firstMatch(
    (cursor) =>
      client.conversations.history({ channel: id, oldest: String(oldestSec), include_all_metadata: true, limit: PAGE_SIZE, ...cursor }),
    (message) => isPart(message, meetingId, part),
  )
  return ts === null ? null : { channel: id, ts }
}

/** Looks for a part, or for a file by its name, in a thread. @param thread its first message; the channel by id */
export async function findInThread(
  client: WebClient,
  thread: Found,
  meetingId: MeetingId,
  part: string,
  fileName: string | null,
): Promise<Found | null> {
  const ts = await firstMatch(
    (cursor) =>
      client.conversations.replies({ channel: thread.channel, ts: thread.ts, include_all_metadata: true, limit: PAGE_SIZE, ...cursor }),
    (message) => (fileName === null ? isPart(message, meetingId, part) : (message.files ?? []).some((file) => file.name === fileName)),
  )
  return ts === null ? null : { channel: thread.channel, ts }
}

interface Page {
  readonly messages?: readonly FoundMessage[] | undefined
  readonly response_metadata?: { next_cursor?: string | undefined } | undefined
}

async function firstMatch(
  fetchPage: (cursor: { cursor?: string }) => Promise<Page>,
  matches: (message: FoundMessage) => boolean,
): Promise<string | null> {
  let cursor: { cursor?: string } = {}
  for (let page = 0; page < MAX_PAGES; page++) {
    const { messages = [], response_metadata } = await fetchPage(cursor)
    const found = messages.find(matches)
    if (found?.ts !== undefined) return found.ts
    const next = response_metadata?.next_cursor ?? ''
    if (next === '') return null
    cursor = { cursor: next }
  }
  throw new UpstreamError(
    'slack_unknown_outcome',
    'an earlier post may have arrived, and the channel has too many messages to find out: look for it and deliver by hand',
    { service: 'slack', retryable: false },
  )
}

/** History wants an id; a name is looked up among the channels that the bot can see. */
async function channelId(client: WebClient, channel: string): Promise<string> {
  if (/^[CGD][A-Z0-9]{7,}$/.test(channel)) return channel
  const name = channel.replace(/^#/, '')
  let cursor: { cursor?: string } = {}
  for (let page = 0; page < MAX_PAGES; page++) {
    const listed = await client.conversations.list({
      exclude_archived: true,
      limit: PAGE_SIZE,
      types: 'public_channel,private_channel',
      ...cursor,
    })
    const found = listed.channels?.find((one) => one.name === name)
    if (found?.id !== undefined) return found.id
    const next = listed.response_metadata?.next_cursor ?? ''
    if (next === '') break
    cursor = { cursor: next }
  }
  throw new UpstreamError('slack_channel', `Slack has no channel ${channel}: check its name and invite the bot to it`, {
    service: 'slack',
    retryable: false,
  })
}
