import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { jsonOption, whyNoReport } from '../../support/json-option.js'

const isBench = (word: string) => ['live', 'crowd'].includes(word)

test.each([
  [['live'], null, ['live']],
  [['live', '--json'], '-', ['live']],
  [['live', '--json', 'out.json'], 'out.json', ['live']],
  [['--json', 'out.json', 'live', '--full'], 'out.json', ['live', '--full']],
  [['--json', 'live'], '-', ['live']],
  [['--json=live', 'live'], 'live', ['live']],
  [['--json', '--people', '8'], '-', ['--people', '8']],
  [['--json='], '-', []],
  [['--json', ''], '-', ['']],
] as const)('`--json` of %j is %j, and leaves %j', (args, json, rest) => {
  expect(jsonOption(args, isBench)).toEqual({ json, rest })
})

test('a report that cannot be written is told of before it is made, and one that was written before stays', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'roomscribe-json-'))
  const file = join(folder, 'old.json')
  writeFileSync(file, '{}')
  expect([await whyNoReport(null), await whyNoReport('-'), await whyNoReport(file)]).toEqual([null, null, null])
  expect(readFileSync(file, 'utf8')).toBe('{}')
  expect(await whyNoReport(join(folder, 'absent', 'out.json'))).toMatch(/^.*out\.json cannot be written: ENOENT/)
  rmSync(folder, { recursive: true })
})
