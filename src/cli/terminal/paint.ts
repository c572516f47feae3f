/** Colours of a terminal, or none. */
export interface Paint {
  readonly bold: (text: string) => string
  readonly dim: (text: string) => string
  readonly red: (text: string) => string
  readonly green: (text: string) => string
  readonly yellow: (text: string) => string
  /** one of a few well readable colours, the same for the same number */
  readonly person: (index: number, text: string) => string
}

const sgr = (code: number | string) => (text: string) => `\u001b[${code}m${text}\u001b[0m`
const PEOPLE = [36, 33, 35, 32, 34, 96, 93, 95]

/** @param colours false: text stays plain */
export function createPaint(colours: boolean): Paint {
  if (!colours) {
    const plain = (text: string) => text
    return { bold: plain, dim: plain, red: plain, green: plain, yellow: plain, person: (_, text) => text }
  }
  return {
    bold: sgr(1),
    dim: sgr(2),
    red: sgr(31),
    green: sgr(32),
    yellow: sgr(33),
    person: (index, text) => sgr(`1;${PEOPLE[index % PEOPLE.length] ?? 36}`)(text),
  }
}

/** Names and texts come from strangers: what could steer a terminal is taken out. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, ' ')
}

/** Minutes and seconds of meeting time. */
export function clockText(ms: number): string {
  const total = Math.max(0, Math.floor(ms / 1000))
  const hours = Math.floor(total / 3600)
  const rest = `${String(Math.floor((total % 3600) / 60)).padStart(2, '0')}:${String(total % 60).padStart(2, '0')}`
  return hours > 0 ? `${hours}:${rest}` : rest
}
