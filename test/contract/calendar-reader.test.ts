import { afterEach, describe, expect, test } from 'vitest'
import { InputError, UpstreamError } from '../../src/core/errors.js'
import { systemClock } from '../../src/core/time.js'
import { CalendarReader, MAX_CALENDAR_CHARS } from '../../src/control/schedule/ics/calendar-reader.js'
import { eventKey } from '../../src/control/schedule/ics/expand.js'
import { askFor, calendarOf, eventOf, startsOf } from '../support/calendars.js'

const LINK = 'LOCATION:https://meet.example.com/rooms/r'
const [FROM, UNTIL] = ['2026-03-01T00:00Z', '2026-03-31T00:00Z']
const good = (uid: string) => eventOf(uid, `SUMMARY:${uid}`, 'DTSTART:20260302T090000Z', LINK)
/** A rule that is never true: looked for through centuries. */
const slow = (uid: string) => eventOf(uid, 'DTSTART:20260301T090000Z', 'RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30', LINK)
/** A pattern that is refused in the settings, for the limits alone. */
const RUNAWAY = String.raw`(?<room>(?:a+)+)$`

describe('calendars are read in a thread', () => {
  const readers: CalendarReader[] = []
  const newReader = (...given: ConstructorParameters<typeof CalendarReader> extends [unknown, (infer T)?] ? [T?] : never) => {
    const reader = new CalendarReader(systemClock, ...(given[0] === undefined ? [] : [given[0]]))
    readers.push(reader)
    return reader
  }
  afterEach(async () => {
    await Promise.all(readers.splice(0).map((reader) => reader.close()))
  })

  test('what it says is what comes back, in order, with its problems', async () => {
    const reading = await newReader().read(askFor(calendarOf(...good('b'), ...eventOf('x', 'SUMMARY:x', LINK), ...good('a')), FROM, UNTIL))
    expect(startsOf(reading.drafts)).toEqual(['2026-03-02T09:00', '2026-03-02T09:00'])
    expect(reading).toMatchObject({ problems: ['"x": it has no start'], unreadable: [eventKey('x')], untilMs: Date.parse(UNTIL) })
  })

  test('R1 an event that takes too long is left out and named, and the rest is read', async () => {
    const reader = newReader({ eventMs: 500, fileMs: 20_000, maxSlow: 3 })
    const reading = await reader.read(askFor(calendarOf(...good('a'), ...slow('hostile'), ...good('b')), FROM, UNTIL))
    expect(reading.drafts.map(({ title }) => title).toSorted()).toEqual(['a', 'b'])
    expect(reading.problems).toEqual(['event 2 takes too long to work out: it is left out'])
    expect(reading.unreadable).toEqual([eventKey('hostile')])
  })

  test('R1 a pattern that runs away costs its event and nothing else', async () => {
    const reader = newReader({ eventMs: 500, fileMs: 20_000, maxSlow: 3 })
    const text = calendarOf(...eventOf('redos', 'DTSTART:20260302T090000Z', `LOCATION:${'a'.repeat(40)}!`), ...good('b'))
    const reading = await reader.read(askFor(text, FROM, UNTIL, { patterns: [RUNAWAY, String.raw`rooms\/(?<room>\w+)`] }))
    expect(reading.drafts.map(({ title }) => title)).toEqual(['b'])
    expect(reading.unreadable).toEqual([eventKey('redos')])
  })

  test('R2 a file of nothing but such events is refused, after a bounded time', async () => {
    const reader = newReader({ eventMs: 250, fileMs: 20_000, maxSlow: 2 })
    const text = calendarOf(...Array.from({ length: 50 }, (_, at) => slow(`s${at}`)).flat())
    await expect(reader.read(askFor(text, FROM, UNTIL))).rejects.toThrow(/too many events that take too long/)
  })

  test('R2 a file that is too large is refused, the largest one is read', async () => {
    await expect(newReader().read(askFor('x'.repeat(MAX_CALENDAR_CHARS + 1), FROM, UNTIL))).rejects.toBeInstanceOf(InputError)
    // one in forty is still going on
    const startOf = (at: number) => (at % 40 === 0 ? '20260302T090000Z' : `20250${1 + (at % 9)}02T090000Z`)
    const events = Array.from({ length: 24_000 }, (_, at) =>
      eventOf(`e${at}`, `DTSTART:${startOf(at)}`, 'RRULE:FREQ=WEEKLY;COUNT=2', LINK),
    ).flat()
    const text = calendarOf(events.join('\r\n'))
    expect(text.length).toBeGreaterThan(MAX_CALENDAR_CHARS / 2)
    const reading = await newReader().read(askFor(text, FROM, UNTIL))
    expect(reading.drafts).toHaveLength(500)
    expect(reading.problems).toEqual(['it has more occurrences than are planned ahead: the first are taken'])
  }, 30_000)

  test('what is no calendar is refused', async () => {
    await expect(newReader().read(askFor('<html>', FROM, UNTIL))).rejects.toThrow(/this is no calendar/)
  })

  test('many at once wait for their turn, and all are read', async () => {
    const reader = newReader()
    const readings = await Promise.all(
      Array.from({ length: 8 }, (_, at) => reader.read(askFor(calendarOf(...good(`g${at}`)), FROM, UNTIL))),
    )
    expect(readings.map(({ drafts }) => drafts[0]?.title)).toEqual(['g0', 'g1', 'g2', 'g3', 'g4', 'g5', 'g6', 'g7'])
  })

  test('R3 closing ends what is under way, and nothing begins afterwards', async () => {
    const reader = newReader()
    const reading = reader.read(askFor(calendarOf(...slow('s')), FROM, UNTIL))
    const refused = expect(reading).rejects.toBeInstanceOf(UpstreamError)
    await reader.close()
    await refused
    await expect(reader.read(askFor(calendarOf(...good('a')), FROM, UNTIL))).rejects.toBeInstanceOf(UpstreamError)
  })
})
