import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../../src/core/time.js'
import type { LivekitServer } from '../../../src/standins/livekit/server.js'
import { startSlackStandin, type SlackStandin } from '../../../src/standins/slack/server.js'
import { spawnCrowd } from '../../support/crowd-actors.js'
import { startTestLivekit } from '../../support/livekit.js'
import { returnedMarks } from '../../support/marks-verdict.js'
import { startSpeechServerProcess, type SpeechServerProcess } from '../../support/speech-server-process.js'
import { steadyTalk, talkVerdict } from '../../support/steady-talk.js'
import { TcpProxy } from '../../support/tcp-proxy.js'
import { until } from '../../support/until.js'
import { UpProcess } from '../../support/up-process.js'

describe('a second SIGTERM to `up`', () => {
  let livekit: LivekitServer
  let speech: SpeechServerProcess
  let slack: SlackStandin
  let proxy: TcpProxy

  beforeAll(async () => {
    livekit = await startTestLivekit()
    speech = await startSpeechServerProcess('marks')
    slack = await startSlackStandin()
    proxy = await TcpProxy.listen(Number(new URL(slack.url).port))
  })
  afterAll(async () => {
    await proxy?.close()
    await slack?.close()
    await speech?.stop()
    await livekit?.stop()
  })

  /** A meeting of three people who talk, in an `up` that posts to Slack. */
  async function talk(room: string) {
    const up = await UpProcess.start({
      LIVEKIT_URL: livekit.url,
      LIVEKIT_API_KEY: livekit.apiKey,
      LIVEKIT_API_SECRET: livekit.apiSecret,
      GLADIA_API_URL: speech.url,
      ROOMSCRIBE_STT: 'local',
      // longer than the test may take
      ROOMSCRIBE_DRAIN_SEC: '600',
      SLACK_BOT_TOKEN: 'xoxb-test',
      SLACK_API_URL: `http://127.0.0.1:${proxy.port}/api/`,
      ROOMSCRIBE_SLACK_CHANNEL: 'meetings',
    })
    const script = steadyTalk(30)
    const { url, apiKey, apiSecret } = livekit
    const actors = spawnCrowd({ url, apiKey, apiSecret, room, sampleRate: 48_000, script })
    const id = await up.meeting(room)
    await actors.ready
    await until(async () => (await up.get(`/v1/meetings/${id}`)).state === 'live')
    actors.go()
    await until(async () => returnedMarks((await up.transcript(id)).segments).length >= 10)
    return { up, actors, script, id }
  }

  /** What came back of what was said until then, after `up` was started again. */
  async function outcome({ up, actors, script, id }: Awaited<ReturnType<typeof talk>>, untilMs: number) {
    await until(async () => (await up.get(`/v1/meetings/${id}`)).state === 'done')
    const { segments, coverage } = await up.transcript(id)
    const gaps = coverage.flatMap(({ identity, gaps: own }) => own.map((gap) => ({ ...gap, identity })))
    const { missing, doubled, wrong } = talkVerdict(script, actors.events, segments, gaps, untilMs)
    return { missing, doubled, wrong, meeting: await up.get(`/v1/meetings/${id}`) }
  }

  test('30 cuts the wait for what follows a meeting: its text is stored, and the next start posts it', async () => {
    const running = await talk('hurry-after')
    await using up = running.up
    await using _actors = running.actors
    proxy.isBlackhole = true
    const untilMs = systemClock.monotonicMs() - 1_500
    up.process.signal('SIGTERM')
    // the meeting has ended, and Slack does not answer
    await until(() => proxy.accepted > 0)
    up.process.signal('SIGTERM')
    expect(await up.process.exited).toBe(0)
    expect(slack.posts()).toEqual([])
    // the step did not end by itself, after however long
    const told = up.process.stderr.filter((line) => /job (failed|goes back to the queue)/.test(line))
    expect(told).toEqual([expect.stringContaining('job goes back to the queue')])
    proxy.isBlackhole = false
    proxy.reset()
    await up.startAgain()
    expect(await outcome(running, untilMs)).toMatchObject({ missing: [], doubled: [], wrong: [], meeting: { reason: 'shutdown' } })
    expect(slack.posts().length).toBeGreaterThan(0)
    expect(await up.stop()).toBe(0)
  }, 180_000)

  test('30 right after the first one ends a meeting in order: everything said is stored', async () => {
    const running = await talk('hurry-at-once')
    await using up = running.up
    await using _actors = running.actors
    const untilMs = systemClock.monotonicMs() - 1_500
    up.process.signal('SIGTERM')
    await up.process.line(/meetings are being finished/)
    up.process.signal('SIGTERM')
    expect(await up.process.exited).toBe(0)
    await up.startAgain()
    expect(await outcome(running, untilMs)).toMatchObject({ missing: [], doubled: [], wrong: [], meeting: { reason: 'shutdown' } })
    expect(await up.stop()).toBe(0)
  }, 180_000)
})
