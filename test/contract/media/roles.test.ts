import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../../src/core/time.js'
import { RESULT_ID, type MeetingId } from '../../../src/core/ids.js'
import { BotStage } from '../../support/bot-stage.js'
import { CliProcess } from '../../support/cli-process.js'
import { spawnCrowd, type CrowdActors } from '../../support/crowd-actors.js'
import { returnedMarks } from '../../support/marks-verdict.js'
import { steadyTalk, talkVerdict } from '../../support/steady-talk.js'
import { until } from '../../support/until.js'

describe('roles that share a database', () => {
  for (const role of ['serve', 'bot']) {
    test(`\`${role}\` without DATABASE_URL ends with 2 and says so in one line`, async () => {
      const folder = await mkdtemp(join(tmpdir(), 'roomscribe-roles-'))
      const livekit = { LIVEKIT_URL: 'ws://127.0.0.1:1', LIVEKIT_API_KEY: 'k', LIVEKIT_API_SECRET: 's' }
      const process = new CliProcess([role], { ...livekit, ROOMSCRIBE_DATA_DIR: folder })
      expect(await process.exited).toBe(2)
      expect(process.stderr.map((line) => line.slice(0, 36))).toEqual(['roomscribe: DATABASE_URL is missing:'])
      await rm(folder, { recursive: true })
    })
  }
})

describe('bots in processes of their own, jobs in SQL', () => {
  let stage: BotStage
  let actors: CrowdActors | undefined
  let rooms = 0

  beforeAll(async () => {
    stage = await BotStage.start('sql')
    await stage.serve()
  })
  afterAll(() => stage[Symbol.asyncDispose]())
  afterEach(async () => {
    await actors?.[Symbol.asyncDispose]()
    actors = undefined
    await stage.clear()
  })

  /** A meeting in which three people talk for so long. */
  async function talk(seconds: number) {
    const room = `roles-${++rooms}`
    const script = steadyTalk(seconds)
    const { url, apiKey, apiSecret } = stage.livekit
    actors = spawnCrowd({ url, apiKey, apiSecret, room, sampleRate: 48_000, script })
    const id = await stage.meeting(room)
    await actors.ready
    const { events } = actors
    return { id, room, script, events, go: actors.go }
  }

  const marksOf = async (id: MeetingId) => returnedMarks(await stage.records.store.segments(id)).length
  const ended = (id: MeetingId) => until(async () => ['done', 'failed', 'finalising'].includes(await stage.state(id)))

  test('a bot process answers health, readiness and metrics, and nothing of the API', async () => {
    const bot = await stage.bot()
    const [, url] = await bot.line(/bot ready at (\S+)/)
    const status = async (path: string, key?: string) =>
      (await fetch(`${url}${path}`, key === undefined ? {} : { headers: { authorization: `Bearer ${key}` } })).status
    expect([await status('/healthz'), await status('/readyz'), await status('/metrics'), await status('/metrics', 'test-key')]).toEqual([
      200, 200, 401, 200,
    ])
    expect(await status('/v1/meetings', 'test-key')).toBe(404)
    expect(await bot.stop()).toBe(0)
  })

  test('36 an owner frozen past its lock is followed; awake again it writes nothing, leaves the room and lives on', async () => {
    const [one, two] = [await stage.bot(), await stage.bot()]
    const { id, room, script, events, go } = await talk(40)
    const owner = await stage.owner(id)
    const other = owner === one ? two : one
    go()
    await until(async () => (await marksOf(id)) >= 15)
    owner.signal('SIGSTOP')
    expect(await stage.owner(id, 20_000, owner)).toBe(other)
    const { store } = stage.records
    const frozen = new Set((await store.sessions(id)).map(({ sessionId }) => sessionId))
    for (const { sessionId } of await store.spans(id)) frozen.add(sessionId)
    const before = (await store.segments(id)).length
    const bots = await stage.botsIn(room)
    expect(bots).toHaveLength(1)
    owner.signal('SIGCONT')
    await owner.line(/claim lost: another process owns this meeting/)
    await until(async () => (await store.segments(id)).length > before + 3)
    // what the other one asks the service for has no ids of the service
    const late = (await store.segments(id)).filter(({ seq, utteranceId }) => seq > before && !utteranceId.startsWith(RESULT_ID))
    expect(late.filter(({ sessionId }) => frozen.has(sessionId))).toEqual([])
    // the process lives on and takes other meetings
    const [, url] = await owner.line(/bot ready at (\S+)/)
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    // its bot ended, which is to have left, and did not push the other one out
    const metrics = async () => (await fetch(`${url}/metrics`, { headers: { authorization: 'Bearer test-key' } })).text()
    await until(async () => /^roomscribe_meetings_running 0$/m.test(await metrics()))
    expect(await stage.botsIn(room)).toEqual(bots)
    const untilMs = systemClock.monotonicMs() - 1_000
    await stage.stop(id)
    await ended(id)
    const verdict = talkVerdict(script, events, await store.segments(id), await store.gaps(id), untilMs)
    // the spans of its last second are not stored: what the service had heard by then is said to be nobody's
    const wrong = verdict.wrong.filter(({ identity }) => identity !== null)
    expect({ lost: verdict.lost, doubled: verdict.doubled, wrong, foreign: verdict.foreign }).toEqual({
      lost: [],
      doubled: [],
      wrong: [],
      foreign: [],
    })
    expect([await owner.stop(), await other.stop()]).toEqual([0, 0])
  })

  test('35 the clock of the owner, then of the other, jumps an hour: nobody takes over, the meeting goes on', async () => {
    const jumping = {
      NODE_OPTIONS: `--import ${fileURLToPath(new URL('../../support/jump-clock.mjs', import.meta.url))}`,
      JUMP_CLOCK_MS: '3600000',
    }
    const [one, two] = [await stage.bot(jumping), await stage.bot({ ...jumping, JUMP_CLOCK_MS: '-3600000' })]
    const { id, go } = await talk(40)
    const owner = await stage.owner(id)
    go()
    // locks are renewed: in more than the time of one nobody else is given the job
    await until(async () => (await marksOf(id)) >= 40)
    expect([...one.stderr, ...two.stderr].filter((line) => line.includes('job of a dead worker'))).toEqual([])
    for (const bot of [owner, owner === one ? two : one]) {
      bot.signal('SIGUSR2')
      await bot.line(/clock jumped/)
      const marks = await marksOf(id)
      const fromMs = systemClock.monotonicMs()
      // longer than a lock, a stalled check and the watch together
      await until(() => systemClock.monotonicMs() - fromMs > 7_000)
      expect(await marksOf(id)).toBeGreaterThan(marks + 10)
    }
    expect([await stage.state(id), (await stage.records.claims.standing(id)).epoch]).toEqual(['live', 1])
    expect(await stage.records.store.gaps(id)).toEqual([])
    await stage.stop(id)
    await ended(id)
    expect([await one.stop(), await two.stop()]).toEqual([0, 0])
  })

  test('30 with nobody to hand it to, a meeting is ended at the deadline, in order; a second SIGTERM is the deadline', async () => {
    const bot = await stage.bot({ ROOMSCRIBE_SHUTDOWN_SEC: '600' })
    const { id, script, events, go } = await talk(25)
    await stage.owner(id)
    go()
    await until(async () => (await marksOf(id)) >= 10)
    bot.signal('SIGTERM')
    await bot.line(/meetings are offered to other processes"/)
    const marks = await marksOf(id)
    // it hears on
    await until(async () => (await marksOf(id)) >= marks + 10)
    expect(await stage.state(id)).toBe('live')
    const untilMs = systemClock.monotonicMs() - 500
    bot.signal('SIGTERM')
    expect(await bot.exited).toBe(0)
    const { store } = stage.records
    expect(await store.meeting(id)).toMatchObject({ reason: 'shutdown' })
    expect((await store.coverage(id))?.doubts).toEqual([])
    const verdict = talkVerdict(script, events, await store.segments(id), await store.gaps(id), untilMs)
    expect({ missing: verdict.missing, doubled: verdict.doubled, wrong: verdict.wrong }).toEqual({ missing: [], doubled: [], wrong: [] })
  })

  test('30 a process retires by itself after its number of meetings, and ends with 0', async () => {
    const bot = await stage.bot({ ROOMSCRIBE_RECYCLE_MEETINGS: '1' })
    const id = await stage.meeting(`roles-${++rooms}`)
    await until(async () => ['waiting', 'live'].includes(await stage.state(id)))
    await stage.stop(id)
    expect(await bot.exited).toBe(0)
    expect(bot.messages.join('\n')).toMatch(/stopping \(1 meetings have ended here\)/)
  })
})
