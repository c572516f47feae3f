import { describe, expect, test } from 'vitest'
import { BehaviourPlan } from '../../../../src/standins/slack/behaviours.js'
import { renderPost } from '../../../../src/standins/slack/render.js'
import { Workspace, type SlackBlock } from '../../../../src/standins/slack/workspace.js'
import { ManualClock } from '../../../support/manual-clock.js'

const message = { threadTs: null, text: 'hello', blocks: [], metadata: undefined, files: [] }
const section = (text: string): SlackBlock => ({ type: 'section', text: { type: 'mrkdwn', text } })

describe('the workspace of the stand-in', () => {
  const workspace = () => new Workspace(new ManualClock(1_000_000), ['general', 'meetings'])

  test('finds channels by id, by name and by name with a hash', () => {
    const found = workspace()
    const id = found.channel('meetings').id
    expect(found.channel(id).name).toBe('meetings')
    expect(found.channel('#meetings').id).toBe(id)
    expect(() => found.channel('nowhere')).toThrow('channel_not_found')
  })

  test('gives every message a ts of its own, growing', () => {
    const place = workspace()
    const all = [1, 2, 3].map(() => place.post('general', message).ts)
    expect(new Set(all).size).toBe(3)
    expect(all).toEqual(all.toSorted())
  })

  test('refuses what Slack refuses', () => {
    const place = workspace()
    const post = (change: object) => () => place.post('general', { ...message, ...change })
    expect(post({ text: '' })).toThrow('no_text')
    expect(post({ text: 'x'.repeat(40_001) })).toThrow('msg_too_long')
    expect(post({ blocks: Array.from({ length: 51 }, () => section('x')) })).toThrow('invalid_blocks')
    expect(post({ blocks: [section('x'.repeat(3_001))] })).toThrow('invalid_blocks')
    expect(post({ blocks: [{ type: 'header', text: { type: 'plain_text', text: 'x'.repeat(151) } }] })).toThrow('invalid_blocks')
    expect(post({ blocks: Array.from({ length: 5 }, () => section('x'.repeat(3_000))) })).toThrow('msg_blocks_too_long')
    expect(post({ threadTs: '1.1' })).toThrow('thread_not_found')
  })

  test('an update keeps the place of a message', () => {
    const place = workspace()
    const { ts } = place.post('general', message)
    place.post('general', message)
    place.update('general', ts, { text: 'changed' })
    expect(place.posts.map(({ text }) => text)).toEqual(['changed', 'hello'])
    expect(() => place.update('general', '9.9', {})).toThrow('message_not_found')
  })

  test('keeps at most 10 000 messages, the newest', () => {
    const place = workspace()
    for (let n = 0; n <= 10_000; n++) place.post('general', { ...message, text: `m${n}` })
    expect(place.posts).toHaveLength(10_000)
    expect(place.posts[0]?.text).toBe('m1')
  })
})

test('rules are used up in order, those of another method are passed over', () => {
  const plan = new BehaviourPlan([
    { method: 'chat.postMessage', behaviour: { kind: 'drop_after' }, times: 2 },
    { method: '*', behaviour: { kind: 'http', status: 500 } },
  ])
  const kinds = ['chat.postMessage', 'auth.test', 'chat.postMessage', 'auth.test'].map((method) => plan.take(method)?.kind)
  expect(kinds).toEqual(['drop_after', 'http', 'drop_after', undefined])
})

test('a rendered post holds no control characters, no escapes and no marks', () => {
  const blocks = [
    section('*Bob* says &lt;b&gt; &amp; \u001b[31mred (_very_)'),
    { type: 'divider' },
    { type: 'context', elements: [{ text: 'a' }, { text: 'b' }] },
  ]
  const files = [{ id: 'F1', name: 'transcript.txt', title: 'T', content: 'né' }]
  const text = renderPost({ ...message, blocks, files, channel: 'C1', channelName: 'general', ts: '2.1', threadTs: '1.1' })
  expect(text).toContain('#general, in the thread of 1.1')
  expect(text).toContain('Bob says <b> & [31mred (very)')
  expect(text).toContain('a  b\n[file transcript.txt, 3 bytes]')
})
