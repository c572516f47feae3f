import { LANGUAGE_CODE, LANGUAGE_RULE } from '../../core/language.js'
import { Secret } from './secret.js'

/** What came of one variable. */
export type Parsed<T> = { readonly value: T } | { readonly problem: string }

/** One setting: the only description of it, for parsing, for help and for the README. */
export interface Setting<T> {
  readonly name: string
  readonly about: string
  /** what the value is, for help */
  readonly type: string
  readonly fallback: T
  /** the default in words for help, where it depends on the machine */
  readonly usual?: string
  readonly secret: boolean
  /** @param raw trimmed, undefined when absent or empty */
  parse(raw: string | undefined): Parsed<T>
}

function setting<T>(
  name: string,
  about: string,
  type: string,
  fallback: T,
  parse: (raw: string) => Parsed<T>,
  isSecret = false,
): Setting<T> {
  return { name, about, type, fallback, secret: isSecret, parse: (raw) => (raw === undefined ? { value: fallback } : parse(raw)) }
}

export const text = (name: string, about: string, fallback: string | null = null): Setting<string | null> =>
  setting(name, about, 'text', fallback, (raw) => ({ value: raw }))

/** A folder whose default is the machine's. @param usual that default in words */
export const folder = (name: string, about: string, usual: string): Setting<string | null> => ({ ...text(name, about), usual })

export const language = (name: string, about: string): Setting<string | null> =>
  setting<string | null>(name, about, 'language code', null, (raw) =>
    LANGUAGE_CODE.test(raw) ? { value: raw } : { problem: `${LANGUAGE_RULE}, such as en, or empty to have it detected, not "${raw}"` },
  )

export const secret = (name: string, about: string): Setting<Secret | null> =>
  setting<Secret | null>(name, about, 'secret', null, (raw) => ({ value: new Secret(raw) }), true)

export const list = (name: string, about: string): Setting<readonly string[]> =>
  setting<readonly string[]>(name, about, 'list', [], (raw) => ({
    value: raw
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  }))

/** Values that may hold commas, separated by blanks. @param problemOf what is wrong with one of them; null: nothing */
export const words = (name: string, about: string, problemOf: (word: string) => string | null): Setting<readonly string[]> =>
  setting<readonly string[]>(name, about, 'list, separated by blanks', [], (raw) => {
    const value = raw.split(/\s+/)
    const wrong = value.flatMap((word) => problemOf(word) ?? [])
    return wrong[0] === undefined ? { value } : { problem: wrong[0] }
  })

export function integer(name: string, fallback: number, min: number, max: number, about: string): Setting<number> {
  return setting(name, about, `${min} to ${max}`, fallback, (raw) => {
    const value = Number(raw)
    if (!Number.isInteger(value) || value < min || value > max)
      return { problem: `must be a whole number from ${min} to ${max}, not "${raw}"` }
    return { value }
  })
}

/** A number of channels, or `auto`. @param max the most that one session may have */
export function channels(name: string, max: number, fallback: number | 'auto', about: string): Setting<number | 'auto'> {
  return setting<number | 'auto'>(name, about, `1 to ${max}, or auto`, fallback, (raw) => {
    if (raw.toLowerCase() === 'auto') return { value: 'auto' }
    const value = Number(raw)
    if (!Number.isInteger(value) || value < 1 || value > max) return { problem: `must be 1 to ${max}, or auto, not "${raw}"` }
    return { value }
  })
}

export function boolean(name: string, fallback: boolean, about: string): Setting<boolean> {
  return setting(name, about, 'true or false', fallback, (raw) => {
    const word = raw.toLowerCase()
    if (['true', '1', 'yes', 'on'].includes(word)) return { value: true }
    if (['false', '0', 'no', 'off'].includes(word)) return { value: false }
    return { problem: `must be true or false, not "${raw}"` }
  })
}

export function choice<const T extends string>(name: string, options: readonly T[], fallback: T | null, about: string): Setting<T | null> {
  return setting<T | null>(name, about, options.join(', '), fallback, (raw) => {
    const found = options.find((option) => option === raw)
    return found === undefined ? { problem: `must be one of ${options.join(', ')}, not "${raw}"` } : { value: found }
  })
}

/** @param withSecret the address may carry a password: kept as a `Secret` */
export function url(name: string, protocols: readonly string[], about: string): Setting<string | null>
export function url(name: string, protocols: readonly string[], about: string, withSecret: true): Setting<Secret | null>
export function url(name: string, protocols: readonly string[], about: string, withSecret = false): Setting<string | Secret | null> {
  return setting<string | Secret | null>(
    name,
    about,
    'address',
    null,
    (raw) => {
      const shown = withSecret ? 'what is set' : `"${raw}"`
      if (!URL.canParse(raw))
        return { problem: `must be an address that begins with ${protocols.map((p) => `${p}//`).join(' or ')}, not ${shown}` }
      const { protocol } = new URL(raw)
      if (!protocols.includes(protocol))
        return { problem: `must begin with ${protocols.map((p) => `${p}//`).join(' or ')}, not ${protocol}//` }
      return { value: withSecret ? new Secret(raw) : raw.replace(/\/+$/, '') }
    },
    withSecret,
  )
}
