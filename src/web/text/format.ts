const two = (value: number): string => String(value).padStart(2, '0')

/** A moment of a meeting: `m:ss`, or `h:mm:ss` from an hour on. @param ms from its start */
export function moment(ms: number): string {
  const sec = Math.max(0, Math.floor(ms / 1000))
  const [h, m, s] = [Math.floor(sec / 3600), Math.floor(sec / 60) % 60, sec % 60]
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}

/** A length of time in words: `48 s`, `12 min`, `1 h 05 min`. @param ms at least 0 */
export function duration(ms: number): string {
  const sec = Math.round(ms / 1000)
  if (sec < 60) return `${sec} s`
  const min = Math.round(sec / 60)
  return min < 60 ? `${min} min` : `${Math.floor(min / 60)} h ${two(min % 60)} min`
}

/** A length of speech, to the tenth of a second. */
export function seconds(ms: number): string {
  const tenths = Math.round(ms / 100)
  const [min, rest] = [Math.floor(tenths / 600), (tenths % 600) / 10]
  return min > 0 ? `${min}:${rest.toFixed(1).padStart(4, '0')}` : `${rest.toFixed(1)} s`
}

/** A point in time as this browser writes it. @param iso what the API says @returns '' for null */
export function dateTime(iso: string | null, timeZone?: string): string {
  if (iso === null) return ''
  const date = new Date(iso)
  if (Number.isNaN(date.getTime())) return iso
  return new Intl.DateTimeFormat(undefined, {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
    ...(timeZone === undefined ? {} : { timeZone }),
  }).format(date)
}

/** `1 segment`, `2 segments`. */
export const count = (n: number, one: string, many = `${one}s`): string => `${n.toLocaleString('en')} ${n === 1 ? one : many}`

/** A word of the API as words: `not_received` is `not received`. */
export const words = (code: string): string => code.replaceAll('_', ' ')
