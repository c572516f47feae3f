/**
 * `npm run bench [-- NAME ... --json [FILE]]`: set-up, then the benches of test/bench, compiled into node_modules/.cache.
 * `npm run soak [-- --hours H --json [FILE]]`: the same for test/bench/soak.ts.
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from './run.mjs'
import { setUp } from './setup.mjs'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const OUT = join(ROOT, 'node_modules', '.cache', 'roomscribe-bench', 'test', 'bench')
const [first, ...rest] = process.argv.slice(2)
const isSoak = first === '--soak'
const FILE = join(OUT, isSoak ? 'soak.js' : 'main.js')

const problems = await setUp({ quiet: true })
for (const problem of problems) process.stderr.write(`${problem}\n`)
if (problems.length > 0) process.exitCode = 1
else {
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
  const { code, last } = await run(process.execPath, [tsc, '-p', join(ROOT, 'test', 'bench')], { cwd: ROOT })
  if (code === 0) {
    const child = spawn(process.execPath, [FILE, ...(isSoak ? rest : process.argv.slice(2))], { cwd: ROOT, stdio: 'inherit' })
    child.once('exit', (exit) => {
      process.exitCode = exit ?? 1
    })
  } else {
    process.stderr.write(`the benches do not compile:\n${last}\n`)
    process.exitCode = 1
  }
}
