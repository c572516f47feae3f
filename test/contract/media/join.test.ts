import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { asMeetingId, type MeetingId } from '../../../src/core/ids.js'
import { systemClock } from '../../../src/core/time.js'
import { silentLogger } from '../../../src/observe/logger.js'
import { openStore } from '../../../src/records/sql/open.js'
import { BotStage } from '../../support/bot-stage.js'
import { CliProcess } from '../../support/cli-process.js'
import { spawnCrowd, type CrowdActors } from '../../support/crowd-actors.js'
import { returnedMarks } from '../../support/marks-verdict.js'
import { steadyTalk } from '../../support/steady-talk.js'
import { until } from '../../support/until.js'

describe('`join` on a store that others use', () => {
  let stage: BotStage
  let dataDir: string
  let actors: CrowdActors | undefined
  let process: CliProcess | undefined
  let rooms = 0

  beforeAll(async () => {
    stage = await BotStage.start('sql')
    await stage.serve()
    dataDir = await mkdtemp(join(tmpdir(), 'roomscribe-join-'))
  })
  afterAll(async () => {
    await stage[Symbol.asyncDispose]()
    await rm(dataDir, { recursive: true, force: true })
  })
  afterEach(async () => {
    await process?.kill()
    await actors?.[Symbol.asyncDispose]()
    actors = undefined
    await stage.clear()
  })

  /** Three people in a room, who talk for so long once they are told to. */
  async function talk(seconds: number) {
    const room = `join-${++rooms}`
    const { url, apiKey, apiSecret } = stage.livekit
    actors = spawnCrowd({ url, apiKey, apiSecret, room, sampleRate: 48_000, script: steadyTalk(seconds) })
    await actors.ready
    return { room, go: actors.go }
  }

  function joinRoom(room: string): CliProcess {
    process = new CliProcess(['join', room], stage.env({ ROOMSCRIBE_DATA_DIR: dataDir }))
    return process
  }

  const marksOf = async (id: MeetingId) => returnedMarks(await stage.records.store.segments(id)).length
  const epochOf = async (id: MeetingId) => (await stage.records.claims.standing(id)).epoch

  test('36 a meeting that a bot runs is followed, text and end, and its claim is left alone', async () => {
    const bot = await stage.bot()
    const { room, go } = await talk(25)
    const id = await stage.meeting(room)
    await stage.owner(id)
    go()
    await until(async () => (await marksOf(id)) >= 5)
    const follower = joinRoom(room)
    const printed = () => follower.stdout.join('\n')
    await until(() => printed().includes(`a bot runs meeting ${id} already`))
    const shown = () => follower.stdout.filter((line) => /^ +\d\d:\d\d /.test(line) && !line.includes('…')).length
    await until(() => shown() >= 10)
    expect([await epochOf(id), await stage.state(id)]).toEqual([1, 'live'])
    await stage.stop(id)
    const code = await follower.exited
    expect(code).toBe((await stage.records.store.coverage(id))?.complete === true ? 0 : 3)
    expect(printed()).toMatch(/\[finalising: stopped\]|\[done: stopped\]/)
    expect([await epochOf(id), follower.messages]).toEqual([1, []])
    for (const { text } of await stage.records.store.segments(id)) expect(printed()).toContain(text)
    expect(await bot.stop()).toBe(0)
  })

  test('36 whoever stops following leaves the meeting to its bot', async () => {
    await stage.bot()
    const { room, go } = await talk(25)
    const id = await stage.meeting(room)
    await stage.owner(id)
    go()
    const follower = joinRoom(room)
    await until(() => follower.stdout.join('\n').includes('a bot runs meeting'))
    follower.signal('SIGINT')
    expect(await follower.exited).toBe(3)
    const marks = await marksOf(id)
    await until(async () => (await marksOf(id)) >= marks + 5)
    expect([await epochOf(id), await stage.state(id)]).toEqual([1, 'live'])
  })

  test('36 33 what `join` runs no other bot takes, and its finals are on this disk as well', async () => {
    const bot = await stage.bot()
    const { room, go } = await talk(25)
    const own = joinRoom(room)
    await until(() => own.stdout.join('\n').includes('[waiting]') || own.stdout.join('\n').includes('[live]'))
    go()
    const [meeting] = await stage.records.store.meetings({ room, limit: 1 })
    const id = asMeetingId(meeting?.id ?? '')
    await until(async () => (await marksOf(id)) >= 10)
    expect(await readdir(join(dataDir, 'finals'))).toEqual([`${id}.1.finals`])
    // the bot has had the job for long
    await bot.line(/meeting is run elsewhere: watching over it/)
    const fromMs = systemClock.monotonicMs()
    await until(() => systemClock.monotonicMs() - fromMs > 4_000)
    expect([await epochOf(id), await stage.state(id)]).toEqual([1, 'live'])
    own.signal('SIGINT')
    const code = await own.exited
    expect(code).toBe((await stage.records.store.coverage(id))?.complete === true ? 0 : 3)
    expect([await epochOf(id), await readdir(join(dataDir, 'finals'))]).toEqual([1, []])
    expect(own.messages).toEqual([])
  })

  test('28 on an embedded store what a killed `join` left is gone on with, by nobody else', async () => {
    const folder = join(dataDir, 'embedded')
    const { DATABASE_URL: _, ...env } = stage.env({ ROOMSCRIBE_DATA_DIR: folder })
    const start = async () => {
      process = new CliProcess(['join', 'alone', '--json'], env)
      await process.line(/\[waiting\]/)
      return process
    }
    await (await start()).kill()
    const again = await start()
    expect(again.messages.join('\n')).not.toContain('a bot runs meeting')
    again.signal('SIGINT')
    expect([0, 3]).toContain(await again.exited)
    expect(again.messages.join('\n')).toContain('[finalising: shutdown]')
    expect(JSON.parse(again.stdout.join('\n'))).toMatchObject({ room: 'alone', segments: [] })
    // both ran the one meeting
    const left = await openStore({ databaseUrl: null, dataDir: folder, clock: systemClock, logger: silentLogger })
    const meetings = await left.store.meetings({ room: 'alone', limit: 10 })
    const epochs = await Promise.all(meetings.map(async ({ id }) => (await left.claims.standing(id)).epoch))
    await left.close()
    expect(epochs).toEqual([2])
    // and it is over: the next one is another meeting
    const next = await start()
    next.signal('SIGINT')
    await next.exited
    const idOf = ({ stdout }: CliProcess) => (JSON.parse(stdout.join('\n')) as { readonly meetingId: string }).meetingId
    expect(idOf(next)).not.toBe(idOf(again))
  })
})
