import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { asIdentity, trackKey } from '../../../../../src/core/ids.js'
import { type SlotState, TrackBook } from '../../../../../src/live/room/livekit/track-book.js'
import type { TrackAction, TrackEvent } from '../../../../../src/live/room/livekit/track-events.js'

const anna = asIdentity('anna')
const KEY = trackKey(anna, 'microphone')
const limits = { tailMs: 100, holdMs: 300, maxPerKey: 4, askAgainMs: 5_000, lateMs: 6_000, rejoinMs: 20_000 }

const publish = (sid: string, muted = false): TrackEvent => ({ kind: 'published', sid, identity: anna, source: 'microphone', muted })
const learnt = (sinceMs: number): TrackEvent => ({
  kind: 'published',
  sid: 'A',
  identity: anna,
  source: 'microphone',
  muted: false,
  sinceMs,
})
const on = (kind: 'refused' | 'subscribed' | 'unsubscribed' | 'unpublished' | 'muted' | 'unmuted', sid = 'A'): TrackEvent => ({ kind, sid })
const gone = (certain: boolean): TrackEvent => ({ kind: 'gone', identity: anna, certain })
const back: TrackEvent = { kind: 'back', identity: anna }
const reconnecting: TrackEvent = { kind: 'reconnecting' }
const reconnected: TrackEvent = { kind: 'reconnected' }
const tick: TrackEvent = { kind: 'tick' }

/** Short form of actions: what a reader of the table wants to see. */
function short(action: TrackAction): string {
  if ('sid' in action) return `${action.kind} ${action.sid}`
  return action.kind === 'ended' ? `ended ${action.why}` : action.kind
}

function run(book: TrackBook, ...steps: [atMs: number, event: TrackEvent][]): string[] {
  return steps.flatMap(([atMs, event]) => book.apply(event, atMs)).map(short)
}

/** Publication A in each state; B is another microphone of the same person, muted, unless an event says more. */
const PATHS: Record<SlotState['kind'], [number, TrackEvent][]> = {
  idle: [
    [0, publish('A', true)],
    [0, on('subscribed')],
  ],
  open: [
    [0, publish('A')],
    [0, on('subscribed')],
  ],
  tail: [
    [0, publish('A')],
    [0, on('subscribed')],
    [0, on('muted')],
  ],
  ending: [
    [0, publish('A')],
    [0, on('subscribed')],
    [0, on('unsubscribed')],
  ],
}

type Cell = readonly [after: SlotState['kind'], ...actions: string[]]
type EventName = TrackEvent['kind'] | 'gone for good' | 'tick late'

const EVENTS: Record<EventName, [number, TrackEvent]> = {
  published: [10, publish('B', true)],
  refused: [10, on('refused')],
  subscribed: [10, on('subscribed')],
  unsubscribed: [10, on('unsubscribed')],
  unpublished: [10, on('unpublished')],
  muted: [10, on('muted')],
  unmuted: [10, on('unmuted')],
  gone: [10, gone(false)],
  'gone for good': [10, gone(true)],
  back: [10, back],
  reconnecting: [10, reconnecting],
  reconnected: [10, reconnected],
  tick: [10, tick],
  'tick late': [500, tick],
}

const TABLE: Record<SlotState['kind'], Record<EventName, Cell>> = {
  idle: {
    published: ['idle', 'subscribe B'],
    refused: ['idle'],
    subscribed: ['idle'],
    unsubscribed: ['idle'],
    unpublished: ['idle', 'forget A'],
    muted: ['idle'],
    unmuted: ['open', 'open A', 'started'],
    gone: ['idle', 'forget A'],
    'gone for good': ['idle', 'forget A'],
    back: ['idle'],
    reconnecting: ['idle'],
    reconnected: ['idle'],
    tick: ['idle'],
    'tick late': ['idle'],
  },
  open: {
    published: ['open', 'subscribe B'],
    refused: ['open'],
    subscribed: ['open'],
    unsubscribed: ['ending', 'close'],
    unpublished: ['ending', 'close', 'forget A'],
    muted: ['tail'],
    unmuted: ['open'],
    gone: ['ending', 'close', 'forget A'],
    'gone for good': ['idle', 'close', 'forget A', 'ended left'],
    back: ['open'],
    reconnecting: ['open'],
    reconnected: ['open'],
    tick: ['open'],
    'tick late': ['open'],
  },
  tail: {
    published: ['tail', 'subscribe B'],
    refused: ['tail'],
    subscribed: ['tail'],
    unsubscribed: ['ending', 'close'],
    unpublished: ['ending', 'close', 'forget A'],
    muted: ['tail'],
    unmuted: ['open'],
    gone: ['ending', 'close', 'forget A'],
    'gone for good': ['idle', 'close', 'forget A', 'ended left'],
    back: ['tail'],
    reconnecting: ['tail'],
    reconnected: ['tail'],
    tick: ['tail'],
    'tick late': ['idle', 'close', 'ended muted'],
  },
  ending: {
    published: ['ending', 'subscribe B'],
    refused: ['ending'],
    subscribed: ['open', 'ended revoked', 'open A', 'started'],
    unsubscribed: ['ending'],
    unpublished: ['ending', 'forget A'],
    muted: ['ending'],
    unmuted: ['ending'],
    gone: ['ending', 'forget A'],
    'gone for good': ['idle', 'forget A', 'ended left'],
    back: ['idle', 'ended unpublished'],
    reconnecting: ['idle', 'ended reconnecting'],
    reconnected: ['ending', 'subscribe A'],
    tick: ['ending'],
    'tick late': ['idle', 'ended revoked'],
  },
}

describe('table', () => {
  for (const [state, row] of Object.entries(TABLE) as [SlotState['kind'], Record<EventName, Cell>][]) {
    test.each(Object.entries(row) as [EventName, Cell][])(`${state} × %s`, (name, [after, ...actions]) => {
      const book = new TrackBook(limits)
      run(book, ...PATHS[state])
      expect(book.stateOf(KEY)).toBe(state)
      expect(run(book, EVENTS[name])).toEqual(actions)
      expect(book.stateOf(KEY)).toBe(after)
    })
  }
})

describe('rules', () => {
  test('T1 the newest unmuted microphone is heard, the one before is taken up when it goes', () => {
    const book = new TrackBook(limits)
    run(book, [0, publish('A')], [0, on('subscribed')])
    expect(run(book, [10, publish('B')])).toEqual(['subscribe B'])
    expect(run(book, [20, on('subscribed', 'B')])).toEqual(['close', 'ended superseded', 'open B', 'started'])
    expect(run(book, [30, on('muted', 'A')], [30, on('unmuted', 'A')])).toEqual([])
    expect(run(book, [40, on('unsubscribed', 'B')])).toEqual(['close', 'ended superseded', 'open A', 'started'])
  })

  test('T1 the other microphone is heard after the tail of a muted one', () => {
    const book = new TrackBook(limits)
    run(book, [0, publish('A')], [0, on('subscribed')], [0, publish('B')], [0, on('subscribed', 'B')])
    expect(run(book, [10, on('muted', 'B')], [109, tick])).toEqual([])
    expect(book.deadlineMs).toBe(110)
    expect(run(book, [110, tick])).toEqual(['close', 'ended muted', 'open A', 'started'])
  })

  test('T2 a mute storm within the tail neither closes nor opens anything', () => {
    const book = new TrackBook(limits)
    run(book, ...PATHS.open)
    const storm = Array.from({ length: 50 }, (_, i): [number, TrackEvent] => [i * 20, on(i % 2 === 0 ? 'muted' : 'unmuted')])
    expect(run(book, ...storm)).toEqual([])
    expect(book.stateOf(KEY)).toBe('open')
  })

  test.each([
    ['unsubscribed, then nothing', [], 'revoked'],
    ['unsubscribed, unpublished', [on('unpublished')], 'unpublished'],
    ['unsubscribed, unpublished, out of sight', [on('unpublished'), gone(false)], 'left'],
  ] as [string, TrackEvent[], string][])('T3 %s: the end is told after the hold', (_what, events, why) => {
    const book = new TrackBook(limits)
    run(book, ...PATHS.ending)
    const done = run(book, ...events.map((event): [number, TrackEvent] => [0, event]), [299, tick])
    expect(done.filter((action) => action !== 'forget A')).toEqual([])
    expect(run(book, [300, tick])).toEqual([`ended ${why}`])
    expect(book.deadlineMs).toBe(why === 'revoked' ? limits.askAgainMs : Infinity)
  })

  test('T3 a double of the same person ends as unpublished and starts again with new ids', () => {
    const book = new TrackBook(limits)
    run(book, ...PATHS.open)
    expect(run(book, [5, on('unsubscribed')], [5, on('unpublished')], [5, gone(false)])).toEqual(['close', 'forget A'])
    expect(run(book, [5, back], [5, publish('B')])).toEqual(['ended unpublished', 'subscribe B'])
    expect(run(book, [180, on('subscribed', 'B')])).toEqual(['open B', 'started'])
  })

  test('T3 torn down after `reconnecting` it ends at once', () => {
    const book = new TrackBook(limits)
    run(book, ...PATHS.open, [5, reconnecting])
    expect(run(book, [9, on('unsubscribed')])).toEqual(['close', 'ended reconnecting'])
  })

  test('T4 the fifth microphone of a key waits for a place', () => {
    const book = new TrackBook(limits)
    expect(run(book, ...['A', 'B', 'C', 'D', 'E'].map((sid): [number, TrackEvent] => [0, publish(sid, true)]))).toEqual(
      ['A', 'B', 'C', 'D'].map((sid) => `subscribe ${sid}`),
    )
    expect(run(book, [1, on('unpublished', 'B')])).toEqual(['forget B', 'subscribe E'])
  })

  test('T5 what was asked for while reconnecting is asked for again', () => {
    const book = new TrackBook(limits)
    run(book, [0, reconnecting])
    expect(run(book, [1, publish('A')], [2, reconnected])).toEqual(['subscribe A', 'subscribe A'])
  })

  test('T7 an unmuted track without a place is refused until it is heard, muted or gone', () => {
    const book = new TrackBook(limits)
    expect(run(book, [0, publish('A')], [0, on('refused')])).toEqual(['subscribe A', 'refused'])
    expect(run(book, [5, on('refused')], [6, on('unmuted')], [7, tick])).toEqual([])
    expect(run(book, [10, on('muted')], [20, on('muted')], [30, on('unmuted')])).toEqual(['unrefused', 'refused'])
    expect(run(book, [40, on('subscribed')])).toEqual(['open A', 'started'])
    expect(run(book, [50, on('muted')], [150, tick], [160, on('unmuted')])).toEqual(['close', 'ended muted', 'open A', 'started'])

    const other = new TrackBook(limits)
    run(other, [0, publish('A')], [0, on('refused')])
    expect(run(other, [5, gone(true)])).toEqual(['forget A', 'unrefused'])
    run(other, [6, publish('A')], [6, on('refused')])
    expect(run(other, [7, on('unpublished')])).toEqual(['forget A', 'unrefused'])
  })

  test('T7 a person who is heard by another microphone is not refused, until that one goes', () => {
    const book = new TrackBook(limits)
    run(book, ...PATHS.open)
    expect(run(book, [10, publish('B')], [10, on('refused', 'B')])).toEqual(['subscribe B'])
    expect(run(book, [20, on('muted')])).toEqual([])
    expect(run(book, [120, tick])).toEqual(['close', 'ended muted', 'refused'])
    expect(run(book, [130, on('unmuted')])).toEqual(['open A', 'started'])
    expect(run(book, [140, on('unpublished')], [440, tick])).toEqual(['close', 'forget A', 'ended unpublished', 'refused'])
  })

  test('T7 a track that was heard once is not refused when it is revoked', () => {
    const book = new TrackBook(limits)
    run(book, [0, publish('A')], [0, on('refused')], [10, on('subscribed')])
    expect(run(book, [20, on('unsubscribed')], [320, tick])).toEqual(['close', 'ended revoked'])
  })

  test('T8 what was never asked for is not forgotten', () => {
    const book = new TrackBook({ ...limits, maxPerKey: 1 })
    expect(run(book, [0, publish('A')], [0, publish('B')])).toEqual(['subscribe A'])
    expect(run(book, [1, on('unpublished', 'B')], [2, on('unpublished', 'A')], [3, gone(true)])).toEqual(['forget A'])
  })

  test('T9 an open microphone that does not come is asked for again, is refused after a while, and is heard when it comes', () => {
    const book = new TrackBook(limits)
    run(book, [0, publish('A')])
    expect(book.deadlineMs).toBe(5_000)
    expect(run(book, [4_999, tick], [5_000, tick], [5_999, tick])).toEqual(['again A'])
    expect(book.deadlineMs).toBe(6_000)
    expect(book.apply(tick, 6_000)).toMatchObject([{ kind: 'refused', why: 'not_received', forMs: 6_000, track: { key: KEY } }])
    expect(book.deadlineMs).toBe(10_000)
    expect(run(book, [9_999, tick], [10_000, tick])).toEqual(['again A'])
    expect(run(book, [11_000, on('subscribed')])).toEqual(['open A', 'started'])
    expect(book.deadlineMs).toBe(Infinity)
    // revoked: counted from here
    expect(run(book, [60_000, on('unsubscribed')], [60_300, tick], [65_000, tick])).toEqual(['close', 'ended revoked', 'again A'])
    expect(book.apply(tick, 66_000)).toMatchObject([{ kind: 'refused', why: 'not_received', forMs: 6_000 }])
    expect(run(book, [66_100, on('muted')], [90_000, tick])).toEqual(['unrefused'])
    expect(run(book, [90_000, on('unmuted')], [94_999, tick])).toEqual([])
    expect(run(book, [95_000, tick])).toEqual(['again A'])
  })

  /** Since when what starts now was awaited. */
  const awaitedMs = (book: TrackBook, event: TrackEvent, atMs: number) =>
    book.apply(event, atMs).flatMap((action) => (action.kind === 'started' ? [action.sinceMs] : []))

  test('T9 what has been open for long when it is learnt of is refused at once, for so long; so is what was muted as far as is known', () => {
    const book = new TrackBook(limits)
    expect(book.apply(learnt(4_000), 20_000)).toMatchObject([
      { kind: 'subscribe', sid: 'A' },
      { kind: 'refused', why: 'not_received', forMs: 16_000 },
      { kind: 'again', sid: 'A' },
    ])
    const other = new TrackBook(limits)
    run(other, [0, publish('A', true)])
    expect(other.isMuted('A')).toBe(true)
    expect(other.apply(learnt(4_000), 20_000)).toMatchObject([{ kind: 'refused', forMs: 16_000 }, { kind: 'again' }])
    expect([other.isMuted('A'), other.isMuted('B')]).toEqual([false, true])
  })

  test('T9 what starts says since when it should have come: from its publishing, its unmuting, its loss, or the reconnect on', () => {
    const book = new TrackBook(limits)
    run(book, [1_000, publish('A')])
    expect(awaitedMs(book, on('subscribed'), 4_000)).toEqual([1_000])
    run(book, [5_000, on('muted')], [5_100, tick])
    expect(awaitedMs(book, on('unmuted'), 60_000)).toEqual([60_000])
    run(book, [70_000, on('unsubscribed')])
    expect(awaitedMs(book, on('subscribed'), 74_000)).toEqual([70_000])

    const muted = new TrackBook(limits)
    run(muted, [0, publish('A', true)], [3_000, on('unmuted')])
    expect(awaitedMs(muted, on('subscribed'), 4_000)).toEqual([3_000])

    const torn = new TrackBook(limits)
    run(torn, [0, publish('A')], [100, reconnecting], [9_000, reconnected])
    expect(awaitedMs(torn, on('subscribed'), 9_200)).toEqual([9_000])
  })

  test('T9 nothing is missed while the person is heard by another microphone, however long this one is open', () => {
    const book = new TrackBook({ ...limits, lateMs: 1_500 })
    run(book, [0, publish('A')], [100, on('subscribed')], [200, publish('B')])
    // it does not come, and there is nothing to be done about that but to ask again
    expect(book.deadlineMs).toBe(200 + limits.askAgainMs)
    expect(awaitedMs(book, on('subscribed', 'B'), 4_000)).toEqual([4_000])
    run(book, [9_000, on('muted', 'B')])
    expect(awaitedMs(book, tick, 9_100)).toEqual([9_100])

    const other = new TrackBook({ ...limits, lateMs: 1_500 })
    run(other, [0, publish('A')], [100, on('subscribed')], [200, publish('B')], [4_000, on('muted')])
    expect(run(other, [4_100, tick], [5_599, tick])).toEqual(['close', 'ended muted', 'again B'])
    expect(other.deadlineMs).toBe(5_600)
    expect(other.apply(tick, 5_600)).toMatchObject([{ kind: 'refused', why: 'not_received', forMs: 1_500 }])
  })

  test('T9 nothing is missed while it is muted, waits for a place, or the connection is being restored', () => {
    const book = new TrackBook(limits)
    run(book, [0, publish('A', true)], [0, publish('B')], [0, on('refused', 'B')])
    expect([book.deadlineMs, ...run(book, [25_000, tick])]).toEqual([Infinity])
    const other = new TrackBook(limits)
    run(other, [0, publish('A')], [4_000, reconnecting])
    expect([other.deadlineMs, ...run(other, [25_000, tick])]).toEqual([Infinity])
    expect(run(other, [26_000, reconnected], [30_999, tick])).toEqual(['subscribe A'])
    expect(run(other, [31_000, tick], [32_000, tick])).toEqual(['again A', 'refused'])
  })

  test('T9 a connection on which nothing comes of what was asked for is given up, once', () => {
    const book = new TrackBook(limits)
    run(book, [0, publish('A')], [5_000, tick], [10_000, tick], [15_000, tick])
    expect(run(book, [19_999, tick], [20_000, tick])).toEqual(['again A', 'rejoin'])
    expect(run(book, [25_000, tick])).toEqual(['again A'])
  })

  test('T9 one on which anything else is heard is not', () => {
    const book = new TrackBook(limits)
    run(book, [0, publish('A')], [0, { ...publish('B'), identity: asIdentity('bob') } as TrackEvent], [1, on('subscribed', 'B')])
    expect(run(book, [5_000, tick], [10_000, tick], [15_000, tick], [20_000, tick], [60_000, tick])).not.toContain('rejoin')
  })

  test('events of unknown tracks and people are nothing', () => {
    const book = new TrackBook(limits)
    expect(run(book, [0, on('muted')], [0, on('unpublished')], [0, on('subscribed')], [0, gone(true)], [0, back])).toEqual([])
  })

  test('T6 T7 T8 whatever happens in whatever order: started and ended alternate, so do refused and its end; one stream is open while started', () => {
    const sid = fc.constantFrom('A', 'B', 'C')
    const event: fc.Arbitrary<TrackEvent> = fc.oneof(
      fc.tuple(sid, fc.boolean()).map(([id, muted]) => publish(id, muted)),
      fc
        .tuple(fc.constantFrom('refused', 'subscribed', 'unsubscribed', 'unpublished', 'muted', 'unmuted'), sid)
        .map(([kind, id]) => on(kind, id)),
      fc.boolean().map((certain) => gone(certain)),
      fc.constantFrom(back, reconnecting, reconnected, tick),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(200), event), { maxLength: 60 }), (steps) => {
        const book = new TrackBook({ ...limits, lateMs: 1_500 })
        let nowMs = 0
        let isOpen = false
        let isStarted = false
        let isRefused = false
        const asked = new Set<string>()
        const apply = (change: TrackEvent) => {
          for (const action of book.apply(change, nowMs)) {
            const { kind } = action
            if (action.kind === 'subscribe') asked.add(action.sid)
            if (action.kind === 'forget') expect(asked.delete(action.sid)).toBe(true)
            if (kind === 'refused') expect([isStarted, isRefused]).toEqual([false, false])
            if (kind === 'unrefused') expect([isStarted, isRefused]).toEqual([false, true])
            isRefused = kind === 'refused' || (isRefused && kind !== 'unrefused' && kind !== 'started')
            if (kind === 'open') expect(isOpen).toBe(false)
            if (kind === 'close') expect(isOpen).toBe(true)
            if (kind === 'started') expect([isOpen, isStarted]).toEqual([true, false])
            if (kind === 'ended') expect([isOpen, isStarted]).toEqual([false, true])
            isOpen = kind === 'open' || (isOpen && kind !== 'close')
            isStarted = kind === 'started' || (isStarted && kind !== 'ended')
          }
          expect(book.deadlineMs).toBeGreaterThan(nowMs)
        }
        for (const [waitMs, change] of steps) {
          nowMs += waitMs
          apply(tick)
          apply(change)
        }
        nowMs += 10_000
        apply(gone(true))
        apply(tick)
        expect([isOpen, isStarted, isRefused, asked.size, book.size]).toEqual([false, false, false, 0, 0])
      }),
      { numRuns: 2_000 },
    )
  })
})
