import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createSlackDelivery } from '../../src/followup/delivery/slack/deliver.js'
import { checkSlack } from '../../src/followup/delivery/slack/check.js'
import type { DeliveryContent } from '../../src/followup/port.js'
import type { TranscriptDocument } from '../../src/live/transcript/segment.js'
import { silentLogger } from '../../src/observe/logger.js'
import type { SlackRule } from '../../src/standins/slack/behaviours.js'
import { renderPost } from '../../src/standins/slack/render.js'
import { startSlackStandin, type SlackStandin } from '../../src/standins/slack/server.js'
import { systemClock, type Clock } from '../../src/core/time.js'
import { endedMeeting, transcriptOf } from '../support/meeting-content.js'
import { MemoryStore } from '../support/memory-store.js'

const short = transcriptOf([
  ['Alice Chen', 'We decided to ship on Friday.'],
  ['Bob', 'I will <!channel> write the notes & send them.'],
])
const long = transcriptOf(
  Array.from({ length: 400 }, (_, n) => ['Alice Chen', `Sentence number ${n} with a good many words in it, so that it fills the page.`]),
)

/** Waits are skipped and noted: nothing here needs the time itself. */
class HurriedClock implements Clock {
  readonly waits: number[] = []
  nowMs = () => systemClock.nowMs()
  monotonicMs = () => systemClock.monotonicMs()
  after = (ms: number, run: () => void) => systemClock.after(ms, run)
  every = (ms: number, run: () => void) => systemClock.every(ms, run)
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.waits.push(ms)
    return signal?.aborted ? Promise.reject(signal.reason as Error) : Promise.resolve()
  }
}

describe('delivery to Slack by the real client', () => {
  let slack: SlackStandin
  let store: MemoryStore
  let clock: HurriedClock
  beforeEach(async () => {
    slack = await startSlackStandin()
    store = new MemoryStore(() => systemClock.nowMs())
    clock = new HurriedClock()
  })
  afterEach(() => slack.close())

  async function contentOf(transcript: TranscriptDocument): Promise<DeliveryContent> {
    const meeting = await endedMeeting(store)
    const line = { text: 'We decided to ship on Friday.', owner: null, segmentIds: ['s1'] }
    const summary = {
      meetingId: meeting.id,
      model: 'test',
      createdAt: meeting.createdAt,
      sections: [{ kind: 'decisions' as const, lines: [line] }],
    }
    return { meeting, transcript, summary, segments: [] }
  }
  const delivery = (token = 'xoxb-test', channel: string | null = '#meetings') =>
    createSlackDelivery({ token, channel, apiUrl: slack.url, clock, logger: silentLogger, store, random: () => 0.5 })
  const deliver = (content: DeliveryContent) => delivery().deliver(content, new AbortController().signal)
  const partsOf = async (content: DeliveryContent) =>
    (await store.deliveries(content.meeting.id)).map(({ part, state }) => `${part} ${state}`)

  test('a short transcript goes into the thread of the summary, escaped', async () => {
    const content = await contentOf(short)
    await deliver(content)
    const [summary, thread, ...rest] = slack.posts()
    expect(rest).toEqual([])
    expect(summary?.threadTs).toBeNull()
    expect(thread?.threadTs).toBe(summary?.ts)
    expect(JSON.stringify(thread?.blocks)).toContain('&lt;!channel&gt; write the notes &amp; send them.')
    expect(await partsOf(content)).toEqual(['summary sent', 'transcript-1 sent'])
    const [record] = await store.deliveries(content.meeting.id)
    expect(record?.reference).toBe(`${summary?.channel}:${summary?.ts}`)
  })

  test('a long transcript goes into the thread as a text file that holds every line', async () => {
    const content = await contentOf(long)
    await deliver(content)
    const [, thread, ...rest] = slack.posts()
    expect(rest).toEqual([])
    expect(thread?.files[0]?.name).toBe(`transcript-${content.meeting.id}.txt`)
    expect(thread?.files[0]?.content.trim().split('\n')).toHaveLength(400)
    expect(await partsOf(content)).toEqual(['summary sent', 'transcript-file sent'])
  })

  test('delivering again posts nothing', async () => {
    const content = await contentOf(short)
    await deliver(content)
    await deliver(content)
    expect(slack.posts()).toHaveLength(2)
  })

  const faults: Record<string, SlackRule> = {
    'a connection dropped after the post': { method: 'chat.postMessage', behaviour: { kind: 'drop_after' } },
    'a connection dropped before the post': { method: 'chat.postMessage', behaviour: { kind: 'drop_before' } },
    'a 429 with Retry-After': { method: 'chat.postMessage', behaviour: { kind: 'rate_limit', retryAfterSec: 7 } },
    'an HTTP 503': { method: 'chat.postMessage', behaviour: { kind: 'http', status: 503 } },
    'a history that drops too': { method: '*', behaviour: { kind: 'drop_after' }, times: 2 },
  }
  for (const [title, rule] of Object.entries(faults)) {
    test(`after ${title} every part is posted once`, async () => {
      slack.behave(rule)
      const content = await contentOf(short)
      await deliver(content)
      expect(slack.posts()).toHaveLength(2)
      expect(await partsOf(content)).toEqual(['summary sent', 'transcript-1 sent'])
    })
  }

  test('after an upload dropped at its end the file is posted once', async () => {
    slack.behave({ method: 'files.completeUploadExternal', behaviour: { kind: 'drop_after' } })
    await deliver(await contentOf(long))
    expect(slack.posts()).toHaveLength(2)
  })

  test('a part posted by a run that died is found by the next run', async () => {
    const content = await contentOf(short)
    slack.behave({ method: 'chat.postMessage', behaviour: { kind: 'drop_after' } })
    slack.behave({ method: 'conversations.list', behaviour: { kind: 'drop_before' }, times: 2 })
    await expect(deliver(content)).rejects.toMatchObject({ code: 'slack_unreachable', retryable: true })
    expect(slack.posts()).toHaveLength(1)
    await deliver(content)
    expect(slack.posts()).toHaveLength(2)
    expect(slack.posts()[1]?.threadTs).toBe(slack.posts()[0]?.ts)
  })

  test('a long Retry-After is left to the queue', async () => {
    slack.behave({ method: 'chat.postMessage', behaviour: { kind: 'rate_limit', retryAfterSec: 600 } })
    await expect(deliver(await contentOf(short))).rejects.toMatchObject({
      code: 'slack_rate_limited',
      retryable: true,
      retryAfterMs: 600_000,
    })
    expect(clock.waits).toEqual([])
  })

  test('Retry-After is waited for', async () => {
    slack.behave({ method: 'chat.postMessage', behaviour: { kind: 'rate_limit', retryAfterSec: 7 } })
    await deliver(await contentOf(short))
    expect(clock.waits).toEqual([7_000])
  })

  const refusals: Record<string, string> = {
    channel_not_found: 'slack_channel',
    not_in_channel: 'slack_channel',
    invalid_auth: 'slack_unauthorized',
    token_revoked: 'slack_unauthorized',
    missing_scope: 'slack_scope',
    msg_blocks_too_long: 'slack_rejected',
  }
  for (const [error, code] of Object.entries(refusals)) {
    test(`${error} is ${code}, at the first try, not to be repeated`, async () => {
      slack.behave({ method: 'chat.postMessage', behaviour: { kind: 'error', error }, times: 9 })
      await expect(deliver(await contentOf(short))).rejects.toMatchObject({ code, retryable: false })
      expect(slack.calls('chat.postMessage')).toBe(1)
    })
  }

  test('a wrong token and an unknown channel are told apart by the server itself', async () => {
    const content = await contentOf(short)
    const { signal } = new AbortController()
    await expect(delivery('wrong').deliver(content, signal)).rejects.toMatchObject({ code: 'slack_unauthorized' })
    const other = { ...content, meeting: { ...content.meeting, slackChannel: 'nowhere' } }
    await expect(delivery().deliver(other, signal)).rejects.toMatchObject({ code: 'slack_channel' })
    await expect(checkSlack('wrong', slack.url)).rejects.toMatchObject({ code: 'slack_unauthorized' })
    expect(await checkSlack('xoxb-test', slack.url)).toContain('roomscribe')
  })

  test('without a channel nothing is posted', async () => {
    await delivery('xoxb-test', null).deliver(await contentOf(short), new AbortController().signal)
    expect(slack.calls('chat.postMessage')).toBe(0)
  })

  test('an aborted delivery rejects with the reason', async () => {
    const reason = new Error('closing')
    await expect(delivery().deliver(await contentOf(short), AbortSignal.abort(reason))).rejects.toBe(reason)
    expect(slack.posts()).toEqual([])
  })

  test('with outcomes unknown at random no part is posted twice and none is missing', async () => {
    let seed = 7
    const random = () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647
    for (let meeting = 0; meeting < 40; meeting++) {
      await slack.close()
      slack = await startSlackStandin()
      store = new MemoryStore(() => systemClock.nowMs())
      const content = await contentOf(short)
      for (let run = 0; run < 200; run++) {
        const kind = random() < 0.5 ? 'drop_after' : 'drop_before'
        if (random() < 0.6) slack.behave({ method: '*', behaviour: { kind } })
        const done = await deliver(content).then(
          () => true,
          () => false,
        )
        if (done) break
      }
      expect(slack.posts().map((post) => post.threadTs === null)).toEqual([true, false])
    }
  })
})

describe('the Slack stand-in', () => {
  test('renders a post as plain text', async () => {
    const slack = await startSlackStandin()
    const store = new MemoryStore()
    const meeting = await endedMeeting(store)
    const section = { kind: 'actions' as const, lines: [{ text: 'Write <b> & send', owner: 'Bob', segmentIds: ['s2'] }] }
    const summary = { meetingId: meeting.id, model: 'test', createdAt: meeting.createdAt, sections: [section] }
    const delivery = createSlackDelivery({
      token: 'xoxb-1',
      channel: 'general',
      apiUrl: slack.url,
      clock: systemClock,
      logger: silentLogger,
      store,
    })
    await delivery.deliver({ meeting, transcript: short, summary, segments: [] }, new AbortController().signal)
    const [post] = slack.posts()
    await slack.close()
    const text = post ? renderPost(post) : ''
    expect(text).toContain('#general')
    expect(text).toContain('WEEKLY SYNC')
    expect(text).toContain('Transcript: complete')
    expect(text).toContain('• Bob: Write <b> & send (0:04)')
  })
})
