import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'

interface RowTest {
  readonly file: string
  readonly title: string
  readonly status: string
}
/** The script is plain JavaScript: what the tests use of it. */
interface Faults {
  testsByRow(
    reports: readonly string[],
    sources: ReadonlyMap<string, ReadonlySet<number>>,
  ): Promise<ReadonlyMap<number, readonly RowTest[]>>
  resultOf(tests: readonly RowTest[]): string
  stands(tests: readonly RowTest[]): boolean
}
const faults = (await import(new URL('../../../deploy/dev/faults.mjs', import.meta.url).href)) as Faults

const [ONE, TWO] = ['contract/one.test.ts', 'unit/two.test.ts']

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'faults-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** What is said of row 41, which both files have a test of, when vitest says this of them. */
async function row(files: Readonly<Record<string, readonly (readonly [title: string, status: string])[]>>) {
  const report = join(folder, 'report.json')
  const testResults = Object.entries(files).map(([file, tests]) => ({
    name: fileURLToPath(new URL(`../../${file}`, import.meta.url)),
    assertionResults: tests.map(([title, status]) => ({ title, status })),
  }))
  await writeFile(report, JSON.stringify({ testResults }))
  const sources = new Map([ONE, TWO].map((file) => [file, new Set([41])] as const))
  const tests = (await faults.testsByRow([report], sources)).get(41) ?? []
  return [faults.stands(tests), faults.resultOf(tests)]
}

test('a row stands when its tests passed, of some or of all files that have one', async () => {
  const passed = [['41 a', 'passed']] as const
  expect(await row({ [ONE]: passed, [TWO]: [['40 41 b', 'passed']] })).toEqual([true, '2 passed'])
  expect(await row({ [ONE]: passed })).toEqual([true, '1 passed, 1 not run'])
})

test('a row without a test, or whose tests were all not run, does not stand', async () => {
  expect(await row({ [ONE]: [['a', 'passed']], [TWO]: [['b', 'passed']] })).toEqual([false, '**no test**'])
  expect(await row({})).toEqual([false, '2 not run'])
})

test.each(['failed', 'skipped', 'pending', 'todo'])(
  'a row with a test that is %s does not stand, whatever passed elsewhere',
  async (status) => {
    expect(await row({ [ONE]: [['41 a', 'passed']], [TWO]: [['41 b', status]] })).toEqual([false, '**1 of 2 failed**'])
  },
)

test('a row does not stand while a file of it cannot be loaded', async () => {
  expect(await row({ [ONE]: [['41 a', 'passed']], [TWO]: [] })).toEqual([false, '**1 of 2 failed**'])
})
