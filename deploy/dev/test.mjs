/**
 * `npm test`: all set-up, every check, then the tests: unit and contract on two cores, then those with media or whole processes alone, one file after the other.
 * Ends with a line `N passed, N failed` that counts what really ran. With CI=true nothing may be skipped.
 *
 *   node deploy/dev/test.mjs [unit|contract|media|e2e ...]
 */
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setUp } from './setup.mjs'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PROJECTS = ['unit', 'contract', 'media', 'e2e']
/** @type {readonly { name: string, args: readonly string[] }[]} */
const CHECKS = [
  { name: 'types', args: ['run', '-s', 'types'] },
  { name: 'lint', args: ['run', '-s', 'lint'] },
  { name: 'format', args: ['run', '-s', 'format:check'] },
  { name: 'dead code', args: ['run', '-s', 'deadcode'] },
]

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @returns {Promise<boolean>} whether it ended well
 */
function run(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] })
    child.once('error', () => resolve(false))
    child.once('exit', (code) => resolve(code === 0))
  })
}

/**
 * @param {string} project
 * @param {string} folder for the report
 * @returns {Promise<{ passed: number, failed: number, skipped: number }>}
 */
async function runProject(project, folder) {
  const report = join(folder, `${project}.json`)
  const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs')
  const config = join(ROOT, 'test', 'vitest.config.ts')
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  const ok = await run(process.execPath, [vitest, 'run', '--config', config, '--project', project, ...reporters])
  const counts = await readFile(report, 'utf8')
    .then((text) => JSON.parse(text))
    .catch(() => ({}))
  const { numPassedTests: passed = 0, numFailedTests = 0, numPendingTests = 0, numTodoTests = 0 } = counts
  // a file that could not be loaded, or an error outside of any test, fails the run without a failed test
  const failed = numFailedTests === 0 && !ok ? 1 : numFailedTests
  return { passed, failed, skipped: numPendingTests + numTodoTests }
}

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !PROJECTS.includes(name))
const total = { passed: 0, failed: 0, skipped: 0 }
if (unknown.length > 0) {
  process.stderr.write(`unknown: ${unknown.join(' ')}; known: ${PROJECTS.join(' ')}\n`)
  process.exitCode = 2
} else {
  const problems = await setUp({ tests: true })
  for (const problem of problems) process.stderr.write(`${problem}\n`)
  total.failed += problems.length
  if (problems.length === 0) {
    for (const { name, args } of wanted.length > 0 ? [] : CHECKS) {
      process.stdout.write(`\n== ${name}\n`)
      if (!(await run('npm', args))) {
        process.stderr.write(`check failed: ${name}\n`)
        total.failed++
      }
    }
    const folder = await mkdtemp(join(tmpdir(), 'roomscribe-test-'))
    for (const project of wanted.length > 0 ? wanted : PROJECTS) {
      process.stdout.write(`\n== ${project} tests\n`)
      const { passed, failed, skipped } = await runProject(project, folder)
      total.passed += passed
      total.failed += failed
      total.skipped += skipped
    }
    await rm(folder, { recursive: true, force: true })
  }
  const isCi = process.env['CI'] === 'true'
  if (isCi && total.skipped > 0) {
    process.stderr.write(`${total.skipped} skipped tests count as failed: CI=true\n`)
    total.failed += total.skipped
  }
  const skipped = !isCi && total.skipped > 0 ? `, ${total.skipped} skipped` : ''
  process.stdout.write(`\n${total.passed} passed, ${total.failed} failed${skipped}\n`)
  if (total.failed > 0 || total.passed === 0) process.exitCode = 1
}
