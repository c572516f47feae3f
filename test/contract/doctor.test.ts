import { mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Secret } from '../../src/app/config/secret.js'
import type { Settings } from '../../src/app/config/settings.js'
import { examine, nodeFinding, type Finding } from '../../src/app/doctor.js'
import { startUp } from '../../src/app/up.js'
import { systemClock } from '../../src/core/time.js'
import { silentLogger } from '../../src/observe/logger.js'
import { startSlackStandin } from '../../src/standins/slack/server.js'
import { testSettings } from '../support/settings.js'
import { startSpeechServerProcess } from '../support/speech-server-process.js'

let dataDir: string
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'roomscribe-doctor-'))
})
afterEach(() => rmSync(dataDir, { recursive: true, force: true }))

const NOWHERE = { url: 'ws://127.0.0.1:9', apiKey: 'key', apiSecret: 'secret-of-at-least-32-characters-long' }
const parts = { clock: systemClock, logger: silentLogger }
const settingsOf = (own: Partial<Settings> = {}): Settings => testSettings({ dataDir, ...own }, NOWHERE)

async function found(what: string, settings: Settings): Promise<Finding> {
  const finding = (await examine(settings, [], parts)).find((one) => one.what === what)
  if (!finding) throw new Error(`doctor did not look at ${what}`)
  return finding
}

test('an address of speech without a key is what doctor asks, as `up` does, and a refusal says which key was sent', async () => {
  const open = await startSpeechServerProcess('marks')
  const guarded = await startSpeechServerProcess('marks', [], { ROOMSCRIBE_API_KEY: 'the-right-key' })
  try {
    // no weights are needed for it
    const elsewhere = { cacheDir: join(dataDir, 'no-cache') }
    expect(await found('speech', settingsOf({ ...elsewhere, gladiaApiUrl: open.url }))).toMatchObject({
      ok: true,
      detail: expect.stringContaining(open.url),
    })
    expect(await found('speech', settingsOf({ ...elsewhere, gladiaApiUrl: guarded.url }))).toMatchObject({
      ok: false,
      detail: expect.stringMatching(/does not accept the key: it gets the key `local`, since GLADIA_API_KEY is not set/),
    })
    expect(await found('speech', settingsOf({ ...elsewhere, gladiaApiUrl: 'http://127.0.0.1:9' }))).toMatchObject({ ok: false })
  } finally {
    await open.stop()
    await guarded.stop()
  }
})

test('where the local recogniser is the fallback its weights are looked at too', async () => {
  const gladia = { stt: 'gladia', gladiaApiKey: new Secret('k'), gladiaApiUrl: 'http://127.0.0.1:9' } as const
  const missing = settingsOf({ ...gladia, fallback: 'local', cacheDir: join(dataDir, 'no-cache') })
  expect(await found('fallback', missing)).toMatchObject({ ok: false, detail: expect.stringMatching(/weights/) })
  expect((await examine(settingsOf(gladia), [], parts)).map(({ what }) => what)).not.toContain('fallback')
})

test('a token of Slack without a channel is told', async () => {
  const slack = await startSlackStandin()
  try {
    const token = { slackBotToken: new Secret('xoxb-1'), slackApiUrl: slack.url }
    expect(await found('Slack', settingsOf(token))).toMatchObject({ ok: true, detail: expect.stringContaining('ROOMSCRIBE_SLACK_CHANNEL') })
    expect((await found('Slack', settingsOf({ ...token, slackChannel: 'meetings' }))).detail).toMatch(/; channel meetings$/)
  } finally {
    await slack.close()
  }
})

test('an embedded database that a running `up` has is no fault; one that anybody else has is', async () => {
  const settings = settingsOf({ gladiaApiUrl: 'http://127.0.0.1:9' })
  const up = await startUp(settings, { ...parts, random: Math.random })
  try {
    expect(await found('database', settings)).toMatchObject({
      ok: true,
      detail: expect.stringContaining(`process ${process.pid} of roomscribe`),
    })
    renameSync(join(dataDir, 'port'), join(dataDir, 'no-port'))
    expect(await found('database', settings)).toMatchObject({ ok: false, detail: expect.stringMatching(/in use by .* process/) })
  } finally {
    await up.close()
  }
  expect(await found('database', settings)).toMatchObject({ ok: true, detail: `embedded, in ${dataDir}` })
})

test('a Node below the oldest that is needed is wrong, and that one is named', async () => {
  expect(await found('Node', settingsOf())).toEqual({ what: 'Node', ok: true, detail: process.version })
  for (const fine of ['v20.20.0', 'v20.20.1', 'v22.0.0', 'v100.1.1']) expect(nodeFinding(fine, '20.20.0')).toBe(fine)
  for (const old of ['v20.19.9', 'v18.99.0', 'v20.2.30']) expect(() => nodeFinding(old, '20.20.0')).toThrow(/Node 20\.20\.0 or later/)
})
