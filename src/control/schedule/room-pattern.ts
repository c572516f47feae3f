/** Patterns are written by operators: long ones are mistakes. */
const MAX_PATTERN_CHARS = 500
const MAX_REPEATS = 8
/** what LiveKit and our API take */
const MAX_ROOM_CHARS = 256
const FLAGS = 'i'

/** What was found in an event. */
export type FoundRoom = { readonly room: string } | { readonly problem: string }

/** The pattern of links to rooms: `https?://<hosts>/rooms/<room>`. @param hosts names, with a port where it is not the usual one; none: any host */
export function defaultRoomPattern(hosts: readonly string[]): string {
  const names = hosts.map((host) => host.replaceAll(/[^\w.:-]/g, '').replaceAll(/[.-]/g, String.raw`\$&`))
  const host = names.length === 0 ? String.raw`[^\s/"'<>?#@]+` : `(?:${names.join('|')})`
  return String.raw`https?:\/\/${host}\/rooms\/(?<room>[^\/?#\s"'<>]+)`
}

/**
 * Why a pattern may not be used, one sentence; null: it may. It needs a group named `room`, and must not be able to run away: a repeated
 * group may hold neither repeats nor alternatives, and nothing may refer back. What is left is polynomial, over texts of bounded length,
 * in a thread that is ended when it takes too long.
 */
export function roomPatternProblem(source: string): string | null {
  if (source.length > MAX_PATTERN_CHARS) return `may have ${MAX_PATTERN_CHARS} characters at most`
  try {
    void new RegExp(source, FLAGS)
  } catch {
    return 'is no regular expression'
  }
  if (!source.includes('(?<room>')) return 'needs a group named room: (?<room>...)'
  if (/\\[1-9]|\\k<|\(\?<?[=!]/.test(source)) return 'must not refer back or look around'
  return repeatProblem(source)
}

function repeatProblem(source: string): string | null {
  const groups: { hasChoice: boolean }[] = [{ hasChoice: false }]
  let repeats = 0
  let closed: { hasChoice: boolean } | null = null
  for (let at = 0; at < source.length; at++) {
    const char = source[at]
    if (char === '\\') at++
    else if (char === '[') at = classEnd(source, at)
    const isOpening = char === '('
    const isRepeat = char === '*' || char === '+' || (char === '{' && /^\{\d+(?:,\d*)?\}/.test(source.slice(at)))
    if (isRepeat) {
      if (closed?.hasChoice === true) return 'repeats a group that holds repeats or alternatives itself'
      if (++repeats > MAX_REPEATS) return `may have ${MAX_REPEATS} repeats at most`
      const around = groups.at(-1)
      if (around) around.hasChoice = true
    } else if (char === '|' || (char === '?' && source[at - 1] !== '(')) {
      const around = groups.at(-1)
      if (around) around.hasChoice = true
    }
    closed = null
    if (isOpening) groups.push({ hasChoice: false })
    else if (char === ')') {
      closed = groups.pop() ?? null
      const around = groups.at(-1)
      if (around && closed?.hasChoice === true) around.hasChoice = true
    }
  }
  return null
}

function classEnd(source: string, from: number): number {
  let at = from + 1
  while (at < source.length && source[at] !== ']') at += source[at] === '\\' ? 2 : 1
  return at
}

/** @throws SyntaxError what `roomPatternProblem` tells of */
export const compileRoomPatterns = (sources: readonly string[]): readonly RegExp[] => sources.map((source) => new RegExp(source, FLAGS))

/**
 * The first room that a pattern finds, texts before patterns: where a room is written decides before how.
 * Nothing but the group `room` is ever taken; what looks like a token is none of our business.
 */
export function findRoom(texts: readonly string[], patterns: readonly RegExp[]): FoundRoom {
  let problem = 'no link to a room is in it: ROOMSCRIBE_MEETING_HOSTS and ROOMSCRIBE_ROOM_PATTERNS say how one looks'
  for (const text of texts) {
    // links come wrapped in links ("safe links"), percent-encoded
    const decoded = percentDecoded(text)
    for (const variant of decoded === text ? [text] : [text, decoded]) {
      for (const pattern of patterns) {
        const match = pattern.exec(variant)
        const group = match?.groups?.['room']
        // what follows an ampersand belongs to the link around it
        const found = match ? roomOf(match[0], variant === text ? group : group?.split('&', 1)[0]) : null
        if (found && 'room' in found) return found
        if (found) problem = found.problem
      }
    }
  }
  return { problem }
}

function roomOf(whole: string, group: string | undefined): FoundRoom | null {
  // a link ends with the word; marks after it belong to the sentence
  const isLink = /^https?:/i.test(whole)
  const text = isLink ? (group ?? '').split(/[\s"'<>]/, 1)[0]?.replace(/[.,;:!)\]}]+$/, '') : group
  const room = percentDecoded(text ?? '').trim()
  if (room === '') return null
  if (room.length > MAX_ROOM_CHARS) return { problem: `the room in its link has more than ${MAX_ROOM_CHARS} characters` }
  if (/\p{Cc}/u.test(room)) return { problem: 'the room in its link has control characters' }
  if (/eyJ[\w-]{8,}\.[\w-]{8,}/.test(room)) return { problem: 'what stands in its link in place of a room is a token' }
  return { room }
}

/** Percent-encoded characters decoded; what is no UTF-8 stays as it stands. */
function percentDecoded(text: string): string {
  return text.replaceAll(/(?:%[0-9A-Fa-f]{2})+/g, (run) => {
    try {
      return decodeURIComponent(run)
    } catch {
      return run
    }
  })
}
