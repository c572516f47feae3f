import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/core/time.js'
import { spawnActors } from '../../src/standins/actors/spawn.js'
import type { LivekitServer } from '../../src/standins/livekit/server.js'
import { CliProcess } from '../support/cli-process.js'
import { startTestLivekit } from '../support/livekit.js'
import { postgresBinaries, startPostgres } from '../support/postgres.js'
import { startRedis } from '../support/redis.js'
import { startSpeechServerProcess, type SpeechServerProcess } from '../support/speech-server-process.js'
import { until } from '../support/until.js'

const KEY = 'a-key-for-the-tests'

interface Meeting {
  readonly id: string
  readonly state: string
  readonly reason: string | null
}

describe('commands', () => {
  let livekit: LivekitServer
  let speech: SpeechServerProcess
  let folder: string
  let settings: Record<string, string>
  const running: CliProcess[] = []

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'roomscribe-commands-'))
    livekit = await startTestLivekit()
    speech = await startSpeechServerProcess('marks')
    settings = {
      LIVEKIT_URL: livekit.url,
      LIVEKIT_API_KEY: livekit.apiKey,
      LIVEKIT_API_SECRET: livekit.apiSecret,
      GLADIA_API_URL: speech.url,
      GLADIA_API_KEY: 'any',
      ROOMSCRIBE_API_KEY: KEY,
      ROOMSCRIBE_PORT: '0',
      ROOMSCRIBE_DATA_DIR: join(folder, 'data'),
      ROOMSCRIBE_DRAIN_SEC: '5',
    }
  })

  afterEach(async () => {
    await Promise.all(running.splice(0).map((cli) => cli.stop()))
  })

  afterAll(async () => {
    await speech?.stop()
    await livekit?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  function run(args: readonly string[], env: Record<string, string> = {}): CliProcess {
    const cli = new CliProcess(args, env)
    running.push(cli)
    return cli
  }

  async function up(own: Record<string, string> = {}) {
    const cli = run(['up'], { ...settings, ...own })
    const url = (await cli.line(/ready at (\S+)/))[1] ?? ''
    const call = async (method: string, path: string, body?: object) => {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
        ...(body ? { body: JSON.stringify(body) } : {}),
      })
      return { status: response.status, body: await response.text() }
    }
    const meeting = async (id: string) => JSON.parse((await call('GET', `/v1/meetings/${id}`)).body) as Meeting
    const start = async (room: string) => JSON.parse((await call('POST', '/v1/meetings', { room })).body) as Meeting
    /** the meeting when it has ended */
    const ended = async (id: string) => {
      await until(async () => ['done', 'failed', 'cancelled'].includes((await meeting(id)).state))
      return meeting(id)
    }
    return { cli, url, call, meeting, start, ended }
  }

  it('names every missing or wrong setting in a line each and exits 2', async () => {
    const cli = run(['up'], { ROOMSCRIBE_PORT: 'eighty', ROOMSCRIBE_PROT: '1', DATABASE_URL: 'mysql://u:hush@h/d' })
    expect(await cli.exited).toBe(2)
    expect(cli.messages).toHaveLength(6)
    expect(cli.messages.every((line) => line.startsWith('roomscribe: '))).toBe(true)
    expect(cli.messages.join('\n')).not.toContain('hush')
  })

  it('exits 2 on wrong usage, with one line that says what is wrong', async () => {
    for (const args of [['nonsense'], ['up', '--nonsense'], ['join'], ['demo', '--people', '99'], ['speech-server', '--engine', 'magic']]) {
      const cli = run(args)
      expect(await cli.exited).toBe(2)
      expect(cli.messages[0]).toMatch(/^error: /)
    }
  })

  it('serves until SIGTERM, tells its port, and exits 0', async () => {
    const { cli, url, call } = await up()
    expect(await readFile(join(folder, 'data', 'port'), 'utf8')).toBe(`${new URL(url).port}\n`)
    expect((await call('GET', '/readyz')).status).toBe(200)
    cli.signal('SIGTERM')
    expect(await cli.exited).toBe(0)
    expect(cli.stdout).toEqual([])
  })

  it('refuses a data folder that another process uses, and names that process', async () => {
    await up()
    const second = run(['up'], settings)
    expect(await second.exited).toBe(2)
    expect(second.messages.join('\n')).toMatch(/data folder|database/i)
    expect(second.messages.join('\n')).toMatch(/\d{2,}/)
  })

  it('refuses a port that is taken, and says how to choose another', async () => {
    const holder: Server = createServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    const address = holder.address()
    const port = typeof address === 'object' && address ? address.port : 0
    const cli = run(['up'], { ...settings, ROOMSCRIBE_PORT: String(port) })
    expect(await cli.exited).toBe(2)
    expect(cli.messages).toEqual([expect.stringMatching(new RegExp(`port ${port} .*taken.*ROOMSCRIBE_PORT`))])
    holder.close()
  })

  it('says in one sentence that the weights are missing and how to get them', async () => {
    const { GLADIA_API_KEY: _key, GLADIA_API_URL: _url, ...local } = settings
    const cli = run(['up'], { ...local, ROOMSCRIBE_CACHE_DIR: join(folder, 'empty-cache') })
    expect(await cli.exited).toBe(1)
    expect(cli.messages).toEqual([expect.stringMatching(/weights.*npm run setup/)])
  })

  it('runs one bot a room: the second start answers 200 with the same meeting, and stop ends it', async () => {
    const { call, start, meeting, ended } = await up()
    const first = await start('one')
    const second = await call('POST', '/v1/meetings', { room: 'one' })
    expect(second.status).toBe(200)
    expect((JSON.parse(second.body) as Meeting).id).toBe(first.id)
    await until(async () => (await meeting(first.id)).state === 'waiting')
    expect((await call('POST', `/v1/meetings/${first.id}/stop`, {})).status).toBe(202)
    expect(await ended(first.id)).toMatchObject({ state: 'done', reason: 'stopped' })
    for (const format of ['json', 'txt', 'md', 'srt', 'vtt']) {
      expect((await call('GET', `/v1/meetings/${first.id}/transcript?format=${format}`)).status).toBe(200)
    }
    expect((await start('one')).id).not.toBe(first.id)
  })

  it('fails a meeting with its reason when LiveKit refuses the secret, without the token in any line', async () => {
    const { cli, start, ended } = await up({ LIVEKIT_API_SECRET: 'another-secret-of-at-least-32-characters' })
    expect(await ended((await start('r')).id)).toMatchObject({ state: 'failed', reason: 'livekit_unauthorized' })
    expect(cli.stderr.join('\n')).not.toMatch(/eyJ[\w-]+\.[\w-]+\./)
  })

  it('fails a meeting with its reason when LiveKit cannot be reached', async () => {
    const { start, ended } = await up({ LIVEKIT_URL: 'ws://127.0.0.1:9' })
    expect(await ended((await start('r')).id)).toMatchObject({ state: 'failed', reason: 'livekit_unreachable' })
  })

  it('does the same on PostgreSQL and Redis', async () => {
    const binaries = postgresBinaries()
    if (binaries === undefined) throw new Error('no PostgreSQL: npm run setup -- --tests gets one')
    const postgres = await startPostgres(binaries)
    const redis = await startRedis()
    try {
      const { cli, start, meeting, call, ended } = await up({ DATABASE_URL: await postgres.newDatabase(), REDIS_URL: redis.url })
      const { id } = await start('on-servers')
      await until(async () => (await meeting(id)).state === 'waiting')
      await call('POST', `/v1/meetings/${id}/stop`, {})
      expect(await ended(id)).toMatchObject({ state: 'done', reason: 'stopped' })
      expect((await call('GET', `/v1/meetings/${id}/summary`)).status).toBe(200)
      expect(await cli.stop()).toBe(0)
    } finally {
      await redis.close()
      await postgres.close()
    }
  })

  it('fails a meeting with its reason when speech recognition refuses the key, and the key is in no line', async () => {
    const guarded = await startSpeechServerProcess('marks', [], { ROOMSCRIBE_API_KEY: 'the-right-key' })
    const room = 'refused'
    const { url, apiKey, apiSecret } = livekit
    await using actors = spawnActors({
      clock: systemClock,
      order: {
        url,
        apiKey,
        apiSecret,
        room,
        sampleRate: 48_000,
        isHeld: true,
        script: {
          cast: [{ identity: 'ann', name: 'Ann', who: 1, voice: 'rms' }],
          steps: [{ atMs: 0, actor: 'ann', do: 'marks', slots: 100 }],
        },
      },
      onEvent: () => undefined,
    })
    try {
      const { cli, start, ended, call } = await up({ GLADIA_API_URL: guarded.url, GLADIA_API_KEY: 'a-wrong-key-to-look-for' })
      const { id } = await start(room)
      await actors.ready
      actors.go()
      expect(await ended(id)).toMatchObject({ state: 'failed', reason: 'speech_unauthorized' })
      expect(JSON.parse((await call('GET', `/v1/meetings/${id}/transcript`)).body)).toMatchObject({ complete: false })
      expect(cli.stderr.join('\n')).not.toContain('a-wrong-key-to-look-for')
    } finally {
      await guarded.stop()
    }
  })

  it('doctor names what is wrong and exits 1, and exits 0 when all is well', async () => {
    const sick = run(['doctor', '--json'], { ...settings, LIVEKIT_URL: 'ws://127.0.0.1:9', ROOMSCRIBE_PROT: '1' })
    expect(await sick.exited).toBe(1)
    const findings = (JSON.parse(sick.stdout.join('\n')) as { findings: { what: string; ok: boolean; detail: string }[] }).findings
    expect(findings.filter((finding) => !finding.ok).map((finding) => finding.what)).toEqual(['settings', 'LiveKit'])
    const well = run(['doctor'], { ...settings, ROOMSCRIBE_DATA_DIR: join(folder, 'doctor') })
    const code = await well.exited
    expect(well.stdout.join('\n')).toContain('all is well')
    expect(code).toBe(0)
  })
})
