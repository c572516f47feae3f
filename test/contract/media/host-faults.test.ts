import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { systemClock } from '../../../src/core/time.js'
import { BotStage } from '../../support/bot-stage.js'
import { spawnCrowd } from '../../support/crowd-actors.js'
import { steadyTalk, talkVerdict } from '../../support/steady-talk.js'
import { until } from '../../support/until.js'

test('31 near its limit of open files a bot begins no meeting, the one that runs loses nothing, and the other begins when there is room', async () => {
  await using stage = await BotStage.start('redis')
  await stage.serve()
  const bot = await stage.bot()
  const pid = bot.pid
  const openFiles = () => readdirSync(`/proc/${pid}/fd`).length
  const allow = (files: number) => execFileSync('prlimit', ['--pid', String(pid), `--nofile=${files}:`])
  const room = 'limits'
  const script = steadyTalk(25)
  const { url, apiKey, apiSecret } = stage.livekit
  await using actors = spawnCrowd({ url, apiKey, apiSecret, room, sampleRate: 48_000, script })
  const id = await stage.meeting(room)
  await actors.ready
  const owner = await stage.owner(id)
  actors.go()
  await stage.heard(owner, id)
  await systemClock.sleep(2_000)
  // three quarters of what it may have are in use
  allow(Math.ceil(openFiles() / 0.75))
  const second = await stage.meeting('another')
  await until(() => bot.stderr.some((line) => line.includes('open files')))
  await systemClock.sleep(5_000)
  expect(await stage.state(second)).toBe('queued')
  expect(await stage.state(id)).toBe('live')
  allow(4_096)
  await until(async () => (await stage.state(second)) !== 'queued')
  expect(['joining', 'waiting', 'live']).toContain(await stage.state(second))
  const untilMs = systemClock.monotonicMs() - 500
  await Promise.all([stage.stop(id), stage.stop(second)])
  await until(async () => ['done', 'failed'].includes(await stage.state(id)))
  const { store } = stage.records
  const { lost, doubled, wrong, foreign, inGaps, returned } = talkVerdict(
    script,
    actors.events,
    await store.segments(id),
    await store.gaps(id),
    untilMs,
  )
  expect({ lost, doubled, wrong, foreign, inGaps }).toEqual({ lost: [], doubled: [], wrong: [], foreign: [], inGaps: [] })
  expect(returned).toBeGreaterThan(10)
})

test('33 embedded database and log of finals may not grow: everything said is kept, told once of each, and stored without a restart', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'roomscribe-full-'))
  try {
    const script = fileURLToPath(new URL('../../support/embedded-limits.mjs', import.meta.url))
    const { stdout } = await promisify(execFile)(process.execPath, [script, folder])
    const { said, told, toldWhileFull, stored, lost, isAnswering, lines } = JSON.parse(stdout) as {
      said: number
      told: number
      toldWhileFull: number
      stored: string[]
      lost: number
      isAnswering: boolean
      lines: string[]
    }
    expect(isAnswering).toBe(false)
    expect(toldWhileFull).toBeLessThan(said)
    expect(stored).toEqual(Array.from({ length: said }, (_, n) => `u${n}`))
    expect([told, lost]).toEqual([said, 0])
    const count = (text: string) => lines.filter((line) => line.includes(text)).length
    expect(count('embedded database ended')).toBeGreaterThan(0)
    expect(count('embedded database is open again')).toBe(count('embedded database ended'))
    expect(count('finals cannot be logged on this disk')).toBe(1)
    expect(count('store write failed')).toBe(1)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
