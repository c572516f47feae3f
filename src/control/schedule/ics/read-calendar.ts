import { compileRoomPatterns } from '../room-pattern.js'
import { CalendarError, firstOf, readCalendarFile, type CalendarFile, type Component } from './calendar-file.js'
import { eventKey, expandEvent, type ExpandAsk } from './expand.js'
import type { CalendarAsk, CalendarMessage } from './reading.js'
import { wallOf } from './times.js'
import { ZoneBook } from './zone-book.js'

/** An event that is further away than any zone can move it is not worked out. */
const FAR_MS = 10 * 86_400_000

/**
 * Reads a calendar event by event. Pure, and the same on every host: nothing here looks at the host's zone or clock.
 * @param firstEvent events before this one are passed over
 * @param tell takes what is found, and where it is before each event
 */
export function readCalendar(ask: CalendarAsk, firstEvent: number, tell: (message: CalendarMessage) => void): void {
  let file: CalendarFile
  try {
    file = readCalendarFile(ask.text)
  } catch (thrown) {
    if (!(thrown instanceof CalendarError)) throw thrown
    tell({ kind: 'refused', problem: thrown.message })
    return
  }
  const expandAsk: ExpandAsk = {
    ...ask,
    zones: new ZoneBook(file.zones, [ask.timeZone, file.timeZone], ask),
    patterns: compileRoomPatterns(ask.patterns),
    isCancellation: file.isCancellation,
  }
  let event = 0
  for (const [uid, components] of byUid(file.events)) {
    event++
    if (event < firstEvent || components.every((component) => isFar(component, ask))) continue
    const key = eventKey(uid)
    tell({ kind: 'at', event, key })
    const { drafts, problems, isUnreadable } = expandEvent(uid, components, expandAsk)
    if (drafts.length > 0 || problems.length > 0) tell({ kind: 'event', drafts, problems, unreadable: isUnreadable ? key : null })
  }
  tell({ kind: 'done', problems: file.problems })
}

/** The components of each event. One without a UID is known by when it is and what it is called. */
function byUid(events: readonly Component[]): ReadonlyMap<string, readonly Component[]> {
  const found = new Map<string, Component[]>()
  for (const component of events) {
    const given = firstOf(component, 'UID')?.value.trim() ?? ''
    const uid =
      given === '' ? `no uid\n${firstOf(component, 'DTSTART')?.value ?? ''}\n${firstOf(component, 'SUMMARY')?.value ?? ''}` : given
    const all = found.get(uid)
    if (all) all.push(component)
    else found.set(uid, [component])
  }
  return found
}

/** A single event long ago, or far ahead. */
function isFar(component: Component, { fromMs, untilMs }: CalendarAsk): boolean {
  const isSingle = component.lines.every(({ name }) => name !== 'RRULE' && name !== 'RDATE')
  const start = wallOf(firstOf(component, 'DTSTART')?.value ?? '')
  return isSingle && start !== null && (start.wallMs < fromMs - FAR_MS || start.wallMs > untilMs + FAR_MS)
}
