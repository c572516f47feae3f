import { inspect } from 'node:util'
import { readSettings, SETTINGS } from '../../src/app/config/settings.js'
import { seeded } from './marks-audio.js'

/** What a run of the fuzzer found; `failures` has the first ones, with the seed of each. */
export interface SettingsFuzz {
  readonly fuzzed: number
  readonly crashes: number
  readonly failures: readonly string[]
}

type Random = () => number

const pick = <T>(random: Random, options: readonly T[]): T => options[Math.floor(random() * options.length)] as T

const VALUES = [
  '',
  ' ',
  '0',
  '-1',
  '1e3',
  '1e999',
  'NaN',
  'Infinity',
  '08',
  '0x10',
  '9007199254740993',
  'true',
  'OFF',
  'auto',
  'AUTO',
  'null',
  '[object Object]',
  '__proto__',
  'https://',
  'https://[',
  'http://user:pass@host:99999/x',
  'wss://example.com//',
  'postgres://u:p@h/d?x=%',
  'redis://:p@h:6379/0',
  ',,,',
  'a,b , c',
  '\0',
  '\u{1F600}\uD800',
  '%00%zz',
  '../../etc/passwd',
  '-----BEGIN KEY-----\nx\n-----END KEY-----',
]
const ODD_NAMES = [
  '__proto__',
  'constructor',
  'toString',
  'ROOMSCRIBE_',
  'ROOMSCRIBE__FILE',
  'ROOMSCRIBE_FILE',
  '',
  'PATH',
  'HOME',
  'XDG_DATA_HOME',
]
const NAMES = Object.values(SETTINGS).map(({ name }) => name)

/** signs of a long text, about */
const LONG = 100_000

function randomText(random: Random): string {
  if (random() < 0.7) return pick(random, VALUES)
  const length = Math.floor(random() * 40)
  const text = Array.from({ length }, () => String.fromCharCode(Math.floor(random() * (random() < 0.8 ? 128 : 65_536)))).join('')
  // a long one says the same again: to make each of its signs by chance takes longer than to read it
  return random() < 0.02 ? text.repeat(LONG / (length + 1)) : text
}

function randomName(random: Random): string {
  const roll = random()
  if (roll < 0.7) return pick(random, NAMES)
  if (roll < 0.8) return `${pick(random, NAMES)}_FILE`
  if (roll < 0.9) {
    const name = pick(random, NAMES)
    const at = Math.floor(random() * name.length)
    return name.slice(0, at) + pick(random, ['', 'X', '_', 'é']) + name.slice(at + 1)
  }
  return random() < 0.5 ? pick(random, ODD_NAMES) : `ROOMSCRIBE_${randomText(random).slice(0, 40)}`
}

/** One environment, and the texts in it that nobody may be shown. */
function randomEnvironment(random: Random): { env: Record<string, string | undefined>; files: Map<string, string>; secrets: string[] } {
  // as a process has it: names from outside are own keys, whatever they are
  const env = Object.create(null) as Record<string, string | undefined>
  const files = new Map<string, string>()
  const secrets: string[] = []
  for (let count = Math.floor(random() * 12); count > 0; count--) env[randomName(random)] = random() < 0.05 ? undefined : randomText(random)
  for (const { name, secret } of Object.values(SETTINGS)) {
    if (!secret || random() < 0.6) continue
    const canary = `canary${Math.floor(random() * 1e9).toString(36)}`
    // some are addresses that carry a password, right or wrong
    const value =
      random() < 0.5 ? canary : `${pick(random, ['postgres', 'redis', 'ftp', 'http'])}://me:${canary}@host${pick(random, ['', ':x', '/d'])}`
    secrets.push(canary)
    if (random() < 0.5) env[name] = value
    else {
      env[`${name}_FILE`] = `/run/${name}`
      if (random() < 0.8) files.set(`/run/${name}`, `${value}\n`)
    }
  }
  return { env, files, secrets }
}

/**
 * Reads random environments: settings or sentences always come of them, never an exception, and no secret is in a sentence or shows
 * when the settings are printed.
 * @param options.seed of the first environment; each next one has the next
 */
export function runSettingsFuzz({ count, seed }: { readonly count: number; readonly seed: number }): SettingsFuzz {
  let crashes = 0
  const failures: string[] = []
  const fail = (at: number, why: string) => {
    crashes++
    if (failures.length < 10) failures.push(`seed ${at}: ${why}`)
  }
  for (let at = seed; at < seed + count; at++) {
    const { env, files, secrets } = randomEnvironment(seeded(at))
    const readFile = (path: string): string => {
      const text = files.get(path)
      if (text === undefined) throw new Error('ENOENT')
      return text
    }
    try {
      const { settings, problems } = readSettings(env, readFile)
      const wrong = problems.find((problem) => problem === '' || problem.length > 200_000)
      if (wrong !== undefined) fail(at, 'a problem that is no sentence')
      for (const [key, setting] of Object.entries(SETTINGS)) {
        if (!(key in settings)) fail(at, `${setting.name} has neither value nor default`)
      }
      const shown = `${problems.join('\n')}\n${JSON.stringify(settings)}\n${inspect(settings)}`
      if (secrets.some((secret) => shown.includes(secret))) fail(at, 'a secret is shown')
    } catch (thrown) {
      fail(at, String(thrown))
    }
  }
  return { fuzzed: count, crashes, failures }
}
