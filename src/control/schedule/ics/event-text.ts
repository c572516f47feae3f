import type { ContentLine } from './lines.js'
import { unescapeText } from './lines.js'

/** of one property: links stand at the beginning, or not far below it */
const MAX_TEXT_CHARS = 32 * 1024
const MAX_NAMES = 100
const MAX_NAME_CHARS = 100
const MAX_TITLE_CHARS = 300

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ', sol: '/', colon: ':' }

/** Properties that say how to join, whoever made the calendar. `X-ALT-DESC` is a description. */
const CONFERENCE = /^X-(?!ALT-DESC|WR-).*(?:CONF|MEET|JOIN|URL|LIVEKIT)/

/** The texts of an event in which a link to a room may stand, likeliest first, ready to be searched. */
export function roomTexts(lines: readonly ContentLine[]): readonly string[] {
  const named = (is: (name: string) => boolean) => lines.filter(({ name }) => is(name))
  return [
    ...named((name) => name === 'CONFERENCE'),
    ...named((name) => CONFERENCE.test(name)),
    ...named((name) => name === 'URL'),
    ...named((name) => name === 'LOCATION'),
    ...named((name) => name === 'DESCRIPTION'),
    ...named((name) => name === 'X-ALT-DESC'),
  ].map(({ value }) => searchable(value))
}

/** A property's text as people see it: unescaped, tags gone but their links kept, entities decoded. */
export function searchable(value: string): string {
  const text = unescapeText(value.slice(0, MAX_TEXT_CHARS))
  const bare = text.replaceAll(/<[^<>]{0,2000}>/g, (tag) => {
    if (/^<https?:/i.test(tag)) return ` ${tag.slice(1, -1)} `
    if (!/^<[/!]?[a-z]/i.test(tag)) return tag
    const [, quoted, single, plain] = /\bhref\s{0,5}=\s{0,5}(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/i.exec(tag) ?? []
    return ` ${quoted ?? single ?? plain ?? ''} `
  })
  return bare.replaceAll(/&(#x[0-9a-f]{1,6}|#\d{1,7}|[a-z]{2,6});/gi, (whole, name: string) => {
    if (!name.startsWith('#')) return ENTITIES[name.toLowerCase()] ?? whole
    const code = name[1] === 'x' || name[1] === 'X' ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1))
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole
  })
}

/** One line without control characters. */
const oneLine = (text: string, max: number): string =>
  text
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .slice(0, max)

/** The event's title; null: it has none. */
export function titleOf(lines: readonly ContentLine[]): string | null {
  const summary = lines.find(({ name }) => name === 'SUMMARY')
  const title = oneLine(unescapeText(summary?.value ?? ''), MAX_TITLE_CHARS)
  return title === '' ? null : title
}

/** The language that the title says it is in; null: it says none. */
export function languageOf(lines: readonly ContentLine[]): string | null {
  const tag = lines.find(({ name }) => name === 'SUMMARY')?.params.get('LANGUAGE')
  return /^([a-z]{2,3})(?:-|$)/i.exec(tag ?? '')?.[1]?.toLowerCase() ?? null
}

/** Names of the people who are invited and have not declined: words worth knowing. Never an address. */
export function namesOf(lines: readonly ContentLine[]): readonly string[] {
  const names = new Set<string>()
  for (const { name, params } of lines) {
    if (name !== 'ATTENDEE' && name !== 'ORGANIZER') continue
    if (/^(ROOM|RESOURCE|GROUP)$/i.test(params.get('CUTYPE') ?? '') || /^DECLINED$/i.test(params.get('PARTSTAT') ?? '')) continue
    const person = oneLine(params.get('CN') ?? '', MAX_NAME_CHARS)
    if (person !== '' && !person.includes('@')) names.add(person)
    if (names.size === MAX_NAMES) break
  }
  return [...names]
}
