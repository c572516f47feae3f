import { createHash } from 'node:crypto'
import type { OccurrenceDraft } from '../../../records/schedules.js'
import { findRoom } from '../room-pattern.js'
import { UTC, type Zone } from '../zone.js'
import { firstOf, type Component } from './calendar-file.js'
import { languageOf, namesOf, roomTexts, titleOf } from './event-text.js'
import { readRule, ruleStarts } from './rule.js'
import { durationMs, inZone, readTime, type CalendarTime } from './times.js'
import type { ZoneBook } from './zone-book.js'

/** What an expansion goes by. */
export interface ExpandAsk {
  /** occurrences that end after this, and begin until then, ms since 1970 */
  readonly fromMs: number
  readonly untilMs: number
  /** of events that say no end */
  readonly defaultDurationMs: number
  readonly zones: ZoneBook
  /** what the schedule says, before what the event says */
  readonly room: string | null
  readonly title: string | null
  readonly language: string | null
  readonly vocabulary: readonly string[]
  readonly patterns: readonly RegExp[]
  readonly isCancellation: boolean
}

/** What one event comes to, with all its exceptions. */
export interface Expanded {
  readonly drafts: readonly OccurrenceDraft[]
  /** sentences about the event */
  readonly problems: readonly string[]
  /** not all of it could be read: what is known of it stays */
  readonly isUnreadable: boolean
}

/** What is wrong with an event: `faults` keep it from being read as a whole, `notes` do not. */
interface Findings {
  readonly faults: string[]
  readonly notes: string[]
}

/** An exception in a series, or a single event. */
interface Moment {
  readonly startMs: number
  readonly endMs: number
}

const LONGEST_MS = 7 * 86_400_000
const MAX_DATES = 2_000
const MAX_VOCABULARY = 100

/** The name that occurrences of an event carry in their keys. */
export const eventKey = (uid: string): string => createHash('sha256').update(uid).digest('hex').slice(0, 32)

/**
 * The occurrences of the components of one UID in a window.
 * E1 A series goes by the wall clock of its own zone: times that come twice or not at all follow RFC 5545. E2 An exception (RECURRENCE-ID)
 * stands in place of the instance that it names, wherever it was moved to, also into the window from outside. E3 EXDATE is stronger than an
 * exception. E4 Of several versions the highest SEQUENCE counts, of equal ones the last. E5 Whole days are no meetings. E6 A part that cannot
 * be read is a problem and makes the event unreadable; what can be read of it is there all the same.
 */
export function expandEvent(uid: string, components: readonly Component[], ask: ExpandAsk): Expanded {
  const findings: Findings = { faults: [], notes: [] }
  const key = eventKey(uid)
  const base = newest(components.filter((component) => !firstOf(component, 'RECURRENCE-ID')))
  const series = base ? readSeries(base, ask, findings) : null
  const seriesZone = series?.zone ?? null

  const exceptions = new Map<number, Component>()
  for (const component of byVersion(components.filter((one) => firstOf(one, 'RECURRENCE-ID')))) {
    const line = firstOf(component, 'RECURRENCE-ID')
    const id = line ? readTime(line, line.value, ask.zones) : null
    if (!line || !id || id.kind === 'problem') {
      findings.faults.push('an exception names no instance that can be read')
      continue
    }
    if (line.params.get('RANGE') !== undefined) findings.notes.push('a change of all later instances is taken as a change of one')
    const instant = instantOf(id, seriesZone, series)
    if (instant !== null) exceptions.set(instant, component)
  }

  const drafts = new Map<string, OccurrenceDraft>()
  const add = (recurrence: string, component: Component, moment: Moment, isCancelled: boolean) => {
    if (moment.endMs <= ask.fromMs || moment.startMs > ask.untilMs) return
    drafts.set(`${key}/${recurrence}`, draftOf(`${key}/${recurrence}`, component, moment, isCancelled, ask))
  }
  const isOff = ask.isCancellation || (base !== null && isCancelled(base))
  if (base && series) {
    for (const wallMs of series.walls) {
      const startMs = series.zone.toInstant(wallMs)
      if (exceptions.has(startMs)) continue
      add(series.isRecurring ? stamp(startMs) : '', base, { startMs, endMs: series.zone.toInstant(wallMs + series.lengthMs) }, isOff)
    }
  }
  for (const [instant, component] of exceptions) {
    if (series?.isExcluded(instant) === true) continue
    const moment = momentOf(component, series?.lengthMs ?? ask.defaultDurationMs, ask, findings)
    // a cancelled exception may leave out what it would have been
    const there =
      moment ?? (isCancelled(component) ? { startMs: instant, endMs: instant + (series?.lengthMs ?? ask.defaultDurationMs) } : null)
    if (there) add(stamp(instant), component, there, isOff || isCancelled(component))
  }
  const problems = [...findings.faults, ...findings.notes]
  const name = base ? titleOf(base.lines) : null
  const about = name === null ? 'an event without a title' : `"${name.slice(0, 60)}"`
  return {
    drafts: [...drafts.values()],
    problems: [...new Set(problems)].map((problem) => `${about}: ${problem}`),
    isUnreadable: findings.faults.length > 0,
  }
}

interface Series {
  readonly zone: Zone
  /** starts that are in the window or near it, without those that EXDATE takes out */
  readonly walls: readonly number[]
  readonly lengthMs: number
  readonly isRecurring: boolean
  /** of a day: its instance on that day */
  readonly onDay: (dayMs: number) => number | null
  readonly isExcluded: (instantMs: number) => boolean
}

/** null: a whole day, or nothing that can be read (which is then a problem). */
function readSeries(base: Component, ask: ExpandAsk, findings: Findings): Series | null {
  const line = firstOf(base, 'DTSTART')
  const start = line ? readTime(line, line.value, ask.zones) : null
  if (!line || !start || start.kind === 'problem') {
    findings.faults.push(start?.kind === 'problem' ? start.problem : 'it has no start')
    return null
  }
  if (start.kind === 'date') return null
  const { zone, wallMs } = start
  const lengthMs = lengthOf(base, start, ask, findings)
  const [days, instants] = excluded(base, zone, ask, findings)
  const fromMs = zone.toWall(ask.fromMs) - lengthMs
  const untilMs = zone.toWall(ask.untilMs)
  const walls = new Set<number>()
  const ruleText = firstOf(base, 'RRULE')?.value
  const rule = ruleText === undefined ? null : readRule(ruleText)
  if (rule === null) walls.add(wallMs)
  else if ('problem' in rule) {
    findings.faults.push(rule.problem)
    walls.add(wallMs)
  } else {
    try {
      const { starts, isCut } = ruleStarts(rule, wallMs, zone, fromMs, untilMs)
      for (const one of starts) walls.add(one)
      if (isCut) findings.notes.push('it repeats too often: the first of its times are taken')
    } catch {
      findings.faults.push('its recurrence rule cannot be worked out')
      walls.add(wallMs)
    }
  }
  const more = base.lines
    .filter(({ name }) => name === 'RDATE')
    .flatMap((dates) => dates.value.split(',').map((value) => ({ dates, value })))
  for (const { dates, value } of more.slice(0, MAX_DATES)) {
    // of a period its beginning
    const time = readTime(dates, value.split('/', 1)[0] ?? '', ask.zones)
    if (time.kind === 'time') walls.add(inZone(time, zone))
    else if (time.kind === 'problem') findings.faults.push(time.problem)
  }
  const isExcluded = (instantMs: number): boolean => instants.has(instantMs) || days.has(dayOf(zone.toWall(instantMs)))
  return {
    zone,
    lengthMs,
    isRecurring: rule !== null || more.length > 0,
    walls: [...walls].filter((one) => one >= fromMs && one <= untilMs && !isExcluded(zone.toInstant(one))).sort((a, b) => a - b),
    onDay: (dayMs) => zone.toInstant([...walls].find((one) => dayOf(one) === dayMs) ?? dayMs + (wallMs - dayOf(wallMs))),
    isExcluded,
  }
}

function excluded(base: Component, zone: Zone, ask: ExpandAsk, findings: Findings): readonly [ReadonlySet<number>, ReadonlySet<number>] {
  const days = new Set<number>()
  const instants = new Set<number>()
  const all = base.lines.filter(({ name }) => name === 'EXDATE').flatMap((line) => line.value.split(',').map((value) => ({ line, value })))
  for (const { line, value } of all.slice(0, MAX_DATES)) {
    if (value.trim() === '') continue
    const time = readTime(line, value, ask.zones)
    if (time.kind === 'problem') findings.faults.push(time.problem)
    else if (time.kind === 'date') days.add(time.wallMs)
    // read on the clock of the series, as the instance was
    else instants.add(zone.toInstant(inZone(time, zone)))
  }
  return [days, instants]
}

/** The instant that a RECURRENCE-ID names. */
function instantOf(id: Exclude<CalendarTime, { kind: 'problem' }>, zone: Zone | null, series: Series | null): number | null {
  if (id.kind === 'date') return series ? series.onDay(id.wallMs) : null
  return zone === null ? id.zone.toInstant(id.wallMs) : zone.toInstant(inZone(id, zone))
}

/** When a single component is; null: a whole day, or nothing that can be read. */
function momentOf(component: Component, fallbackMs: number, ask: ExpandAsk, findings: Findings): Moment | null {
  const line = firstOf(component, 'DTSTART')
  const start = line ? readTime(line, line.value, ask.zones) : null
  if (!line || !start || start.kind === 'problem') {
    if (!isCancelled(component)) findings.faults.push(start?.kind === 'problem' ? start.problem : 'an exception has no start')
    return null
  }
  if (start.kind === 'date') return null
  const startMs = start.zone.toInstant(start.wallMs)
  const lengthMs = lengthOf(component, start, { ...ask, defaultDurationMs: fallbackMs }, findings)
  return { startMs, endMs: start.zone.toInstant(start.wallMs + lengthMs) }
}

/** On the clock of the start's zone: a meeting from one to four ends at four, also in the night in which the clocks change. */
function lengthOf(component: Component, start: { wallMs: number; zone: Zone }, ask: ExpandAsk, findings: Findings): number {
  const end = firstOf(component, 'DTEND')
  const duration = firstOf(component, 'DURATION')
  let lengthMs: number | null = null
  if (end) {
    const time = readTime(end, end.value, ask.zones)
    if (time.kind === 'time') lengthMs = inZone(time, start.zone) - start.wallMs
    else findings.notes.push('its end cannot be read')
  } else if (duration) {
    lengthMs = durationMs(duration.value)
  }
  return lengthMs === null || lengthMs <= 0 ? ask.defaultDurationMs : Math.min(lengthMs, LONGEST_MS)
}

function draftOf(key: string, { lines }: Component, { startMs, endMs }: Moment, off: boolean, ask: ExpandAsk): OccurrenceDraft {
  const found = ask.room === null ? findRoom(roomTexts(lines), ask.patterns) : { room: ask.room }
  return {
    key,
    startAt: new Date(startMs).toISOString(),
    endAt: new Date(Math.max(endMs, startMs + 1_000)).toISOString(),
    title: ask.title ?? titleOf(lines),
    room: 'room' in found ? found.room : null,
    roomProblem: 'room' in found ? null : found.problem,
    language: ask.language ?? languageOf(lines),
    vocabulary: [...new Set([...ask.vocabulary, ...namesOf(lines)])].slice(0, MAX_VOCABULARY),
    isCancelled: off,
  }
}

const isCancelled = (component: Component): boolean => firstOf(component, 'STATUS')?.value.trim().toUpperCase() === 'CANCELLED'
const dayOf = (wallMs: number): number => Math.floor(wallMs / 86_400_000) * 86_400_000
/** an instant in keys */
const stamp = (instantMs: number): string => UTC.toWall(instantMs).toString(36)

const sequenceOf = (component: Component): number => {
  const given = Number(firstOf(component, 'SEQUENCE')?.value ?? 0)
  return Number.isSafeInteger(given) ? given : 0
}
/** oldest first; of equal ones in the order of the file */
const byVersion = (components: readonly Component[]): readonly Component[] => components.toSorted((a, b) => sequenceOf(a) - sequenceOf(b))
const newest = (components: readonly Component[]): Component | null => byVersion(components).at(-1) ?? null
