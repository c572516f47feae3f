import type { OccurrenceDraft } from '../../../records/schedules.js'

/** What a calendar is read for. Crosses to the thread as it is. */
export interface CalendarAsk {
  readonly text: string
  /** occurrences that end after this, and begin until then, ms since 1970 */
  readonly fromMs: number
  readonly untilMs: number
  readonly defaultDurationMs: number
  /** of times that name none; null: what the calendar says, or UTC */
  readonly timeZone: string | null
  readonly room: string | null
  readonly title: string | null
  readonly language: string | null
  readonly vocabulary: readonly string[]
  /** sources of the patterns that find rooms, in order */
  readonly patterns: readonly string[]
}

/** What a calendar says. */
export interface CalendarReading {
  /** by their time */
  readonly drafts: readonly OccurrenceDraft[]
  /** sentences for people */
  readonly problems: readonly string[]
  /** events that could not be read, as their keys begin */
  readonly unreadable: readonly string[]
  /** ms since 1970: until when the drafts are complete */
  readonly untilMs: number
}

/** What the thread tells. */
export type CalendarMessage =
  /** it is at this event from now on, counted from 1 */
  | { readonly kind: 'at'; readonly event: number; readonly key: string }
  | {
      readonly kind: 'event'
      readonly drafts: readonly OccurrenceDraft[]
      readonly problems: readonly string[]
      readonly unreadable: string | null
    }
  | { readonly kind: 'done'; readonly problems: readonly string[] }
  | { readonly kind: 'refused'; readonly problem: string }

/** What the thread is given. */
export interface CalendarTask {
  readonly ask: CalendarAsk
  /** events before this one have been told */
  readonly firstEvent: number
}

/** Occurrences of one schedule that are planned ahead, and of events without a room that are listed. */
const MAX_PLANNED = 500
const MAX_SKIPPED = 100

/** What is kept of a calendar: what comes first, in bounds. */
export function bounded(
  drafts: readonly OccurrenceDraft[],
  untilMs: number,
): Pick<CalendarReading, 'drafts' | 'untilMs'> & { readonly isCut: boolean } {
  // whoever lists events wants to know of those that will be joined; those without a room are shown as far as there is place
  const sorted = drafts.toSorted((a, b) => (a.startAt === b.startAt ? (a.key < b.key ? -1 : 1) : a.startAt < b.startAt ? -1 : 1))
  const kept: OccurrenceDraft[] = []
  let planned = 0
  let skipped = 0
  for (const draft of sorted) {
    const isPlanned = draft.room !== null
    if (isPlanned && planned === MAX_PLANNED) {
      return { drafts: kept, untilMs: Date.parse(kept.at(-1)?.startAt ?? draft.startAt), isCut: true }
    }
    if (isPlanned) planned++
    else if (++skipped > MAX_SKIPPED) continue
    kept.push(draft)
  }
  return { drafts: kept, untilMs, isCut: false }
}
