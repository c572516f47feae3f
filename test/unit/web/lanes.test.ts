import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bars, lanes, ticks } from '../../../src/web/timeline/lanes.js'
import { bodyOf, emptyDraft, isWhole } from '../../../src/web/schedules/draft.js'

const WIDTH = 800

describe('the picture of who spoke when', () => {
  test('has never more bars than pixels, in order, within the picture, and covers every run', () => {
    const run = fc.tuple(fc.nat({ max: 10_000_000 }), fc.nat({ max: 60_000 })).map(([fromMs, ms]) => ({ fromMs, toMs: fromMs + ms }))
    fc.assert(
      fc.property(fc.array(run, { maxLength: 300 }), (runs) => {
        const durationMs = 10_060_000
        const found = bars(runs, durationMs, WIDTH)
        expect(found.length).toBeLessThanOrEqual(WIDTH)
        let end = -1
        for (const bar of found) {
          expect(bar.x).toBeGreaterThanOrEqual(end)
          expect(bar.x + bar.width).toBeLessThanOrEqual(WIDTH + 2)
          end = bar.x
        }
        for (const one of runs) expect(found.some((bar) => bar.fromMs <= one.fromMs && one.toMs <= bar.toMs)).toBe(true)
      }),
    )
  })

  test('puts who spoke most first, and keeps who was only missed', () => {
    const found = lanes(
      {
        durationMs: 10_000,
        speech: [
          { identity: 'a', name: 'A', fromMs: 0, toMs: 1000 },
          { identity: 'b', name: 'B', fromMs: 1000, toMs: 5000 },
        ],
        gaps: [
          { identity: 'c', fromMs: 0, toMs: 500, reason: 'reconnecting' },
          { identity: 'c', fromMs: 100, toMs: 600, reason: 'not_received' },
        ],
        sessions: [],
      },
      WIDTH,
    )
    expect(found.map(({ identity, talkMs }) => [identity, talkMs])).toEqual([
      ['b', 4000],
      ['a', 1000],
      ['c', 0],
    ])
    expect(found[2]?.gaps.map(({ reason }) => reason)).toEqual(['reconnecting', 'not_received'])
  })

  test('has round moments on its axis, apart enough to be read', () => {
    expect(ticks(75_000, 700)).toEqual([0, 10_000, 20_000, 30_000, 40_000, 50_000, 60_000, 70_000])
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40_000_000 }), fc.integer({ min: 200, max: 2000 }), (ms, width) => {
        expect(ticks(ms, width).length).toBeLessThanOrEqual(width / 80 + 1)
      }),
    )
  })
})

describe('the form of a schedule', () => {
  const draft = emptyDraft('Europe/Berlin')
  const toIso = (local: string) => `${local}:00Z`

  test('leaves out what was left empty', () => {
    expect(bodyOf({ ...draft, room: ' a ', startAt: '2026-11-23T09:00' }, toIso)).toEqual({
      kind: 'once',
      room: 'a',
      startAt: '2026-11-23T09:00:00Z',
      durationSec: 3600,
    })
    expect(bodyOf({ ...draft, kind: 'cron', room: 'a', cron: '0 9 * * 1', minutes: '' }, toIso)).toEqual({
      kind: 'cron',
      room: 'a',
      cron: '0 9 * * 1',
      timeZone: 'Europe/Berlin',
    })
    expect(bodyOf({ ...draft, kind: 'ics', url: 'https://x' }, toIso)).toEqual({ kind: 'ics', url: 'https://x', timeZone: 'Europe/Berlin' })
  })

  test('is whole when the server can say something about it', () => {
    expect(isWhole(draft)).toBe(false)
    expect(isWhole({ ...draft, room: 'a', startAt: '2026-11-23T09:00' })).toBe(true)
    expect(isWhole({ ...draft, kind: 'cron', room: 'a' })).toBe(true)
    expect([isWhole({ ...draft, kind: 'ics' }), isWhole({ ...draft, kind: 'ics', ics: 'BEGIN' })]).toEqual([false, true])
  })
})
