import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { SETTINGS } from '../../../src/app/config/settings.js'
import { settingsTable } from '../../../src/app/config/table.js'

const readme = () => readFile(new URL('../../../README.md', import.meta.url), 'utf8')

it('the README lists every setting as the command line prints it', async () => {
  const table = /<!-- settings -->\n([\s\S]*?)\n<!-- \/settings -->/.exec(await readme())?.[1]
  expect(table).toBe(settingsTable())
})

it('the README names exactly the settings that are read from files', async () => {
  const line = /^.*`<NAME>_FILE`.*$/m.exec(await readme())?.[0] ?? ''
  const named = [...line.matchAll(/`([A-Z_]+)`/g)].map(([, name]) => name)
  expect(named).toEqual(Object.values(SETTINGS).flatMap(({ name, secret }) => (secret ? [name] : [])))
})
