import { run as interleave } from './interleave.js'
import { run as leasing } from './leasing.js'
import { run as live } from './live.js'
import { run as mixer } from './mixer.js'
import { table } from './table.js'
import { run as voice } from './voice.js'

/** One bench: numbers, or rows of numbers. */
type Bench = (size: { readonly isFull: boolean }) => Promise<object>

const BENCHES: Readonly<Record<string, Bench>> = { interleave, mixer, voice, leasing, live }

const args = process.argv.slice(2)
const names = args.filter((arg) => !arg.startsWith('--'))
const unknown = [
  ...names.filter((name) => !(name in BENCHES)),
  ...args.filter((arg) => arg.startsWith('--') && !['--json', '--full'].includes(arg)),
]
if (unknown.length > 0) {
  process.stderr.write(`unknown: ${unknown.join(' ')}; benches: ${Object.keys(BENCHES).join(' ')}; options: --json --full\n`)
  process.exitCode = 2
} else {
  const results: Record<string, unknown> = {}
  for (const [name, bench] of Object.entries(BENCHES)) {
    if (names.length > 0 && !names.includes(name)) continue
    process.stderr.write(`${name} ...\n`)
    const result = await bench({ isFull: args.includes('--full') })
    results[name] = result
    if (args.includes('--json')) continue
    process.stdout.write(`${name}\n`)
    for (const [field, value] of Object.entries(result)) {
      if (Array.isArray(value)) process.stdout.write(table(value as object[]))
      else process.stdout.write(`  ${field.padEnd(20)} ${JSON.stringify(value)}\n`)
    }
  }
  // one bench alone is its own document, as api.md has it
  const only = names.length === 1 ? results[names[0] ?? ''] : results
  if (args.includes('--json')) process.stdout.write(`${JSON.stringify(only, null, 2)}\n`)
}
