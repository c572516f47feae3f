/**
 * A feed's address as people may see it: who serves it, and nothing more. Secret addresses of calendars carry their secret in the path, in
 * the query, or as a password; which part it is differs by provider.
 */
export function shownUrl(url: string): string {
  if (!URL.canParse(url)) return '[redacted]'
  const { origin, pathname, search } = new URL(url)
  return pathname === '/' && search === '' ? origin : `${origin}/[redacted]`
}

/** An address as it is asked for: calendars are often given as webcal: links. */
export const feedAddress = (url: string): string => url.trim().replace(/^webcals?:\/\//i, 'https://')
