/** A time zone: instants are ms since 1970, wall times the ms of the same date and time in UTC. */
export interface Zone {
  readonly name: string
  toWall(instantMs: number): number
  /**
   * As RFC 5545 (3.3.5) has it: a time that comes twice is the first of the two, one that does not come is read with the offset before the
   * clocks change.
   */
  toInstant(wallMs: number): number
}

const DAY_MS = 86_400_000

/** A zone from its offset to UTC at each instant, ms. */
export function zoneOf(name: string, offsetAt: (instantMs: number) => number): Zone {
  return {
    name,
    toWall: (instantMs) => instantMs + offsetAt(instantMs),
    toInstant: (wallMs) => {
      const before = offsetAt(wallMs - DAY_MS)
      const after = offsetAt(wallMs + DAY_MS)
      if (before === after) return wallMs - before
      const [first, second] = [wallMs - before, wallMs - after]
      if (offsetAt(first) === before) return first
      return offsetAt(second) === after ? second : first
    },
  }
}

/** UTC, and what stands at a fixed distance from it. */
export const fixedZone = (name: string, offsetMs: number): Zone => zoneOf(name, () => offsetMs)
export const UTC: Zone = fixedZone('UTC', 0)

const known = new Map<string, Zone | null>()
const MAX_KNOWN = 1_000

/** The zone of an IANA name; null: there is none of that name. The rules are those of the runtime, never of the host's own zone. */
export function ianaZone(name: string): Zone | null {
  const found = known.get(name)
  if (found !== undefined) return found
  const made = makeZone(name)
  if (known.size < MAX_KNOWN) known.set(name, made)
  return made
}

function makeZone(name: string): Zone | null {
  // a bare offset is taken by some runtimes only
  if (!/^[A-Za-z]/.test(name) || name.length > 100) return null
  let format: Intl.DateTimeFormat
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hourCycle: 'h23',
      calendar: 'gregory',
      numberingSystem: 'latn',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
  } catch {
    return null
  }
  return zoneOf(name, (instantMs) => {
    const parts: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {}
    for (const { type, value } of format.formatToParts(instantMs)) parts[type] = Number(value)
    const { year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts
    // fractions of a second have no part
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(instantMs / 1000) * 1000
  })
}
