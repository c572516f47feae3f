import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { contentLines } from '../../../../src/control/schedule/ics/lines.js'
import { bounded } from '../../../../src/control/schedule/ics/reading.js'
import { fixedZone, ianaZone, zoneOf } from '../../../../src/control/schedule/zone.js'
import { askFor, calendarOf, eventOf, read } from '../../../support/calendars.js'
import { draftAt } from '../../../support/schedule-requests.js'

const LINK = 'LOCATION:https://meet.example.com/rooms/r'
const ZONES = [
  'Europe/Berlin',
  'America/New_York',
  'America/St_Johns',
  'Australia/Lord_Howe',
  'Asia/Kolkata',
  'Pacific/Apia',
  'America/Santiago',
  'UTC',
]
const HOUR = 3_600_000
const zone = fc.constantFrom(...ZONES)
const instant = fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2035, 0) }).map((ms) => Math.floor(ms / 60_000) * 60_000)
const found = (name: string) => ianaZone(name) ?? fixedZone(name, 0)
const stamp = (ms: number) =>
  new Date(ms)
    .toISOString()
    .replace(/\.\d+Z$/, '')
    .replaceAll(/[-:]/g, '')

describe('zones', () => {
  test('an instant that is the only one of its wall time comes back from it', () => {
    fc.assert(
      fc.property(zone, instant, (name, ms) => {
        const { toWall, toInstant } = found(name)
        const back = toInstant(toWall(ms))
        // or it is the second of two: then the first comes back
        expect(back <= ms && toWall(back) === toWall(ms)).toBe(true)
      }),
    )
  })

  test('a later time on the wall is never an earlier instant, but over an hour that comes twice or not at all', () => {
    fc.assert(
      fc.property(zone, instant, fc.integer({ min: 1, max: 48 }), (name, ms, hours) => {
        const { toInstant } = found(name)
        expect(toInstant(ms + hours * HOUR + HOUR)).toBeGreaterThan(toInstant(ms))
      }),
    )
  })

  test('a fixed distance is the distance', () => {
    const plain = zoneOf('x', () => 90 * 60_000)
    expect([plain.toWall(0), plain.toInstant(0)]).toEqual([5_400_000, -5_400_000])
  })
})

describe('expansion', () => {
  test('a daily meeting is at its hour on the wall of its zone on every day of the window, once', () => {
    fc.assert(
      fc.property(zone, instant, fc.integer({ min: 0, max: 400 }), fc.integer({ min: 1, max: 30 }), (name, startMs, laterDays, days) => {
        const { toWall } = found(name)
        const wall = toWall(startMs)
        const fromMs = startMs + laterDays * 24 * HOUR
        const text = calendarOf(...eventOf('d', `DTSTART;TZID=${name}:${stamp(wall)}`, 'DURATION:PT30M', 'RRULE:FREQ=DAILY', LINK))
        const { drafts, problems } = read(askFor(text, new Date(fromMs).toISOString(), new Date(fromMs + days * 24 * HOUR).toISOString()))
        expect(problems).toEqual([])
        expect(drafts.length).toBeGreaterThanOrEqual(days - 1)
        expect(drafts.length).toBeLessThanOrEqual(days + 2)
        expect(new Set(drafts.map(({ key }) => key)).size).toBe(drafts.length)
        for (const { startAt } of drafts) {
          const minutes = (ms: number) => ((ms % (24 * HOUR)) + 24 * HOUR) % (24 * HOUR)
          const off = Math.abs(minutes(toWall(Date.parse(startAt))) - minutes(wall))
          // the one day without that hour has it an hour (or half of one) later; Apia once had no such day at all
          expect([0, HOUR / 2, HOUR, 23 * HOUR]).toContain(off)
        }
      }),
      { numRuns: 30 },
    )
  })

  test('two windows side by side hold what one window over both holds', () => {
    const rule = fc.constantFrom(
      'FREQ=DAILY',
      'FREQ=WEEKLY;BYDAY=MO,WE',
      'FREQ=DAILY;INTERVAL=3',
      'FREQ=WEEKLY;INTERVAL=2',
      'FREQ=MONTHLY;BYDAY=-1FR',
      'FREQ=DAILY;COUNT=40',
      'FREQ=HOURLY;INTERVAL=7',
    )
    fc.assert(
      fc.property(
        zone,
        instant,
        rule,
        fc.integer({ min: 0, max: 60 }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 20 }),
        (name, startMs, given, gap, first, second) => {
          const text = calendarOf(
            ...eventOf('w', `DTSTART;TZID=${name}:${stamp(found(name).toWall(startMs))}`, 'DURATION:PT1S', `RRULE:${given}`, LINK),
          )
          const at = (days: number) => new Date(startMs + (gap + days) * 24 * HOUR + 500).toISOString()
          const keys = (from: number, until: number) => read(askFor(text, at(from), at(until))).drafts.map(({ key }) => key)
          const halves = [...keys(0, first), ...keys(first, first + second)]
          expect([...new Set(halves)].sort()).toEqual(keys(0, first + second).sort())
        },
      ),
      { numRuns: 30 },
    )
  })

  test('whatever the text is, it is read or refused', () => {
    const piece = fc.oneof(
      fc.string({ maxLength: 40 }),
      fc.constantFrom(
        'BEGIN:VEVENT',
        'END:VEVENT',
        'BEGIN:VCALENDAR',
        'END:VCALENDAR',
        'RRULE:FREQ=DAILY',
        'DTSTART:20260301T090000Z',
        ' folded',
        'UID:__proto__',
        'EXDATE:,,',
        'RECURRENCE-ID:20260301T090000Z',
        'DTSTART;TZID=":":2026',
        'RDATE;VALUE=PERIOD:20260301T090000Z/PT1H',
        'BEGIN:VTIMEZONE',
        'TZID:x',
        'DURATION:-PT1H',
      ),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const { drafts, refused } = read(
          askFor(calendarOf(...eventOf('a', 'DTSTART:20260301T090000Z'), ...pieces), '2026-03-01T00:00Z', '2026-03-31T00:00Z'),
        )
        expect(refused === null || drafts.length === 0).toBe(true)
      }),
      { numRuns: 200 },
    )
  })

  test('folding a line anywhere changes nothing', () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 60 }).filter((text) => !/[\r\n]/.test(text)),
        fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 4 }),
        (value, cuts) => {
          const line = `DESCRIPTION;X="a;b:c":${value}`
          let folded = line
          // from the end, so that a cut is never in a fold
          for (const cut of [...new Set(cuts)].sort((a, b) => b - a)) folded = `${folded.slice(0, cut + 12)}\r\n ${folded.slice(cut + 12)}`
          expect(contentLines(folded).lines).toEqual(contentLines(line).lines)
        },
      ),
    )
  })

  test('of more than can be planned the first are kept, and it is said until when they are all', () => {
    const drafts = Array.from({ length: 700 }, (_, at) =>
      draftAt(`e/${at}`, (700 - at) * HOUR, at % 3 === 0 ? { room: null, roomProblem: 'none' } : {}),
    )
    const kept = bounded(drafts, 1e9)
    expect(kept.isCut).toBe(false)
    expect(kept.drafts.filter(({ room }) => room === null)).toHaveLength(100)
    const cut = bounded(
      Array.from({ length: 600 }, (_, at) => draftAt(`e/${at}`, at * HOUR)),
      1e12,
    )
    expect([cut.drafts.length, cut.untilMs, cut.isCut]).toEqual([500, 499 * HOUR, true])
  })
})
