import { UTC, type Zone } from '../zone.js'
import type { ContentLine } from './lines.js'
import type { ZoneBook } from './zone-book.js'

/** A point in time of a calendar: on a clock of some zone, or a day. */
export type CalendarTime =
  | { readonly kind: 'time'; readonly wallMs: number; readonly zone: Zone }
  | { readonly kind: 'date'; readonly wallMs: number }
  | { readonly kind: 'problem'; readonly problem: string }

const TIME = /^(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})(\d{2})?(Z)?)?$/

/** `20260329T023000` as wall ms; null: it is no time. */
export function wallOf(text: string): { readonly wallMs: number; readonly isUtc: boolean; readonly isDate: boolean } | null {
  const [, year, month, day, hour, minute, second, utc] = TIME.exec(text.trim()) ?? []
  if (year === undefined || Number(year) < 1600) return null
  const fields = [Number(year), Number(month) - 1, Number(day), Number(hour ?? 0), Number(minute ?? 0), Number(second ?? 0)] as const
  const wallMs = Date.UTC(...fields)
  const date = new Date(wallMs)
  // a 31st of February is none; a leap second is the second after it
  const isReal = date.getUTCMonth() === fields[1] && date.getUTCDate() === fields[2]
  if ((!isReal && fields[5] < 60) || fields[3] > 23 || fields[4] > 59 || fields[5] > 60 || fields[1] > 11) return null
  return { wallMs, isUtc: utc !== undefined, isDate: hour === undefined }
}

/** Wall ms in the form of the format, without a zone. */
export const wallText = (wallMs: number): string =>
  new Date(wallMs)
    .toISOString()
    .replace(/\.\d+Z$/, '')
    .replaceAll(/[-:]/g, '')

/** One value of a property that holds times (EXDATE and RDATE hold several, separated by commas). */
export function readTime(line: ContentLine, value: string, zones: ZoneBook): CalendarTime {
  const wall = wallOf(value)
  if (!wall) return { kind: 'problem', problem: `${line.name} is no time` }
  if (wall.isDate || line.params.get('VALUE')?.toUpperCase() === 'DATE') return { kind: 'date', wallMs: wall.wallMs }
  if (wall.isUtc) return { kind: 'time', wallMs: wall.wallMs, zone: UTC }
  const name = line.params.get('TZID')
  if (name === undefined) return { kind: 'time', wallMs: wall.wallMs, zone: zones.floating }
  const zone = zones.zone(name)
  if (!zone) return { kind: 'problem', problem: `its time zone "${name.slice(0, 60)}" is not known` }
  return { kind: 'time', wallMs: wall.wallMs, zone }
}

/** A time on the clock of a zone. */
export const inZone = (time: { readonly wallMs: number; readonly zone: Zone }, zone: Zone): number =>
  time.zone === zone ? time.wallMs : zone.toWall(time.zone.toInstant(time.wallMs))

const DURATION = /^([+-])?P(?:(\d{1,5})W)?(?:(\d{1,5})D)?(?:T(?:(\d{1,7})H)?(?:(\d{1,7})M)?(?:(\d{1,9})S)?)?$/

/** `PT1H30M` in ms; null: it is no duration, or none above 0. */
export function durationMs(text: string): number | null {
  const [whole, sign, weeks, days, hours, minutes, seconds] = DURATION.exec(text.trim().toUpperCase()) ?? []
  if (whole === undefined || sign === '-') return null
  const ms =
    ((((Number(weeks ?? 0) * 7 + Number(days ?? 0)) * 24 + Number(hours ?? 0)) * 60 + Number(minutes ?? 0)) * 60 + Number(seconds ?? 0)) *
    1000
  return ms > 0 ? ms : null
}
