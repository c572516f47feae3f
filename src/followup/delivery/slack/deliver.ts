import type { WebClient } from '@slack/web-api'
import { backoffMs } from '../../../core/backoff.js'
import type { UpstreamError } from '../../../core/errors.js'
import type { MeetingId } from '../../../core/ids.js'
import type { Clock } from '../../../core/time.js'
import type { Logger } from '../../../observe/logger.js'
import type { MeetingStore } from '../../../records/port.js'
import type { DeliveryContent, DeliveryPort } from '../../port.js'
import { slackClient } from './client.js'
import { slackError } from './errors.js'
import { findInChannel, findInThread, metadataOf, type Found } from './find.js'
import { summaryMessage, transcriptMessages, type SlackMessage } from './message.js'
import { transcriptLines } from './text.js'

/** What a delivery to Slack needs. */
export interface SlackDeliveryOptions {
  readonly token: string
  /** where to post when the meeting names no channel: a name or an id; null posts nothing then */
  readonly channel: string | null
  /** another Web API, such as the stand-in's; default Slack's own */
  readonly apiUrl?: string
  readonly clock: Clock
  readonly logger: Logger
  readonly store: Pick<MeetingStore, 'deliveries' | 'intendDelivery' | 'markDelivered'>
  readonly random?: () => number
}

const DESTINATION = 'slack'
/** Tries in one run of the job; after that the queue tries again later. */
const TRIES = 3
const BACKOFF = { firstMs: 1_000, maxMs: 4_000 }
/** What Slack gets to finish a post whose connection broke, before we look whether it is there. */
const SETTLE_MS = 2_000
/** A longer wait is left to the queue. */
const MAX_WAIT_HERE_MS = 30_000
/** Our clock and Slack's may differ by this. */
const CLOCK_SKEW_SEC = 600

/**
 * Posts the summary into a channel and the transcript into its thread: each part once. The intention is
 * written before a post and the outcome after it; an intention without an outcome is looked for in Slack by
 * the message's metadata before anything is posted again.
 * `deliver` throws UpstreamError `slack_*`; its `retryable` says whether the queue may try again.
 */
export function createSlackDelivery(options: SlackDeliveryOptions): DeliveryPort {
  return {
    destination: DESTINATION,
    deliver: async (content, signal) => {
      const channel = content.meeting.slackChannel ?? options.channel
      if (channel === null) {
        options.logger.warn({ meeting: content.meeting.id }, 'no slack channel is set, nothing is posted')
        return
      }
      await new Run(options, slackClient(options.token, options.apiUrl, signal), content, channel, signal).all()
    },
  }
}

/** How to make and to find one part. */
interface Part {
  readonly name: string
  find(): Promise<Found | null>
  post(): Promise<Found>
}

class Run {
  readonly #options: SlackDeliveryOptions
  readonly #client: WebClient
  readonly #content: DeliveryContent
  readonly #channel: string
  readonly #signal: AbortSignal

  constructor(options: SlackDeliveryOptions, client: WebClient, content: DeliveryContent, channel: string, signal: AbortSignal) {
    this.#options = options
    this.#client = client
    this.#content = content
    this.#channel = channel
    this.#signal = signal
  }

  async all(): Promise<void> {
    const { meeting, transcript } = this.#content
    const name = 'summary'
    const thread = await this.#once({
      name,
      find: () => findInChannel(this.#client, this.#channel, this.#oldestSec(), meeting.id, name),
      post: () => this.#message(name, this.#channel, summaryMessage(this.#content), null),
    })
    if (transcript.segments.length === 0) return
    const messages = transcriptMessages(transcript)
    if (messages === null) {
      await this.#once(this.#file(thread))
      return
    }
    for (const [index, message] of messages.entries()) {
      const part = `transcript-${index + 1}`
      await this.#once({
        name: part,
        find: () => findInThread(this.#client, thread, meeting.id, part, null),
        post: () => this.#message(part, thread.channel, message, thread.ts),
      })
    }
  }

  /** Posts a part unless the ledger or Slack has it; tries a few times before it leaves the rest to the queue. */
  async #once(part: Part): Promise<Found> {
    const { store, logger } = this.#options
    const id: MeetingId = this.#content.meeting.id
    const known = (await store.deliveries(id)).find((one) => one.destination === DESTINATION && one.part === part.name)
    const before = parseReference(known?.state === 'sent' ? known.reference : null)
    if (before) return before
    // an intention from an earlier run means that the part may be there
    let isUnknown = known !== undefined
    if (!isUnknown) await store.intendDelivery(id, DESTINATION, part.name)
    for (let attempt = 0; ; attempt++) {
      this.#signal.throwIfAborted()
      try {
        const found = isUnknown ? await part.find() : null
        if (found) logger.info({ meeting: id, part: part.name }, 'an earlier slack post was found')
        isUnknown = true
        const posted = found ?? (await part.post())
        await store.markDelivered(id, DESTINATION, part.name, `${posted.channel}:${posted.ts}`)
        return posted
      } catch (thrown) {
        this.#signal.throwIfAborted()
        const error = slackError(thrown, this.#channel)
        const waitMs = this.#waitMs(error, attempt)
        if (!error.retryable || attempt + 1 >= TRIES || waitMs > MAX_WAIT_HERE_MS) throw error
        logger.warn({ meeting: id, part: part.name, err: error, waitMs }, 'slack call failed, will be tried again')
        await this.#options.clock.sleep(waitMs, this.#signal)
      }
    }
  }

  #waitMs(error: UpstreamError, attempt: number): number {
    const backoff = SETTLE_MS + backoffMs(BACKOFF, attempt, this.#options.random ?? Math.random)
    return Math.max(error.retryAfterMs ?? 0, backoff)
  }

  async #message(part: string, channel: string, message: SlackMessage, threadTs: string | null): Promise<Found> {
    const post = {
      channel,
      text: message.text,
      blocks: message.blocks,
      metadata: metadataOf(this.#content.meeting.id, part),
      unfurl_links: false,
      unfurl_media: false,
      ...(threadTs === null ? {} : { thread_ts: threadTs }),
    }
    // the rule means a window's postMessage
    // oxlint-disable-next-line unicorn/require-post-message-target-origin
    const answer = await this.#client.chat.postMessage(post)
    return { channel: answer.channel ?? channel, ts: answer.ts ?? '' }
  }

  /** A message with a file takes no metadata: it is known by the file's name, which holds the meeting's id. */
  #file(thread: Found): Part {
    const { meeting, transcript } = this.#content
    const filename = `transcript-${meeting.id}.txt`
    const name = 'transcript-file'
    return {
      name,
      find: () => findInThread(this.#client, thread, meeting.id, name, filename),
      post: async () => {
        const content = `${transcriptLines(transcript).join('\n')}\n`
        await this.#client.filesUploadV2({ channel_id: thread.channel, thread_ts: thread.ts, filename, title: 'Transcript', content })
        return thread
      },
    }
  }

  /** Nothing of ours is older than the meeting's end. */
  #oldestSec(): number {
    const { endedAt, createdAt } = this.#content.meeting
    return Math.max(0, Math.floor(Date.parse(endedAt ?? createdAt) / 1000) - CLOCK_SKEW_SEC)
  }
}

function parseReference(reference: string | null): Found | null {
  const [channel, ts] = reference?.split(':') ?? []
  return channel !== undefined && ts !== undefined ? { channel, ts } : null
}
