import { describe, expect, test } from 'vitest'
import type { LiveEvent } from '../../../src/web/api/types.js'
import type { PageClock } from '../../../src/web/app/time.js'
import { LiveReader, type FeedStatus } from '../../../src/web/live/reader.js'

const segment = (id: string) => `id: ${id}\nevent: segment\ndata: {"id":"s${id}","identity":null,"startMs":0,"endMs":1,"text":"x"}\n\n`
const END = 'event: end\ndata: {"state":"done","reason":"stopped"}\n\n'

/** A clock whose pauses end at once and are written down. */
function rig(answers: readonly (() => Response | Promise<Response>)[]) {
  const waits: number[] = []
  let nowMs = 0
  const clock: PageClock = {
    nowMs: () => nowMs,
    after: () => () => undefined,
    every: () => () => undefined,
    pause: (ms) => {
      waits.push(ms)
      nowMs += ms
      return Promise.resolve()
    },
  }
  const asked: (string | null)[] = []
  const statuses: FeedStatus['kind'][] = []
  const events: LiveEvent[] = []
  const left = [...answers]
  const reader = new LiveReader({
    path: '/live',
    clock,
    random: () => 1,
    fetch: (_, init) => {
      asked.push(new Headers(init?.headers).get('last-event-id'))
      const next = left.shift()
      return next === undefined ? Promise.reject(new TypeError('nobody there')) : Promise.resolve(next())
    },
    onEvents: (some) => events.push(...some),
    onStatus: ({ kind }) => statuses.push(kind),
  })
  return { reader, waits, asked, statuses, events, passMs: (ms: number) => (nowMs += ms) }
}

const stream = (text: string, status = 200, headers: Record<string, string> = {}) => new Response(text, { status, headers })

describe('the reader of a live feed', () => {
  test('comes back with the last id after a cut, and ends with the meeting', async () => {
    const { reader, asked, statuses, events } = rig([() => stream(segment('1.0') + segment('2.0')), () => stream(segment('3.0') + END)])
    await reader.run()
    expect(asked).toEqual([null, '2.0'])
    expect(statuses).toEqual(['connecting', 'open', 'away', 'connecting', 'open', 'ended'])
    expect(events.map(({ kind }) => kind)).toEqual(['segment', 'segment', 'segment', 'end'])
  })

  test('waits longer and longer, at most ten seconds, and as long as the server asks', async () => {
    const cut = () => Promise.reject(new TypeError('cut'))
    const busy = () => stream('{"status":503,"code":"x","detail":"later"}', 503, { 'retry-after': '30' })
    const { reader, waits } = rig([cut, cut, cut, cut, cut, cut, busy, () => stream(END)])
    await reader.run()
    expect(waits).toEqual([750, 1250, 2250, 4250, 8250, 10_250, 30_000])
  })

  test('the wait is short again only after a connection that held', async () => {
    const cut = () => Promise.reject(new TypeError('cut'))
    const short = () => stream(segment('1.0'))
    const parts = rig([cut, cut, short, () => (parts.passMs(11_000), stream(segment('2.0'))), () => stream(END)])
    await parts.reader.run()
    expect(parts.waits).toEqual([750, 1250, 2250, 750])
  })

  test('does not try again what cannot succeed', async () => {
    for (const status of [401, 403, 404]) {
      const { reader, statuses, waits } = rig([() => stream('{}', status)])
      await reader.run()
      expect([statuses, waits]).toEqual([['connecting', 'failed'], []])
    }
  })

  test('after a close it says nothing more', async () => {
    const parts = rig([() => (parts.reader.close(), stream(segment('1.0')))])
    await parts.reader.run()
    expect(parts.statuses).toEqual(['connecting', 'open'])
  })
})
