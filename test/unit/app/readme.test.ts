import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { settingsTable } from '../../../src/app/config/table.js'

it('the README lists every setting as the command line prints it', async () => {
  const readme = await readFile(new URL('../../../README.md', import.meta.url), 'utf8')
  const table = /<!-- settings -->\n([\s\S]*?)\n<!-- \/settings -->/.exec(readme)?.[1]
  expect(table).toBe(settingsTable())
})
