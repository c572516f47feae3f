/**
 * Sets the machine up: packages, build, recogniser's weights, a LiveKit server and, with --tests, what only the tests need.
 * Plain JavaScript without dependencies; may be run again at any time, killed at any time, and run twice at once.
 *
 *   node deploy/dev/setup.mjs [--tests] [--demo] [--quiet]
 */
import { realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from './build.mjs'
import { cacheDir } from './cache-dir.mjs'
import { debian } from './debian.mjs'
import { livekit } from './livekit.mjs'
import { packages } from './packages.mjs'
import { weights } from './weights.mjs'

const NEEDED_NODE = [20, 20]

/**
 * What a step may use.
 * @typedef {object} Context
 * @property {string} root of the checkout
 * @property {string} cache folder outside the checkout
 * @property {Record<string, string | undefined>} env
 * @property {boolean} tests whether this is for the tests
 * @property {(what: string) => void} working says that the step is going to do something that takes time
 * @property {(pid: number) => void} waiting says that another set-up holds the lock
 */

/** @typedef {{ name: string, about: string, run: (context: Context) => Promise<string> }} Step */

/** @type {readonly Step[]} */
const STEPS = [
  { name: 'packages', about: 'npm packages of the lockfile', run: packages },
  { name: 'build', about: 'src compiled into dist', run: build },
  { name: 'weights', about: "the recogniser's weights", run: weights },
  { name: 'livekit', about: 'a LiveKit server', run: livekit },
]
const TEST_STEPS = [...STEPS, { name: 'tools', about: 'Redis, PostgreSQL and Chromium for the tests', run: debian }]

/**
 * Does every step that is needed, one after the other, and goes on after one that failed where it can.
 * @param {{ tests?: boolean, quiet?: boolean, root?: string, env?: Record<string, string | undefined>,
 *   write?: (line: string) => void, steps?: readonly Step[] }} options `quiet`: say nothing about what is there already
 * @returns {Promise<readonly string[]>} the problems, one sentence each; empty when all is there
 */
export async function setUp(options = {}) {
  const { tests = false, quiet = false, write = (line) => process.stderr.write(`${line}\n`) } = options
  // `npm -s` is meant for npm's own banner: what npm says of a failure is still wanted
  const { npm_config_loglevel: _, ...env } = options.env ?? process.env
  const root = options.root ?? fileURLToPath(new URL('../..', import.meta.url))
  const old = oldNode(process.versions.node)
  if (old !== undefined) return [old]
  const problems = []
  const failed = new Set()
  for (const { name, about, run } of options.steps ?? (tests ? TEST_STEPS : STEPS)) {
    if (name === 'build' && failed.has('packages')) continue
    const label = name.padEnd(9)
    const started = performance.now()
    const seconds = () => `${((performance.now() - started) / 1000).toFixed(1)} s`
    let isWorking = false
    const context = {
      root,
      env,
      tests,
      cache: cacheDir(env),
      working: (what) => {
        isWorking = true
        write(`${label} ${about}: ${what} ...`)
      },
      waiting: (pid) => write(`${label} waiting for another set-up (process ${pid}) ...`),
    }
    try {
      const outcome = await run(context)
      if (isWorking || !quiet) write(`${label} ${outcome} (${seconds()})`)
    } catch (error) {
      failed.add(name)
      problems.push(`${name}: ${error instanceof Error ? error.message : String(error)}`)
      write(`${label} failed (${seconds()})`)
    }
  }
  return problems
}

/**
 * @param {string} version
 * @returns {string | undefined} the sentence, when it is too old
 */
export function oldNode(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const isOld = major < NEEDED_NODE[0] || (major === NEEDED_NODE[0] && minor < NEEDED_NODE[1])
  return isOld ? `Node ${version} is too old: install Node ${NEEDED_NODE.join('.')} or newer` : undefined
}

/**
 * @param {readonly string[]} args
 * @returns {Promise<number>} exit code
 */
async function main(args) {
  const known = ['--tests', '--demo', '--quiet']
  const unknown = args.filter((arg) => !known.includes(arg))
  if (unknown.length > 0) {
    process.stderr.write(`unknown: ${unknown.join(' ')}; usage: node deploy/dev/setup.mjs [--tests] [--demo] [--quiet]\n`)
    return 2
  }
  const problems = await setUp({ tests: args.includes('--tests'), quiet: args.includes('--quiet') })
  for (const problem of problems) process.stderr.write(`${problem}\n`)
  return problems.length === 0 ? 0 : 1
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = await main(process.argv.slice(2))
}
