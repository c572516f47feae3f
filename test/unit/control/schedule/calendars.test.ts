import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, test } from 'vitest'
import { askFor, calendarOf, eventOf, read, startsOf } from '../../../support/calendars.js'

const fixture = (name: string) => readFileSync(new URL(`../../../fixtures/calendars/${name}.ics`, import.meta.url), 'utf8')
const LINK = 'LOCATION:https://meet.example.com/rooms/r'
const own = process.env['TZ']
const HOSTS = ['UTC', 'America/New_York', 'Asia/Kolkata', 'Pacific/Auckland']

/** Moves this host. */
function moveTo(zone: string) {
  process.env['TZ'] = zone
  // whoever cannot be moved would test nothing
  expect(new Date(Date.UTC(2026, 0, 1)).getHours()).toBe(
    { UTC: 0, 'America/New_York': 19, 'Asia/Kolkata': 5, 'Pacific/Auckland': 13 }[zone],
  )
}

afterEach(() => {
  if (own === undefined) delete process.env['TZ']
  else process.env['TZ'] = own
})

describe.each(HOSTS)('on a host in %s', (zone) => {
  test('a calendar of Google: exceptions, moved and cancelled instances, the end of summer time, whole days', () => {
    moveTo(zone)
    const { drafts, problems } = read(askFor(fixture('google'), '2026-03-20T00:00Z', '2026-04-20T00:00Z'))
    expect(problems).toEqual([])
    expect(drafts.map(({ startAt, endAt, title, room, isCancelled }) => [startAt, endAt.slice(11, 16), title, room, isCancelled])).toEqual([
      ['2026-03-23T08:30:00.000Z', '09:00', 'Stand-up, Team', 'stand up', false],
      ['2026-03-25T08:30:00.000Z', '09:00', 'Stand-up, Team', 'stand up', false],
      ['2026-03-30T07:30:00.000Z', '08:00', 'Stand-up, Team', 'stand up', false],
      ['2026-04-01T12:00:00.000Z', '13:00', 'Stand-up, moved', 'afternoon', false],
      ['2026-04-03T07:30:00.000Z', '08:00', 'Stand-up, Team', null, true],
      ['2026-04-06T07:30:00.000Z', '08:00', 'Stand-up, Team', 'stand up', false],
      ['2026-04-08T07:30:00.000Z', '08:00', 'Stand-up, Team', 'stand up', false],
    ])
    expect(drafts[0]?.vocabulary).toEqual(['Anna Weber', 'Dee: Lee'])
    expect(new Set(drafts.map(({ key }) => key)).size).toBe(7)
  })

  test('a calendar of Outlook: names of Windows, a zone of its own, safe links, an unknown zone is a problem and no guess', () => {
    moveTo(zone)
    const { drafts, problems } = read(askFor(fixture('outlook'), '2026-03-01T00:00Z', '2026-04-05T00:00Z'))
    const of = (title: string) => drafts.filter((draft) => draft.title === title)
    expect(startsOf(of('Quartal'))).toEqual(['2026-03-05T21:00', '2026-03-12T20:00', '2026-03-19T20:00'])
    expect(of('Quartal')[0]).toMatchObject({ room: 'quarter review', language: 'de' })
    expect(startsOf(of('Helsinki'))).toEqual([
      '2026-03-25T08:00',
      '2026-03-26T08:00',
      '2026-03-27T08:00',
      '2026-03-28T08:00',
      '2026-03-29T07:00',
      '2026-03-30T07:00',
    ])
    expect(of('Helsinki')[0]?.room).toBe('helsinki')
    expect(startsOf(of('Display'))).toEqual(['2026-03-30T06:00'])
    expect(of('Display')[0]).toMatchObject({ room: null, roomProblem: expect.stringContaining('no link to a room') as string })
    expect(of('Lost')).toEqual([])
    expect(problems).toEqual(['"Lost": its time zone "Middle Earth Standard Time" is not known'])
  })

  test('a calendar of Apple: the hour that comes twice, floating times, RDATE, an exception before its series', () => {
    moveTo(zone)
    const text = fixture('apple')
    const { drafts } = read(askFor(text, '2025-11-01T00:00Z', '2025-11-30T00:00Z', { timeZone: 'Europe/Paris' }))
    const of = (title: string) => drafts.filter((draft) => draft.title === title)
    // 01:30 comes twice on the second of November: the first is meant
    expect(of('Night shift').map(({ startAt, endAt }) => [startAt.slice(5, 16), endAt.slice(5, 16)])).toEqual([
      ['11-01T08:30', '11-02T10:00'],
      ['11-02T08:30', '11-03T10:00'],
      ['11-03T09:30', '11-04T10:00'],
    ])
    expect(of('Where we are')).toMatchObject([{ startAt: '2025-11-03T09:00:00.000Z', endAt: '2025-11-03T09:45:00.000Z', room: 'float' }])
    expect(startsOf(of('Three times'))).toEqual(['2025-11-04T18:00', '2025-11-05T20:00', '2025-11-06T20:00'])
    expect(startsOf(of('Pulled ahead'))).toEqual(['2025-11-07T17:00'])
    // the instance that was pulled ahead is not there a second time
    const later = read(askFor(text, '2025-11-25T00:00Z', '2025-12-20T00:00Z')).drafts
    expect(startsOf(later.filter(({ title }) => title === 'Monthly'))).toEqual([])
  })

  test.each([
    [
      'spring forward, the hour that is not there',
      'Europe/Berlin',
      '20260327T023000',
      '2026-03-27',
      ['03-27T01:30', '03-28T01:30', '03-29T01:30', '03-30T00:30'],
    ],
    [
      'fall back, the hour that comes twice',
      'Europe/Berlin',
      '20251024T023000',
      '2025-10-24',
      ['10-24T00:30', '10-25T00:30', '10-26T00:30', '10-27T01:30'],
    ],
    [
      'spring in the south',
      'Australia/Sydney',
      '20251003T023000',
      '2025-10-02',
      ['10-02T16:30', '10-03T16:30', '10-04T16:30', '10-05T15:30'],
    ],
    ['half an hour', 'Australia/Lord_Howe', '20260403T014500', '2026-04-02', ['04-02T14:45', '04-03T14:45', '04-04T14:45', '04-05T15:15']],
  ])('both edges of summer time: %s', (_, tz, start, day, expected) => {
    moveTo(zone)
    const text = calendarOf(...eventOf('edge', `DTSTART;TZID=${tz}:${start}`, 'DURATION:PT30M', 'RRULE:FREQ=DAILY;COUNT=4', LINK))
    const { drafts } = read(askFor(text, `${day}T00:00Z`, `${day.slice(0, 4)}-12-31T00:00Z`))
    expect(startsOf(drafts).map((at) => at.slice(5))).toEqual(expected)
  })
})
