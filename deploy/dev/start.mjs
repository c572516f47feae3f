/**
 * `npm start -- <command>` and `npm run demo`: makes sure that packages are installed and the build is current, then runs the
 * command line of this checkout. For the demo also what the demo needs.
 */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { build } from './build.mjs'
import { packages } from './packages.mjs'
import { setUp } from './setup.mjs'

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const FLAGS = new URL('../../dist/app/node-flags.js', import.meta.url)
const started = performance.now()
const [command = '--help', ...rest] = process.argv.slice(2)
const isDemo = command === 'demo'
const steps = [
  { name: 'packages', about: 'npm packages of the lockfile', run: packages },
  { name: 'build', about: 'src compiled into dist', run: build },
]
const problems = await setUp(isDemo ? {} : { steps, quiet: true })
for (const problem of problems) process.stderr.write(`${problem}\n`)
if (problems.length > 0) process.exitCode = 1
else {
  const setupMs = Math.round(performance.now() - started)
  const args = isDemo ? [command, '--setup-ms', String(setupMs), ...rest] : [command, ...rest]
  const { NODE_FLAGS } = await import(FLAGS.href)
  const child = spawn(process.execPath, [...NODE_FLAGS, MAIN, ...args], { stdio: 'inherit' })
  // Ctrl-C reaches the whole group; a signal sent to this process alone is passed on
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  process.on('SIGINT', () => undefined)
  child.once('exit', (code, signal) => {
    process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 1)
  })
}
