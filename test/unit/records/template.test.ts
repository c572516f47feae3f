import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { expect, it } from 'vitest'
import { TEMPLATE_FOLDER } from '../../../src/records/sql/embedded/template.js'

it('the template folder carries the version of PGlite that is installed', async () => {
  const main = createRequire(import.meta.url).resolve('@electric-sql/pglite')
  const { version } = JSON.parse(await readFile(new URL('../package.json', `file://${main}`), 'utf8')) as { version: string }
  expect(TEMPLATE_FOLDER).toBe(`pglite-${version}`)
})
