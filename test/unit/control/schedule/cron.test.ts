import { afterEach, describe, expect, test } from 'vitest'
import { cronProblem, cronTimes } from '../../../../src/control/schedule/cron.js'
import { feedAddress, shownUrl } from '../../../../src/control/schedule/shown-url.js'
import { readSettings } from '../../../../src/app/config/settings.js'

const own = process.env['TZ']
afterEach(() => {
  if (own === undefined) delete process.env['TZ']
  else process.env['TZ'] = own
})
const times = (pattern: string, zone: string, from: string, days: number) => {
  const fromMs = Date.parse(from)
  return cronTimes(pattern, zone, fromMs, fromMs + days * 86_400_000).times.map((ms) => new Date(ms).toISOString().slice(5, 16))
}

describe.each(['UTC', 'America/New_York', 'Pacific/Auckland'])('cron on a host in %s', (host) => {
  test('goes by the clock of its zone over both edges of summer time', () => {
    process.env['TZ'] = host
    expect(times('30 9 * * 1-5', 'Europe/Berlin', '2026-03-26T00:00Z', 6)).toEqual([
      '03-26T08:30',
      '03-27T08:30',
      '03-30T07:30',
      '03-31T07:30',
    ])
    expect(times('30 9 * * *', 'Europe/Berlin', '2026-10-24T00:00Z', 3)).toEqual(['10-24T07:30', '10-25T08:30', '10-26T08:30'])
  })

  test('an hour that is not there is made up for once, one that comes twice is taken once', () => {
    process.env['TZ'] = host
    const spring = times('30 2 * * *', 'Europe/Berlin', '2026-03-28T00:00Z', 3)
    expect(spring).toHaveLength(3)
    // at the end of the hour that is left out
    expect(spring[1]).toBe('03-29T01:00')
    const autumn = times('30 2 * * *', 'Europe/Berlin', '2026-10-24T00:00Z', 3)
    expect(autumn).toEqual(['10-24T00:30', '10-25T00:30', '10-26T01:30'])
  })
})

test('what comes too often, never, or is no pattern is said so', () => {
  const problem = (pattern: string) => cronProblem(pattern, 'UTC', Date.UTC(2026, 0))
  expect(problem('*/5 9-17 * * 1-5')).toBeNull()
  expect(problem('@daily')).toBeNull()
  expect(problem('*/4 * * * *')).toMatch(/five minutes/)
  expect(problem('0 0 30 2 *')).toBe('never comes to pass')
  for (const pattern of ['', 'x', '0 9', '61 * * * *', '0 9 * * * * *', '0 9 * * 1-', '💥'])
    expect(problem(pattern)).toMatch(/no cron pattern/)
  expect(problem('0 '.repeat(100))).toMatch(/100 characters/)
})

test('of more times than are planned ahead the first are taken, and it is said', () => {
  const fromMs = Date.UTC(2026, 0)
  const { times: found, isCut } = cronTimes('*/5 * * * *', 'UTC', fromMs, fromMs + 35 * 86_400_000)
  expect([found.length, isCut, new Date(found.at(-1) ?? 0).toISOString()]).toEqual([500, true, '2026-01-02T17:40:00.000Z'])
})

test('of the address of a feed nothing is shown but who serves it', () => {
  expect(shownUrl('https://calendar.google.com/calendar/ical/x/private-0123abc/basic.ics')).toBe('https://calendar.google.com/[redacted]')
  expect(shownUrl('https://ann:hush@x.example:8443/?token=hush#hush')).toBe('https://x.example:8443/[redacted]')
  expect(shownUrl('https://x.example')).toBe('https://x.example')
  expect(shownUrl('nonsense')).toBe('[redacted]')
})

test('webcal: is https:', () => {
  expect(feedAddress(' webcal://x.example/a ')).toBe('https://x.example/a')
  expect(feedAddress('WEBCALS://x.example/a')).toBe('https://x.example/a')
  expect(feedAddress('http://x.example/a')).toBe('http://x.example/a')
})

test('patterns of the settings may hold commas, and one that may not be used is named', () => {
  const read = (ROOMSCRIBE_ROOM_PATTERNS: string) => readSettings({ HOME: '/home/x', ROOMSCRIBE_ROOM_PATTERNS }, () => '')
  expect(read(String.raw`/r/(?<room>\w{1,9})  lk:(?<room>\S+)`).settings.roomPatterns).toEqual([
    String.raw`/r/(?<room>\w{1,9})`,
    String.raw`lk:(?<room>\S+)`,
  ])
  expect(read('(?<room>(a+)+)').problems).toEqual(['ROOMSCRIBE_ROOM_PATTERNS repeats a group that holds repeats or alternatives itself'])
  expect(read('rooms/(.*)').problems).toEqual(['ROOMSCRIBE_ROOM_PATTERNS needs a group named room: (?<room>...)'])
})
