import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { jsonOption, whyNoReport } from '../support/json-option.js'
import { CONTROL_PARTS, run as control } from './control.js'
import { run as crowd, runFirstWords as firstWords } from './crowd.js'
import { run as interleave } from './interleave.js'
import { run as leasing } from './leasing.js'
import { run as live } from './live.js'
import { run as mixer } from './mixer.js'
import { run as realNames } from './names.js'
import { RESILIENCE_PARTS, run as resilience } from './resilience.js'
import type { Size } from './size.js'
import { table } from './table.js'
import { run as voice } from './voice.js'

/** One bench: numbers, or rows of numbers. */
type Bench = (size: Size) => Promise<object>

const BENCHES: Readonly<Record<string, Bench>> = {
  interleave,
  mixer,
  voice,
  leasing,
  live,
  crowd,
  'first-words': firstWords,
  names: realNames,
  resilience,
  control,
}

const PARTS = [...RESILIENCE_PARTS, ...CONTROL_PARTS]
const MAX_PEOPLE = 64

function read(all: string[]): { readonly names: readonly string[]; readonly json: string | null; readonly size: Size } | string {
  try {
    const { json, rest } = jsonOption(all, (word) => word in BENCHES)
    const { values, positionals } = parseArgs({
      args: [...rest],
      allowPositionals: true,
      options: {
        full: { type: 'boolean' },
        people: { type: 'string' },
        part: { type: 'string' },
        count: { type: 'string' },
      },
    })
    const unknown = positionals.filter((name) => !(name in BENCHES))
    if (unknown.length > 0) return `unknown: ${unknown.join(' ')}`
    const people = values.people === undefined ? null : Number(values.people)
    if (people !== null && !(Number.isInteger(people) && people >= 4 && people <= MAX_PEOPLE)) return `--people is 4 to ${MAX_PEOPLE}`
    const part = PARTS.find((one) => one === values.part) ?? null
    if (values.part !== undefined && part === null) return `--part is one of ${PARTS.join(' ')}`
    const count = values.count === undefined ? null : Number(values.count)
    if (count !== null && !(Number.isInteger(count) && count > 0)) return '--count is a whole number above 0'
    // all of them are to end in ten minutes
    const scale = values.full ? 'full' : positionals.length === 0 ? 'brief' : 'usual'
    return { names: positionals, json, size: { scale, people, part, count } }
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown)
  }
}

const parsed = read(process.argv.slice(2))
const asked = typeof parsed === 'string' ? parsed : ((await whyNoReport(parsed.json)) ?? parsed)
if (typeof asked === 'string') {
  process.stderr.write(
    `${asked}; benches: ${Object.keys(BENCHES).join(' ')}; options: --json [FILE] --full --people N --part NAME --count N\n`,
  )
  process.exitCode = 2
} else {
  const { names, json, size } = asked
  const results: Record<string, unknown> = {}
  for (const [name, bench] of Object.entries(BENCHES)) {
    if (names.length > 0 && !names.includes(name)) continue
    process.stderr.write(`${name} ...\n`)
    const result = await bench(size)
    results[name] = result
    if (json === '-') continue
    process.stdout.write(`${name}\n`)
    for (const [field, value] of Object.entries(result)) {
      if (Array.isArray(value)) process.stdout.write(table(value as object[]))
      else process.stdout.write(`  ${field.padEnd(20)} ${JSON.stringify(value)}\n`)
    }
  }
  // one bench alone is its own document
  const only = names.length === 1 ? results[names[0] ?? ''] : results
  const text = `${JSON.stringify(only, null, 2)}\n`
  if (json === '-') process.stdout.write(text)
  else if (json !== null) await writeFile(json, text)
}
