import ical, { type VEvent } from 'node-ical'
import type { Zone } from '../zone.js'
import { wallOf, wallText } from './times.js'

/** More repetitions than these in one window are not a meeting. */
const MAX_INSTANCES = 1_000
const MAX_RULE_CHARS = 500
/** of times a day: `BYHOUR=9,14;BYMINUTE=0,30` are four */
const MAX_TIMES_A_DAY = 48
const DAY_MS = 86_400_000
const STEPS: Readonly<Record<string, number>> = { HOURLY: DAY_MS / 24, DAILY: DAY_MS, WEEKLY: 7 * DAY_MS }
const FREQUENCIES = ['HOURLY', 'DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY']
const PARTS = /^(FREQ|UNTIL|COUNT|INTERVAL|WKST|BYSETPOS|BY(?:SECOND|MINUTE|HOUR|DAY|MONTHDAY|YEARDAY|WEEKNO|MONTH))=([A-Z0-9,+-]+)$/

/** A recurrence rule that may be worked out. */
export interface Rule {
  readonly parts: ReadonlyMap<string, string>
}

/** A rule that is bounded in what it can cost; else why not, one sentence. */
export function readRule(text: string): Rule | { readonly problem: string } {
  const value = text.trim().toUpperCase()
  if (value.length > MAX_RULE_CHARS) return { problem: 'its recurrence rule is too long' }
  const parts = new Map<string, string>()
  for (const part of value.split(';').filter((piece) => piece !== '' && !piece.startsWith('X-'))) {
    const [, name, given] = PARTS.exec(part) ?? []
    if (name === undefined || given === undefined || parts.has(name)) return { problem: 'its recurrence rule cannot be read' }
    parts.set(name, given)
  }
  const frequency = parts.get('FREQ') ?? ''
  if (frequency === 'SECONDLY' || frequency === 'MINUTELY') return { problem: 'it repeats more often than every hour' }
  if (!FREQUENCIES.includes(frequency)) return { problem: 'its recurrence rule cannot be read' }
  for (const [name, max] of [
    ['INTERVAL', 10_000],
    ['COUNT', 100_000],
  ] as const) {
    const given = parts.get(name)
    if (given !== undefined && !(/^\d{1,6}$/.test(given) && Number(given) >= 1 && Number(given) <= max)) {
      return { problem: `the ${name} of its recurrence rule is not from 1 to ${max}` }
    }
  }
  const times = ['BYHOUR', 'BYMINUTE', 'BYSECOND'].reduce((product, name) => product * (parts.get(name)?.split(',').length ?? 1), 1)
  if (times > MAX_TIMES_A_DAY) return { problem: 'it repeats too often' }
  return { parts }
}

/**
 * The starts of a recurring event in a window, both ends included, as wall times: a rule goes by the clock on the wall, so the changes of
 * the clock, and the zone of this host, have no part in it. node-ical is given everything as UTC.
 * @throws what node-ical throws of a rule that it does not take
 */
export function ruleStarts(
  given: Rule,
  startMs: number,
  zone: Zone,
  fromMs: number,
  untilMs: number,
): { starts: readonly number[]; isCut: boolean } {
  if (untilMs < startMs) return { starts: [], isCut: false }
  const rule = counted(given, startMs)
  const until = wallOf(rule.parts.get('UNTIL') ?? '')
  // most series of an old calendar are long over; a day, for the zone
  if (until && until.wallMs < fromMs - 2 * DAY_MS) return { starts: [], isCut: false }
  const parts = [...rule.parts].map(([name, value]) => `${name}=${name === 'UNTIL' ? untilText(value, zone) : value}`)
  const calendar = [
    'BEGIN:VCALENDAR',
    'BEGIN:VEVENT',
    'UID:event',
    `DTSTART:${wallText(forwarded(rule, startMs, fromMs))}Z`,
    `RRULE:${parts.join(';')}`,
    'END:VEVENT',
    'END:VCALENDAR',
  ]
  const event = ical.sync.parseICS(calendar.join('\r\n'))['event'] as VEvent | undefined
  if (!event) throw new Error('no event')
  const instances = ical.expandRecurringEvent(event, {
    from: new Date(Math.max(fromMs, startMs)),
    to: new Date(untilMs),
    includeOverrides: false,
  })
  const starts = instances.map(({ start }) => start.getTime()).filter((ms) => ms >= startMs)
  return { starts: starts.slice(0, MAX_INSTANCES), isCut: starts.length > MAX_INSTANCES }
}

/** A plain rule that ends after a number of times, as the same rule that ends at a time: then nothing need be counted. */
function counted(rule: Rule, startMs: number): Rule {
  const { COUNT: count, FREQ: frequency, INTERVAL: interval, ...others } = Object.fromEntries(rule.parts)
  const step = STEPS[frequency ?? '']
  const isPlain = Object.keys(others).every((name) => name === 'WKST')
  if (count === undefined || step === undefined || !isPlain) return rule
  const parts = new Map(rule.parts)
  parts.delete('COUNT')
  // no zone in it: a wall time, as the start is
  parts.set('UNTIL', wallText(startMs + (Number(count) - 1) * step * Number(interval ?? 1)))
  return { parts }
}

/** The end of a rule as a wall time; a day is meant with all its hours. */
function untilText(value: string, zone: Zone): string {
  const until = wallOf(value)
  if (!until) throw new Error('UNTIL is no time')
  if (until.isDate) return `${wallText(until.wallMs + DAY_MS - 1_000)}Z`
  return `${wallText(until.isUtc ? zone.toWall(until.wallMs) : until.wallMs)}Z`
}

/** A start of the same rule that is near the window: a daily meeting of 1990 need not be counted through. */
function forwarded({ parts }: Rule, startMs: number, fromMs: number): number {
  const step = STEPS[parts.get('FREQ') ?? '']
  if (step === undefined || parts.has('COUNT')) return startMs
  const strideMs = step * Number(parts.get('INTERVAL') ?? 1)
  return startMs + Math.max(0, Math.floor((fromMs - startMs) / strideMs) - 1) * strideMs
}
