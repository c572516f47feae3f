/**
 * `npm run faults [-- --report FILE ...] [--write] [--project NAME]`: which test stands for which row of the catalogue of faults, and how
 * it ended. A test names its rows at the beginning of its title ("28 kill -9 in mid-meeting: ..."; "28 29 ...", "row 9: ..."). Without a report the
 * files that have such titles are run. `--write` puts the table into test/README.md. Exit 1 when a row has no test, or one that did not pass.
 */
import { spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const TEST = join(ROOT, 'test')
const README = join(TEST, 'README.md')
const [BEGIN, END] = ['<!-- faults -->', '<!-- /faults -->']
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

/** Runs the tests of some files that begin with a row. @returns {Promise<string>} the path of the report */
async function runTests(files, folder) {
  const report = join(folder, 'report.json')
  const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs')
  const args = ['run', '--config', join(TEST, 'vitest.config.ts'), '--testNamePattern', '(^| )[0-9]{1,2}:? [^0-9]']
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  const child = spawn(process.execPath, [vitest, ...args, ...reporters, ...files], { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] })
  await new Promise((resolve) => child.once('exit', resolve))
  return report
}

/**
 * @param {readonly string[]} reports
 * @returns {Promise<Map<number, { file: string, title: string, status: string }[]>>} tests by row; what was left out of a run is not there
 */
async function testsByRow(reports) {
  /** @type {Map<number, { file: string, title: string, status: string }[]>} */
  const byRow = new Map()
  for (const path of reports) {
    const { testResults = [] } = JSON.parse(await readFile(path, 'utf8'))
    for (const { name, assertionResults } of testResults) {
      const file = relative(TEST, name).split(sep).join('/')
      for (const { title, status } of assertionResults) {
        const numbers = TITLE.exec(title)?.[1]
        if (numbers === undefined || status === 'skipped' || status === 'pending') continue
        for (const row of numbers.replaceAll(':', '').trim().split(' ').map(Number))
          byRow.set(row, [...(byRow.get(row) ?? []), { file, title, status }])
      }
    }
  }
  return byRow
}

/** @returns {string} what came of the tests of a row */
function resultOf(tests) {
  const ran = tests.filter(({ status }) => status !== NOT_RUN)
  const failed = ran.filter(({ status }) => status !== 'passed').length
  if (tests.length === 0) return '**no test**'
  const rest = ran.length < tests.length ? [`${tests.length - ran.length} not run`] : []
  if (failed > 0) return [`**${failed} of ${ran.length} failed**`, ...rest].join(', ')
  return [...(ran.length > 0 ? [`${ran.length} passed`] : []), ...rest].join(', ')
}

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
  const reports = values.report ?? [await runTests([...sources.keys()], folder)]
  const byRow = await testsByRow(reports)
  const ran = new Set([...byRow.values()].flat().map(({ file }) => file))
  for (const [file, rows] of sources) {
    if (ran.has(file)) continue
    for (const row of rows) byRow.set(row, [...(byRow.get(row) ?? []), { file, title: '', status: NOT_RUN }])
  }
  for (const [index, fault] of ROWS.entries()) {
    const tests = byRow.get(index + 1) ?? []
    process.stdout.write(`\n${index + 1} ${fault}: ${resultOf(tests)}\n`)
    for (const { file, title, status } of tests) process.stdout.write(`  ${status === 'passed' ? 'ok  ' : status}  ${file}  ${title}\n`)
  }
  const wrong = ROWS.flatMap((_, index) => {
    const tests = byRow.get(index + 1) ?? []
    const isProven = tests.some(({ status }) => status === 'passed') && tests.every(({ status }) => ['passed', NOT_RUN].includes(status))
    return isProven ? [] : [index + 1]
  })
  process.stdout.write(`\n${LATER}\n${ROWS.length - wrong.length} of ${ROWS.length} rows stand`)
  process.stdout.write(wrong.length === 0 ? '\n' : `; without a test, or with one that did not pass: ${wrong.join(' ')}\n`)
  if (values.write) {
    const text = await readFile(README, 'utf8')
    const [before, rest] = text.split(BEGIN)
    const after = rest?.split(END)[1]
    if (before === undefined || after === undefined) throw new Error(`test/README.md has no ${BEGIN} ... ${END}`)
    await writeFile(README, `${before}${BEGIN}\n${tableOf(byRow)}\n${END}${after}`)
  }
  process.exitCode = wrong.length === 0 ? 0 : 1
} finally {
  await rm(folder, { recursive: true, force: true })
}
