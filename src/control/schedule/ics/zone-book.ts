import ical, { type VEvent } from 'node-ical'
import { fixedZone, ianaZone, UTC, zoneOf, type Zone } from '../zone.js'
import { firstOf, type Component } from './calendar-file.js'
import { readRule, ruleStarts } from './rule.js'
import { wallOf } from './times.js'

const DAY_MS = 86_400_000
/** a VTIMEZONE's rules are worked out so far around the window */
const AROUND_MS = 3 * 366 * DAY_MS
const MAX_NAME_CHARS = 200

interface Transition {
  readonly atMs: number
  readonly fromMs: number
  readonly toMs: number
}

/**
 * The time zones of one calendar, by the names that it uses. In this order: an IANA name, also behind a prefix; a name that Windows or Outlook
 * has for one; the calendar's own VTIMEZONE; a bare offset. What is none of these is not known, and never the zone of this host.
 */
export class ZoneBook {
  /** of times that name none */
  readonly floating: Zone
  readonly #blocks: readonly Component[]
  readonly #window: { readonly fromMs: number; readonly untilMs: number }
  readonly #known = new Map<string, Zone | null>()

  /** @param floating what the schedule or the calendar says of times without a zone; UTC when it is not known */
  constructor(
    blocks: readonly Component[],
    floating: readonly (string | null)[],
    window: { readonly fromMs: number; readonly untilMs: number },
  ) {
    this.#blocks = blocks
    this.#window = window
    const named = floating.find((name) => name !== null)
    this.floating = (named === undefined || named === null ? null : this.zone(named)) ?? UTC
  }

  zone(name: string): Zone | null {
    const found = this.#known.get(name)
    if (found !== undefined) return found
    const made = name.length > MAX_NAME_CHARS ? null : this.#find(name)
    this.#known.set(name, made)
    return made
  }

  #find(name: string): Zone | null {
    const plain = name.trim()
    if (/(^|\/)utc$/i.test(plain)) return UTC
    return ianaZone(plain) ?? behindPrefix(plain) ?? windowsZone(plain) ?? this.#own(plain) ?? offsetZone(plain)
  }

  /** The calendar's own definition. */
  #own(name: string): Zone | null {
    const block = this.#blocks.find((one) => firstOf(one, 'TZID')?.value.trim().replaceAll('"', '') === name)
    if (!block) return null
    const transitions = block.parts.flatMap((part) => this.#transitions(part)).sort((a, b) => a.atMs - b.atMs)
    const first = transitions[0]
    if (!first) return null
    return zoneOf(name, (instantMs) => transitions.findLast(({ atMs }) => atMs <= instantMs)?.toMs ?? first.fromMs)
  }

  /** When one observance (standard or daylight time) begins. */
  #transitions(part: Component): readonly Transition[] {
    const start = wallOf(firstOf(part, 'DTSTART')?.value ?? '')
    const fromMs = offsetMs(firstOf(part, 'TZOFFSETFROM')?.value)
    const toMs = offsetMs(firstOf(part, 'TZOFFSETTO')?.value)
    if (!start || fromMs === null || toMs === null) return []
    const text = firstOf(part, 'RRULE')?.value
    const rule = text === undefined ? null : readRule(text)
    const dates = part.lines.filter(({ name }) => name === 'RDATE').flatMap(({ value }) => value.split(',').slice(0, 500).map(wallOf))
    const walls = [start.wallMs, ...dates.flatMap((date) => (date ? [date.wallMs] : []))]
    if (rule && !('problem' in rule)) {
      const from = this.#window.fromMs - AROUND_MS
      // a rule of 1601, as Outlook writes them: the same rule a few years before the window
      const near = new Date(start.wallMs)
      if (rule.parts.get('FREQ') === 'YEARLY' && !rule.parts.has('COUNT') && near.getTime() < from)
        near.setUTCFullYear(new Date(from).getUTCFullYear())
      // the rule ends at an instant, not at a time on this zone's clock
      walls.push(...ruleStarts(rule, near.getTime(), fixedZone('', fromMs), from, this.#window.untilMs + AROUND_MS).starts)
    }
    return walls.map((wallMs) => ({ atMs: wallMs - fromMs, fromMs, toMs }))
  }
}

/** `/mozilla.org/20050126_1/Europe/Berlin` */
function behindPrefix(name: string): Zone | null {
  const pieces = name.split('/')
  for (const count of [3, 2]) {
    const zone = pieces.length > count && name.startsWith('/') ? ianaZone(pieces.slice(-count).join('/')) : null
    if (zone) return zone
  }
  return null
}

/** What node-ical makes of a name of Windows or Outlook. It takes the host's zone for some names, which are not asked. */
function windowsZone(name: string): Zone | null {
  if (/tzone:|customized|no tz desc|[\r\n"]/i.test(name)) return null
  const text = `BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:event\r\nDTSTART;TZID="${name}":20260101T000000\r\nEND:VEVENT\r\nEND:VCALENDAR`
  try {
    const event = ical.sync.parseICS(text)['event'] as VEvent | undefined
    const zone = event?.start.tz
    return zone === undefined || zone === name ? null : ianaZone(zone)
  } catch {
    return null
  }
}

/** `UTC+02:00`, `(GMT-04:30) ...`, `+0530` */
function offsetZone(name: string): Zone | null {
  const [, sign, hours, minutes] = /^\(?(?:UTC|GMT)?\s*([+-])(\d{1,2}):?(\d{2})?\b/i.exec(name) ?? []
  const ms = offsetMs(sign === undefined ? undefined : `${sign}${(hours ?? '').padStart(2, '0')}${minutes ?? '00'}`)
  return ms === null ? null : fixedZone(name, ms)
}

/** `-0430` in ms */
function offsetMs(text: string | undefined): number | null {
  const [, sign, hours, minutes, seconds] = /^([+-])(\d{2})(\d{2})(\d{2})?$/.exec(text?.trim() ?? '') ?? []
  if (sign === undefined) return null
  const ms = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds ?? 0)) * 1000
  return ms > DAY_MS ? null : sign === '-' ? -ms : ms
}
