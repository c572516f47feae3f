import { readCalendar } from '../../src/control/schedule/ics/read-calendar.js'
import type { CalendarAsk, CalendarMessage } from '../../src/control/schedule/ics/reading.js'
import { defaultRoomPattern } from '../../src/control/schedule/room-pattern.js'
import type { OccurrenceDraft } from '../../src/records/schedules.js'

/** A calendar around the lines of its components. */
export const calendarOf = (...lines: readonly string[]): string =>
  ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//test//test//EN', ...lines, 'END:VCALENDAR', ''].join('\r\n')

/** An event around its lines. */
export const eventOf = (uid: string, ...lines: readonly string[]): readonly string[] => [
  'BEGIN:VEVENT',
  `UID:${uid}`,
  'DTSTAMP:20260101T000000Z',
  ...lines,
  'END:VEVENT',
]

/** What is read of a calendar between two times, everything else as by default. */
export const askFor = (text: string, from: string, until: string, given: Partial<CalendarAsk> = {}): CalendarAsk => ({
  text,
  fromMs: Date.parse(from),
  untilMs: Date.parse(until),
  defaultDurationMs: 3_600_000,
  timeZone: null,
  room: null,
  title: null,
  language: null,
  vocabulary: [],
  patterns: [defaultRoomPattern([])],
  ...given,
})

/** What a calendar says, worked out here and now. */
export function read(ask: CalendarAsk): {
  drafts: readonly OccurrenceDraft[]
  problems: readonly string[]
  unreadable: readonly string[]
  refused: string | null
} {
  const messages: CalendarMessage[] = []
  readCalendar(ask, 0, (message) => messages.push(message))
  const drafts = messages.flatMap((message) => (message.kind === 'event' ? message.drafts : []))
  return {
    drafts: drafts.toSorted((a, b) => (a.startAt < b.startAt ? -1 : a.startAt > b.startAt ? 1 : a.key < b.key ? -1 : 1)),
    problems: messages.flatMap((message) => (message.kind === 'event' || message.kind === 'done' ? message.problems : [])),
    unreadable: messages.flatMap((message) => (message.kind === 'event' && message.unreadable !== null ? [message.unreadable] : [])),
    refused: messages.flatMap((message) => (message.kind === 'refused' ? [message.problem] : []))[0] ?? null,
  }
}

/** `2026-03-29T00:30` of each draft that is not cancelled. */
export const startsOf = (drafts: readonly OccurrenceDraft[]): readonly string[] =>
  drafts.filter(({ isCancelled }) => !isCancelled).map(({ startAt }) => startAt.slice(0, 16))
