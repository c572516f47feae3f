/**
 * `npm run faults [-- --report FILE ...] [--write] [--project NAME]`: which test stands for which row of the catalogue of faults, and how
 * it ended. A test names its rows at the beginning of its title ("28 kill -9 in mid-meeting: ..."; "28 29 ...", "row 9: ..."). Without a report the
 * files that have such titles are run. `--write` puts the table into test/README.md. Exit 1 when a row has no test, or one that did not pass
 * (a test that was skipped did not, nor did those of a file that could not be loaded), or when the run itself failed.
 */
import { spawn } from 'node:child_process'
import { realpathSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const TEST = join(ROOT, 'test')
const README = join(TEST, 'README.md')
const [BEGIN, END] = ['<!-- faults -->', '<!-- /faults -->']
/** folders of test/; contract/media is in one of them */
const PROJECTS = ['unit', 'contract', 'e2e']
/** rows of the catalogue that a title may begin with */
const TITLE = /^(?:row )?((?:\d{1,2}:? )+)\D/
const SOURCE = /\b(?:test|it)(?:\.\w+(?:\([^)]*\))?)*\(\s*['"`](?:row )?((?:\d{1,2}:? )+)\D/g

/** The catalogue, by number. */
const ROWS = [
  'socket drop, session alive',
  'drop with no acknowledgement since the start',
  'half-open (blackhole) socket',
  'open, then 4403 / 44xx, in a loop',
  'POST 429 / 5xx / timeout / garbage body',
  '401 / 402, quota',
  'outage of 10 minutes and more',
  'session length limit, server restart',
  'malformed, huge and hostile messages',
  'duplicate, repeated, reordered finals',
  'channel out of range',
  'final for somebody who left',
  'timestamps that jump, NaN, beyond the audio',
  'late finals after stop; an end never confirmed',
  'slow server (backpressure)',
  'signalling drop, media alive',
  'LiveKit restart (full reconnect)',
  'no LiveKit for longer than 30 s',
  'media frozen with frames flowing',
  'duplicate identity of the bot',
  'same identity rejoins',
  'republish and mute storm',
  '50 join at once',
  'more participants than channels',
  'jitter, loss, clock skew between tracks',
  'token expiry, room deleted, bot removed, empty room',
  'video and data tracks, unknown codec, stereo',
  'bot process kill -9 in mid-meeting',
  'native crash, abort',
  'rolling deploy, drain',
  'memory, file and thread limits',
  'event loop stands still, 100 ms to 30 s',
  'disk full, read-only, EIO, slow',
  'torn or corrupt tail of a spool',
  'clock jumps by an hour',
  'two workers claim one meeting',
  'Redis restart',
  'failover losing the last second',
  'Redis slow or paused',
  'Redis out of memory, evicting, old, read-only',
  'database down for 10 minutes',
  'worker dies in mid-job',
  'poison job',
]
/** a file with such titles that the reports know nothing of */
const NOT_RUN = 'not run'
/** a file with such titles that was run, and has no tests */
const NOT_LOADED = 'not loaded'
const LATER = 'Rows 44 to 59 (summaries, Slack, webhooks; schedules and the API) belong to later issues.'

/** @returns {Promise<ReadonlyMap<string, ReadonlySet<number>>>} test files that have titles with rows, relative to test/, and those rows */
async function rowsOfFiles(projects) {
  const found = new Map()
  for (const project of projects) {
    for (const name of (await readdir(join(TEST, project), { recursive: true })).toSorted()) {
      if (!name.endsWith('.test.ts')) continue
      const source = await readFile(join(TEST, project, name), 'utf8')
      const rows = new Set([...source.matchAll(SOURCE)].flatMap(([, numbers]) => rowsOf(numbers)))
      if (rows.size > 0) found.set(join(project, name).split(sep).join('/'), rows)
    }
  }
  return found
}

/** @returns {number[]} the rows that a title begins with */
const rowsOf = (numbers) => numbers.replaceAll(':', '').trim().split(' ').map(Number)

/** Runs the tests of some files that begin with a row. @returns {Promise<{ report: string, code: number | null }>} the path of the report, and how vitest ended */
async function runTests(files, folder) {
  const report = join(folder, 'report.json')
  const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs')
  const args = ['run', '--config', join(TEST, 'vitest.config.ts'), '--testNamePattern', '(^| )[0-9]{1,2}:? [^0-9]']
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  const child = spawn(process.execPath, [vitest, ...args, ...reporters, ...files], { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] })
  const code = await new Promise((resolve) => child.once('exit', resolve))
  return { report, code }
}

/**
 * A test that was skipped counts as one: no name of a row is left out by the pattern of `runTests`, and a suite whose set-up failed has its tests skipped.
 * @param {readonly string[]} reports
 * @param {ReadonlyMap<string, ReadonlySet<number>>} sources rows by file
 * @returns {Promise<Map<number, { file: string, title: string, status: string }[]>>} tests by row
 */
export async function testsByRow(reports, sources) {
  /** @type {Map<number, { file: string, title: string, status: string }[]>} */
  const byRow = new Map()
  const add = (row, test) => byRow.set(row, [...(byRow.get(row) ?? []), test])
  const left = new Map(sources)
  for (const path of reports) {
    const { testResults = [] } = JSON.parse(await readFile(path, 'utf8'))
    for (const { name, assertionResults } of testResults) {
      const file = relative(TEST, name).split(sep).join('/')
      for (const { title, status } of assertionResults) {
        const numbers = TITLE.exec(title)?.[1]
        for (const row of numbers === undefined ? [] : rowsOf(numbers)) add(row, { file, title, status })
      }
      if (assertionResults.length === 0) for (const row of sources.get(file) ?? []) add(row, { file, title: '', status: NOT_LOADED })
      left.delete(file)
    }
  }
  for (const [file, rows] of left) for (const row of rows) add(row, { file, title: '', status: NOT_RUN })
  return byRow
}

/** @returns {string} what came of the tests of a row */
export function resultOf(tests) {
  const ran = tests.filter(({ status }) => status !== NOT_RUN)
  const failed = ran.filter(({ status }) => status !== 'passed').length
  if (tests.length === 0) return '**no test**'
  const rest = ran.length < tests.length ? [`${tests.length - ran.length} not run`] : []
  if (failed > 0) return [`**${failed} of ${ran.length} failed**`, ...rest].join(', ')
  return [...(ran.length > 0 ? [`${ran.length} passed`] : []), ...rest].join(', ')
}

/** @returns {boolean} whether some of its tests passed, and none that was run did not */
export const stands = (tests) =>
  tests.some(({ status }) => status === 'passed') && tests.every(({ status }) => ['passed', NOT_RUN].includes(status))

/** One line a row: files with the number of their tests. */
function tableOf(byRow) {
  const lines = ROWS.map((fault, index) => {
    const tests = byRow.get(index + 1) ?? []
    const counts = new Map()
    for (const { file } of tests) counts.set(file, (counts.get(file) ?? 0) + 1)
    const files = [...counts].map(([file, count]) => `${file.replace(/\.test\.ts$/, '')}${count > 1 ? ` (${count})` : ''}`)
    return `| ${index + 1} | ${fault} | ${files.join(', ')} | ${resultOf(tests)} |`
  })
  return ['| row | fault | tests | result |', '|---|---|---|---|', ...lines, '', LATER].join('\n')
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      report: { type: 'string', multiple: true },
      project: { type: 'string', multiple: true },
      write: { type: 'boolean', default: false },
    },
  })
  const folder = await mkdtemp(join(tmpdir(), 'roomscribe-faults-'))
  try {
    const projects = values.project ?? PROJECTS
    const sources = await rowsOfFiles(projects)
    const own = values.report ? null : await runTests([...sources.keys()], folder)
    const byRow = await testsByRow(own ? [own.report] : values.report, sources)
    for (const [index, fault] of ROWS.entries()) {
      const tests = byRow.get(index + 1) ?? []
      process.stdout.write(`\n${index + 1} ${fault}: ${resultOf(tests)}\n`)
      for (const { file, title, status } of tests) process.stdout.write(`  ${status === 'passed' ? 'ok  ' : status}  ${file}  ${title}\n`)
    }
    const wrong = ROWS.flatMap((_, index) => (stands(byRow.get(index + 1) ?? []) ? [] : [index + 1]))
    process.stdout.write(`\n${LATER}\n${ROWS.length - wrong.length} of ${ROWS.length} rows stand`)
    process.stdout.write(wrong.length === 0 ? '\n' : `; without a test, or with one that did not pass: ${wrong.join(' ')}\n`)
    const isRunWell = own === null || own.code === 0
    if (!isRunWell) process.stdout.write(`vitest ended with ${own.code}\n`)
    if (values.write) {
      const text = await readFile(README, 'utf8')
      const [before, rest] = text.split(BEGIN)
      const after = rest?.split(END)[1]
      if (before === undefined || after === undefined) throw new Error(`test/README.md has no ${BEGIN} ... ${END}`)
      await writeFile(README, `${before}${BEGIN}\n${tableOf(byRow)}\n${END}${after}`)
    }
    process.exitCode = wrong.length === 0 && isRunWell ? 0 : 1
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
