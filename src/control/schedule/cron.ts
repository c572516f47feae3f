import { Cron } from 'croner'

/** Occurrences of one schedule that are planned ahead. */
const MAX_PLANNED = 500
const MAX_CHARS = 100
/** what comes more often is a mistake */
const LEAST_MS = 5 * 60_000

/**
 * Why a pattern cannot be used, one sentence; null: it can. Five fields: minute, hour, day of the month, month, day of the week.
 * @param fromMs where it is tried from, ms since 1970
 */
export function cronProblem(pattern: string, timeZone: string, fromMs: number): string | null {
  if (pattern.length > MAX_CHARS) return `may have ${MAX_CHARS} characters at most`
  let cron: Cron
  try {
    cron = cronOf(pattern, timeZone)
  } catch {
    return 'is no cron pattern of five fields'
  }
  const [first, ...rest] = cron.nextRuns(20, new Date(fromMs)).map((date) => date.getTime())
  if (first === undefined) return 'never comes to pass'
  let before = first
  for (const one of rest) {
    if (one - before < LEAST_MS) return 'may come every five minutes at most'
    before = one
  }
  return null
}

/**
 * The times of a pattern that are after `fromMs` and not after `untilMs`, ms since 1970, on the clock of the zone: of a time that comes twice
 * the first, one that does not come is a little later.
 */
export function cronTimes(
  pattern: string,
  timeZone: string,
  fromMs: number,
  untilMs: number,
): { readonly times: readonly number[]; readonly isCut: boolean } {
  const all = cronOf(pattern, timeZone)
    .nextRuns(MAX_PLANNED + 1, new Date(fromMs))
    .map((date) => date.getTime())
    .filter((ms) => ms <= untilMs)
  return { times: all.slice(0, MAX_PLANNED), isCut: all.length > MAX_PLANNED }
}

const cronOf = (pattern: string, timezone: string): Cron => new Cron(pattern, { timezone, paused: true, mode: '5-part' })
