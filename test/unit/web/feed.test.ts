import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { LiveEvent, Meeting } from '../../../src/web/api/types.js'
import { LiveFeed, MAX_ROWS } from '../../../src/web/live/feed.js'
import { toLiveEvent } from '../../../src/web/live/event.js'

const partial = (id: string, text: string, startMs = 1000): LiveEvent => ({
  kind: 'partial',
  partial: { id, identity: 'anna', name: 'Anna', startMs, endMs: startMs + 500, text },
})
const segment = (id: string, utterance: string, text: string, startMs = 1000): LiveEvent => ({
  kind: 'segment',
  segment: { id, seq: 1, utterance, identity: 'anna', name: 'Anna', startMs, endMs: startMs + 500, text },
})
const activity = (speaking: readonly string[], waiting: readonly string[] = []): LiveEvent => ({ kind: 'activity', speaking, waiting })
const texts = (feed: LiveFeed): string[] => feed.rows.map((row) => (row.kind === 'caption' ? row.text : row.reason))
const keys = (feed: LiveFeed): string[] => feed.rows.map(({ key }) => key)

function fed(...events: LiveEvent[]): LiveFeed {
  const feed = new LiveFeed()
  for (const event of events) feed.apply(event)
  return feed
}

describe('the live feed', () => {
  test('F1 a final takes the place and the key of its partial', () => {
    const before = fed(partial('u1', 'good'), partial('u2', 'yes', 2000))
    const [key] = keys(before)
    before.apply(segment('s1', 'u1', 'Good morning.'))
    expect(texts(before)).toEqual(['Good morning.', 'yes'])
    expect(keys(before)[0]).toBe(key)
  })

  test('F1 a partial that comes after its final changes nothing', () => {
    const feed = fed(segment('s1', 'u1', 'Good morning.'))
    expect(feed.apply(partial('u1', 'good'))).toBe(false)
    expect(texts(feed)).toEqual(['Good morning.'])
  })

  test('F1 an utterance that becomes two segments keeps both', () => {
    const feed = fed(partial('u1', 'a b'), segment('s1', 'u1', 'a'), segment('s2', 'u1', 'b', 1200))
    expect(texts(feed)).toEqual(['a', 'b'])
    expect(new Set(keys(feed)).size).toBe(2)
  })

  test('an empty partial removes the one of its id', () => {
    expect(texts(fed(partial('u1', 'hm'), partial('u1', '')))).toEqual([])
  })

  test('F2 F3 in any order and with doubles, each segment stands once, and the order is that of their beginnings', () => {
    const events = fc.array(fc.nat({ max: 30 }), { maxLength: 60 })
    fc.assert(
      fc.property(events, (numbers) => {
        const feed = new LiveFeed()
        for (const n of numbers) feed.apply(segment(`s${n}`, `u${n}`, `t${n}`, n * 1000))
        const expected = [...new Set(numbers)].toSorted((a, b) => a - b).map((n) => `t${n}`)
        expect(texts(feed)).toEqual(expected)
      }),
    )
  })

  test('F3 a final that begins elsewhere than its partial said does not move', () => {
    const feed = fed(partial('u1', 'a', 1000), partial('u2', 'b', 2000))
    feed.apply(segment('s1', 'u1', 'a', 2500))
    expect(texts(feed)).toEqual(['a', 'b'])
  })

  test('F4 keeps the newest rows and counts those that went', () => {
    const feed = new LiveFeed()
    for (let n = 0; n < MAX_ROWS + 50; n++) feed.apply(segment(`s${n}`, `u${n}`, String(n), n * 1000))
    expect(feed.rows.length).toBe(MAX_ROWS)
    expect(feed.dropped).toBe(50)
    expect(texts(feed)[0]).toBe('50')
  })

  test('F5 who speaks is who has words coming, until the server tells; from then on it is who it tells, whatever words come', () => {
    const feed = fed(partial('u1', 'good'))
    expect([feed.speaking, feed.waiting]).toEqual([['anna'], []])
    expect(feed.apply(activity(['bashir'], ['chiara']))).toBe(true)
    expect([feed.speaking, feed.waiting]).toEqual([['bashir'], ['chiara']])
    feed.apply(activity([]))
    feed.apply(partial('u1', 'good morning'))
    expect([feed.speaking, feed.waiting]).toEqual([[], []])
  })

  test('F5 after a break nobody speaks or waits until it is told again', () => {
    const feed = fed(activity(['anna'], ['chiara']))
    feed.forgetPassing()
    feed.apply(partial('u1', 'good'))
    expect([feed.speaking, feed.waiting]).toEqual([[], []])
    const untold = fed(partial('u1', 'good'))
    untold.forgetPassing()
    untold.apply(partial('u1', 'good'))
    expect(untold.speaking).toEqual(['anna'])
  })

  test('F2 the same activity again changes nothing, and each difference does', () => {
    const feed = fed(activity([]))
    const told = [activity([]), activity(['anna']), activity(['anna']), activity(['anna'], ['anna']), activity(['bashir'], ['anna'])]
    expect(told.map((event) => feed.apply(event))).toEqual([false, true, false, true, true])
    expect(new LiveFeed().apply(activity([]))).toBe(true)
  })

  test('after its end nobody speaks, and what was not final is gone', () => {
    const meeting = { id: 'm', state: 'live', participants: [] } as unknown as Meeting
    const feed = fed({ kind: 'state', meeting }, partial('u1', 'good'), { kind: 'end', state: 'done', reason: 'stopped' })
    expect([feed.rows, feed.speaking, feed.isOver, feed.meeting?.state]).toEqual([[], [], true, 'done'])
  })

  test('what is no whole event of ours is none', () => {
    const bodies = [
      '',
      '{',
      'null',
      '[]',
      '{}',
      '{"id":1}',
      '{"id":"x","state":"odd","participants":[]}',
      '{"identity":"a","fromMs":"0","toMs":1,"reason":"x"}',
      '{"speaking":["a"]}',
      '{"speaking":["a"],"waiting":[1]}',
    ]
    for (const event of ['state', 'partial', 'segment', 'gap', 'activity', 'end', 'unheard-of']) {
      expect(bodies.map((body) => toLiveEvent(event, body))).toEqual(bodies.map(() => null))
    }
  })
})
