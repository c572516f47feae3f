import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openSpeech } from '../../../src/app/speech.js'
import { systemClock } from '../../../src/core/time.js'
import { silentLogger } from '../../../src/observe/logger.js'
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

const open = () => {
  const settings = testSettings({ dataDir: folder }, { url: 'ws://127.0.0.1:9', apiKey: 'key', apiSecret: 'secret' })
  const logger = { ...silentLogger, error: (_: object, message: string) => void told.push(message) }
  return openSpeech(settings, { clock: systemClock, logger, random: () => 0.1 })
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
