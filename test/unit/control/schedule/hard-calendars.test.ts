import { describe, expect, test } from 'vitest'
import { eventKey } from '../../../../src/control/schedule/ics/expand.js'
import { askFor, calendarOf, eventOf, read, startsOf } from '../../../support/calendars.js'

const LINK = 'LOCATION:https://meet.example.com/rooms/r'
const march = (...lines: readonly string[]) => read(askFor(calendarOf(...lines), '2026-03-01T00:00Z', '2026-03-31T00:00Z'))

describe('recurrence', () => {
  test.each([
    ['a UNTIL that is a day takes in the day', ['RRULE:FREQ=DAILY;UNTIL=20260303'], ['01', '02', '03']],
    ['a UNTIL at the time of an instance takes it in', ['RRULE:FREQ=DAILY;UNTIL=20260303T090000Z'], ['01', '02', '03']],
    ['a UNTIL in a far zone is an instant', ['RRULE:FREQ=DAILY;UNTIL=20260303T085959Z'], ['01', '02']],
    ['EXDATE as a day takes the instance of that day out', ['RRULE:FREQ=DAILY;COUNT=3', 'EXDATE;VALUE=DATE:20260302'], ['01', '03']],
    [
      'EXDATE in another zone is the same instant',
      ['RRULE:FREQ=DAILY;COUNT=3', 'EXDATE;TZID=America/New_York:20260302T040000'],
      ['01', '03'],
    ],
    ['several EXDATE in one line', ['RRULE:FREQ=DAILY;COUNT=4', 'EXDATE:20260302T090000Z,20260303T090000Z'], ['01', '04']],
    ['an EXDATE of nothing takes nothing out', ['RRULE:FREQ=DAILY;COUNT=2', 'EXDATE:20260302T091500Z'], ['01', '02']],
    ['the second Tuesday of every month', ['RRULE:FREQ=MONTHLY;BYDAY=2TU'], ['10']],
    ['every other week', ['RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,TH;WKST=MO'], ['01', '12', '15', '26', '29']],
    ['the first working day', ['RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1'], ['02']],
    ['lower case and a trailing semicolon', ['RRULE:freq=daily;count=2;'], ['01', '02']],
  ])('%s', (_, lines, days) => {
    const { drafts, problems } = march(...eventOf('r', 'DTSTART:20260301T090000Z', 'DURATION:PT1H', LINK, ...lines))
    expect(problems).toEqual([])
    expect(startsOf(drafts)).toEqual(days.map((day) => `2026-03-${day}T09:00`))
  })

  test('E3 EXDATE is stronger than an exception of the same instance', () => {
    const { drafts } = march(
      ...eventOf('e', 'DTSTART:20260301T090000Z', 'RRULE:FREQ=DAILY;COUNT=2', 'EXDATE:20260302T090000Z', LINK),
      ...eventOf('e', 'RECURRENCE-ID:20260302T090000Z', 'DTSTART:20260302T120000Z', LINK),
    )
    expect(startsOf(drafts)).toEqual(['2026-03-01T09:00'])
  })

  test('E4 the highest SEQUENCE counts, of equal ones the last', () => {
    const { drafts } = march(
      ...eventOf('s', 'SEQUENCE:2', 'DTSTART:20260301T100000Z', 'SUMMARY:two', LINK),
      ...eventOf('s', 'SEQUENCE:1', 'DTSTART:20260301T110000Z', 'SUMMARY:one', LINK),
      ...eventOf('s', 'SEQUENCE:2', 'DTSTART:20260301T120000Z', 'SUMMARY:two again', LINK),
    )
    expect(drafts.map(({ title }) => title)).toEqual(['two again'])
  })

  test('an exception named by its day stands for the instance of that day', () => {
    const { drafts } = march(
      ...eventOf('d', 'DTSTART;TZID=Asia/Tokyo:20260301T080000', 'RRULE:FREQ=DAILY;COUNT=2', LINK),
      ...eventOf('d', 'RECURRENCE-ID;VALUE=DATE:20260302', 'DTSTART;TZID=Asia/Tokyo:20260302T200000', LINK),
    )
    expect(startsOf(drafts)).toEqual(['2026-03-02T11:00'])
  })

  test('an instance keeps its key when it is moved, and a single event when it is', () => {
    const before = march(
      ...eventOf('k', 'DTSTART:20260301T090000Z', 'RRULE:FREQ=DAILY;COUNT=2', LINK),
      ...eventOf('one', 'DTSTART:20260303T090000Z', LINK),
    )
    const after = march(
      ...eventOf('k', 'DTSTART:20260301T090000Z', 'RRULE:FREQ=DAILY;COUNT=2', LINK),
      ...eventOf('k', 'RECURRENCE-ID:20260302T090000Z', 'DTSTART:20260305T150000Z', LINK),
      ...eventOf('one', 'DTSTART:20260309T090000Z', LINK),
    )
    expect(new Set(after.drafts.map(({ key }) => key))).toEqual(new Set(before.drafts.map(({ key }) => key)))
    expect(startsOf(after.drafts)).toEqual(['2026-03-01T09:00', '2026-03-05T15:00', '2026-03-09T09:00'])
  })

  test('what has begun and is not over is there', () => {
    const { drafts } = read(
      askFor(
        calendarOf(...eventOf('n', 'DTSTART:20260301T230000Z', 'DTEND:20260302T010000Z', 'RRULE:FREQ=DAILY', LINK)),
        '2026-03-02T00:30Z',
        '2026-03-03T12:00Z',
      ),
    )
    expect(startsOf(drafts)).toEqual(['2026-03-01T23:00', '2026-03-02T23:00'])
  })

  test('a cancelled series, and a calendar that cancels, are cancelled as a whole', () => {
    const event = eventOf('c', 'STATUS:cancelled', 'DTSTART:20260301T090000Z', 'RRULE:FREQ=DAILY;COUNT=2', LINK)
    expect(march(...event).drafts.map(({ isCancelled }) => isCancelled)).toEqual([true, true])
    expect(march('METHOD:CANCEL', ...eventOf('c', 'DTSTART:20260301T090000Z', LINK)).drafts).toMatchObject([{ isCancelled: true }])
  })
})

describe('what is wrong', () => {
  test('E6 an event that cannot be read is a problem, what is planned of it stays, and the others are read', () => {
    const { drafts, problems, unreadable } = march(
      ...eventOf('good', 'DTSTART:20260301T090000Z', LINK),
      ...eventOf('bad', 'SUMMARY:Bad', 'DTSTART:20260231T090000Z', LINK),
      ...eventOf('worse', 'SUMMARY:Worse', 'DTSTART:20260301T090000Z', 'RRULE:FREQ=SOMETIMES', LINK),
      'this is no line',
      ';;;',
    )
    expect(startsOf(drafts)).toEqual(['2026-03-01T09:00', '2026-03-01T09:00'])
    expect(problems).toEqual([
      '"Bad": DTSTART is no time',
      '"Worse": its recurrence rule cannot be read',
      expect.stringMatching(/^2 lines cannot be read/),
    ])
    expect(unreadable).toEqual([eventKey('bad'), eventKey('worse')])
  })

  test.each([
    ['', 'this is no calendar: BEGIN:VCALENDAR is missing'],
    ['<!doctype html><p>log in</p>', 'this is no calendar: BEGIN:VCALENDAR is missing'],
    ['BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:x\r\n', 'the calendar ends in the middle: END:VCALENDAR is missing'],
    [`BEGIN:VCALENDAR\r\n${'BEGIN:VEVENT\r\n'.repeat(1_000)}`, 'the calendar ends in the middle: END:VCALENDAR is missing'],
  ])('a text that is no whole calendar is refused (%#)', (text, problem) => {
    expect(read(askFor(text, '2026-03-01T00:00Z', '2026-03-31T00:00Z'))).toMatchObject({ drafts: [], refused: problem })
  })

  test.each([
    ['every second', 'FREQ=SECONDLY', 'it repeats more often than every hour'],
    ['every minute', 'FREQ=MINUTELY;COUNT=1000000', 'it repeats more often than every hour'],
    ['every second of every day', `FREQ=DAILY;BYHOUR=${[...Array(24).keys()].join(',')};BYMINUTE=0,1,2`, 'it repeats too often'],
    ['an interval of nothing', 'FREQ=DAILY;INTERVAL=0', 'the INTERVAL of its recurrence rule is not from 1 to 10000'],
    ['a count without end', 'FREQ=DAILY;COUNT=99999999', 'the COUNT of its recurrence rule is not from 1 to 100000'],
    ['a rule of a page', `FREQ=DAILY;BYMONTHDAY=${'1,'.repeat(300)}1`, 'its recurrence rule is too long'],
    ['a rule said twice', 'FREQ=DAILY;FREQ=WEEKLY', 'its recurrence rule cannot be read'],
  ])('a hostile rule is a problem: %s', (_, rule, problem) => {
    const { drafts, problems } = march(...eventOf('h', 'SUMMARY:H', 'DTSTART:20260301T090000Z', `RRULE:${rule}`, LINK))
    expect(problems).toEqual([`"H": ${problem}`])
    expect(drafts.length).toBeLessThanOrEqual(1)
  })

  test('a daily rule of long ago, and one with a large count, cost nothing', () => {
    const { drafts, problems } = march(
      ...eventOf('old', 'DTSTART:19700101T090000Z', 'RRULE:FREQ=DAILY', LINK),
      ...eventOf('count', 'DTSTART:19700101T100000Z', 'RRULE:FREQ=DAILY;COUNT=100000', LINK),
      ...eventOf('over', 'DTSTART:19700101T110000Z', 'RRULE:FREQ=DAILY;COUNT=20000', LINK),
    )
    expect(problems).toEqual([])
    expect(drafts).toHaveLength(60)
  })

  test('keys of prototypes, names of thousands of characters and lines of megabytes are texts', () => {
    const { drafts } = march(
      ...['__proto__', 'constructor', 'toString', ''].flatMap((uid) =>
        eventOf(uid, 'DTSTART:20260301T090000Z', LINK, '__PROTO__:x', 'HASOWNPROPERTY:x'),
      ),
      ...eventOf('x'.repeat(100_000), 'DTSTART:20260301T090000Z', `DESCRIPTION:${'%'.repeat(1_000_000)}`, LINK),
    )
    expect(drafts).toHaveLength(5)
    expect(drafts.every(({ key }) => key.length < 60)).toBe(true)
    expect(({} as Record<string, unknown>)['x']).toBeUndefined()
  })
})
