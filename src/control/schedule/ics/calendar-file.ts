import { contentLines, type ContentLine } from './lines.js'

/** The properties of one component, without those of components inside it. */
export interface Component {
  readonly name: string
  readonly lines: readonly ContentLine[]
  readonly parts: readonly Component[]
}

/** A calendar as its text says it, nothing worked out. */
export interface CalendarFile {
  readonly isCancellation: boolean
  /** zone of times that name none, when the file says one */
  readonly timeZone: string | null
  readonly zones: readonly Component[]
  readonly events: readonly Component[]
  /** sentences for people */
  readonly problems: readonly string[]
}

/** Components inside components: VCALENDAR, VEVENT, VALARM are three. */
const MAX_DEPTH = 8

/** The first value of a property. */
export const firstOf = (component: Component, name: string): ContentLine | undefined => component.lines.find((line) => line.name === name)

/**
 * Reads a calendar's text into its components.
 * @throws {CalendarError} it is no calendar, or ends in the middle: then nothing of it may be taken, since what is missing is not known
 */
export function readCalendarFile(text: string): CalendarFile {
  const { lines, broken } = contentLines(text)
  const problems: string[] = []
  if (broken.length > 0) problems.push(brokenLines(broken))
  const calendars: Component[] = []
  const stack: { name: string; lines: ContentLine[]; parts: Component[] }[] = []
  let tooDeep = 0
  for (const line of lines) {
    const name = line.value.trim().toUpperCase()
    const top = stack.at(-1)
    if (line.name === 'BEGIN') {
      if (stack.length >= MAX_DEPTH) tooDeep++
      else stack.push({ name, lines: [], parts: [] })
    } else if (line.name === 'END') {
      if (tooDeep > 0) {
        tooDeep--
        continue
      }
      // an end that fits nothing is one broken line; one that fits further up closes what is inside
      const depth = stack.findLastIndex((open) => open.name === name)
      if (depth < 0) continue
      if (depth < stack.length - 1) problems.push(`a ${stack.at(-1)?.name ?? ''} is not ended`)
      while (stack.length > depth) {
        const ended = stack.pop()
        if (!ended) break
        const parent = stack.at(-1)
        if (parent) parent.parts.push(ended)
        else if (ended.name === 'VCALENDAR') calendars.push(ended)
      }
    } else if (top && tooDeep === 0) {
      top.lines.push(line)
    }
  }
  if (stack.some((open) => open.name === 'VCALENDAR')) throw new CalendarError('the calendar ends in the middle: END:VCALENDAR is missing')
  if (calendars.length === 0) throw new CalendarError('this is no calendar: BEGIN:VCALENDAR is missing')
  const parts = calendars.flatMap((calendar) => calendar.parts)
  const property = (name: string) => calendars.map((calendar) => firstOf(calendar, name)?.value.trim()).find((value) => value !== undefined)
  return {
    isCancellation: property('METHOD')?.toUpperCase() === 'CANCEL',
    timeZone: property('X-WR-TIMEZONE') ?? null,
    zones: parts.filter((part) => part.name === 'VTIMEZONE'),
    events: parts.filter((part) => part.name === 'VEVENT'),
    problems,
  }
}

function brokenLines(numbers: readonly number[]): string {
  const shown = numbers.slice(0, 3).join(', ')
  return numbers.length === 1
    ? `line ${shown} cannot be read`
    : `${numbers.length} lines cannot be read (${shown}${numbers.length > 3 ? ', ...' : ''})`
}

/** The text is no calendar that could be read. */
export class CalendarError extends Error {}
