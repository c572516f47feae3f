/** A lone surrogate: half a character, which UTF-8 cannot carry. */
const LONE_SURROGATE = /\p{Surrogate}/gu

/** Text that PostgreSQL can hold: NUL and lone surrogates become U+FFFD. Everything else stays as it is. */
export function cleanText(text: string): string {
  return text.replaceAll('\0', '\uFFFD').replaceAll(LONE_SURROGATE, '\uFFFD')
}

/** The same for every string value inside plain objects and arrays; keys are ours and stay. Returns a copy. */
export function clean<T>(value: T): T {
  return cleanUnknown(value) as T
}

function cleanUnknown(value: unknown): unknown {
  if (typeof value === 'string') return cleanText(value)
  if (Array.isArray(value)) return value.map(cleanUnknown)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, cleanUnknown(inner)]))
}
