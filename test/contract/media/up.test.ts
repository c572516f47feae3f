import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startUp, type Up } from '../../../src/app/up.js'
import { systemClock } from '../../../src/core/time.js'
import { silentLogger } from '../../../src/observe/logger.js'
import { testSettings } from '../../support/settings.js'
import { until } from '../../support/until.js'

/** Nobody listens there: no bot of these tests comes into a room. */
const NOWHERE = { url: 'ws://127.0.0.1:1', apiKey: 'k', apiSecret: 's' }

const HOUR = 3_600_000

let folder: string
let up: Up
let full: string | null = null

/** @param aheadMs how far the clock on the wall has gone on since the last start */
const start = (aheadMs = 0) => {
  const settings = testSettings({ dataDir: folder, gladiaApiUrl: 'http://127.0.0.1:1', stt: 'local', drainSec: 1 }, NOWHERE)
  const clock = { ...systemClock, nowMs: () => systemClock.nowMs() + aheadMs }
  return startUp(settings, { clock, logger: silentLogger, random: Math.random, whyFull: () => full })
}
const call = async (method: string, path: string, body?: object) => {
  const response = await fetch(`${up.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${up.apiKey}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: response.status, body: (await response.json()) as Readonly<Record<string, unknown>> }
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roomscribe-up-'))
  up = await start()
})
afterAll(async () => {
  await up?.close()
  await rm(folder, { recursive: true, force: true })
})

test('31 a process that is full is alive and not ready, and begins no meeting until there is room', async () => {
  expect((await call('GET', '/readyz')).status).toBe(200)
  full = 'this process has 70 of 100 open files'
  const ready = await call('GET', '/readyz')
  expect([ready.status, ready.body['detail']]).toEqual([503, full])
  expect((await call('GET', '/healthz')).status).toBe(200)
  const { body } = await call('POST', '/v1/meetings', { room: 'full' })
  const state = async () => (await call('GET', `/v1/meetings/${String(body['id'])}`)).body['state']
  // its job was tried, and waits
  await until(async () => (await up.queue.counts())['attend.delayed'] === 1)
  expect(await state()).toBe('queued')
  full = null
  expect((await call('GET', '/readyz')).status).toBe(200)
  await until(async () => (await state()) !== 'queued')
  await call('POST', `/v1/meetings/${String(body['id'])}/stop`, {})
})

test('51 down over the whole window of a meeting that was asked for by the API: missed, with its reason, and no bot was on its way', async () => {
  const iso = (hours: number) => new Date(systemClock.nowMs() + hours * HOUR).toISOString()
  const window = { startAt: iso(1), endAt: iso(2) }
  const made = await call('POST', '/v1/meetings', { room: 'slept', ...window })
  expect([made.status, made.body]).toMatchObject([201, { state: 'scheduled', ...window }])
  const open = await call('POST', '/v1/meetings', { room: 'woken', startAt: iso(1), endAt: iso(4) })
  await up.close()
  up = await start(3 * HOUR)
  const shown = async (id: unknown) => (await call('GET', `/v1/meetings/${String(id)}`)).body
  await until(async () => !['scheduled', 'queued'].includes(String((await shown(made.body['id']))['state'])))
  expect(await shown(made.body['id'])).toMatchObject({ state: 'missed', reason: 'no_bot_in_time', startedAt: null })
  // one whose window is open still has its bot
  await until(async () => !['scheduled', 'queued', 'missed'].includes(String((await shown(open.body['id']))['state'])))
  await call('POST', `/v1/meetings/${String(open.body['id'])}/stop`, {})
})
