import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openSpeech } from '../../../src/app/speech.js'
import { systemClock, type Clock } from '../../../src/core/time.js'
import { silentLogger } from '../../../src/observe/logger.js'
import { ManualClock } from '../../support/manual-clock.js'
import { testSettings } from '../../support/settings.js'
import { until } from '../../support/until.js'

let folder: string
let server: string
const { execPath } = process
const told: string[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'roomscribe-speech-'))
  server = join(folder, 'server')
  process.execPath = server
  told.length = 0
})
afterEach(() => {
  process.execPath = execPath
  rmSync(folder, { recursive: true, force: true })
})

const open = (clock: Clock = systemClock) => {
  const settings = testSettings({ dataDir: folder }, { url: 'ws://127.0.0.1:9', apiKey: 'key', apiSecret: 'secret' })
  const logger = { ...silentLogger, error: (_: object, message: string) => void told.push(message) }
  return openSpeech(settings, { clock, logger, random: () => 0.1 })
}

it('31 a local recogniser for which the system has no process is one sentence, and no end of this process without a word', async () => {
  await expect(open()).rejects.toThrow(/the local speech server did not start: .*ENOENT/)
})

it('31 the same of one that died: this process lives on, and tries until there is one again', async () => {
  writeFileSync(server, `#!/bin/sh\necho ready at http://127.0.0.1:9 >&2\nsleep 0.2\n`, { mode: 0o755 })
  const speech = await open()
  rmSync(server)
  await until(() => told.includes('local speech server did not start again'))
  writeFileSync(server, `#!/bin/sh\necho again > ${join(folder, 'again')}\nexec sleep 60\n`, { mode: 0o755 })
  await until(() => existsSync(join(folder, 'again')))
  await speech.close()
})

it('a local recogniser that does not come up is given up, and ended: its start was waited for without end', async () => {
  writeFileSync(server, `#!/bin/sh\necho $$ > ${join(folder, 'pid')}\nexec sleep 600\n`, { mode: 0o755 })
  const clock = new ManualClock()
  const opened = open(clock).catch((thrown: unknown) => thrown)
  await until(() => existsSync(join(folder, 'pid')))
  await clock.advance(119_000)
  expect(await Promise.race([opened, systemClock.sleep(100).then(() => 'waits')])).toBe('waits')
  await clock.advance(2_000)
  expect(await opened).toMatchObject({ message: expect.stringMatching(/did not start: .*120 s/) })
  expect(clock.pending).toBe(0)
})
