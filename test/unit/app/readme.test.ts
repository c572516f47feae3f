import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { SETTINGS } from '../../../src/app/config/settings.js'
import { settingsTable } from '../../../src/app/config/table.js'
import { createPaint } from '../../../src/cli/terminal/paint.js'
import { receiptLines } from '../../../src/cli/terminal/receipt.js'
import { asIdentity } from '../../../src/core/ids.js'
import { receiptView } from '../../../src/live/transcript/render/receipt.js'
import { coverageRow, NOTHING_BILLED } from '../../support/coverage-row.js'
import { documentOf } from '../live/transcript/fixtures.js'

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

it('the receipt in the README is what the code prints', async () => {
  const coverage = [
    coverageRow({
      identity: asIdentity('bus'),
      name: 'Bus stop',
      speechMs: 1_800_000,
      lostMs: 18_100,
      lostBy: { ring_full: 18_100 },
      returnedSpeechMs: 17_800,
      noisy: true,
      waits: { count: 22, totalMs: 247_300, maxMs: 30_000 },
    }),
    coverageRow({
      identity: asIdentity('anna'),
      name: 'Anna Berg',
      speechMs: 741_200,
      returnedSpeechMs: 726_400,
      waits: { count: 4, totalMs: 1_100, maxMs: 500 },
    }),
  ]
  const billing = {
    ...NOTHING_BILLED,
    channelSec: 3600,
    speechSec: 2541.2,
    channelEachSec: 7200,
    perSpeechSec: 3600 / 2541.2,
    ofChannelEach: 0.5,
  }
  const view = receiptView(documentOf([], { coverage, billing, complete: false, doubts: ['lost'] }))
  const block = /^## The receipt$[\s\S]*?```\n([\s\S]*?)\n```/m.exec(await readme())?.[1]
  expect(block).toBe(receiptLines(view, createPaint(false)).join('\n'))
})
