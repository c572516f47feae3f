import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../../src/core/time.js'
import { startTestLivekit } from '../../support/livekit.js'
import { spawnCrowd } from '../../support/crowd-actors.js'
import { steadyTalk, talkVerdict } from '../../support/steady-talk.js'
import { startSpeechServerProcess, type SpeechServerProcess } from '../../support/speech-server-process.js'
import { UpProcess } from '../../support/up-process.js'
import { returnedMarks } from '../../support/marks-verdict.js'
import type { LivekitServer } from '../../../src/standins/livekit/server.js'
import { until } from '../../support/until.js'

describe('everything in one process on embedded defaults', () => {
  let livekit: LivekitServer
  let speech: SpeechServerProcess

  beforeAll(async () => {
    livekit = await startTestLivekit()
    speech = await startSpeechServerProcess('marks')
  })
  afterAll(async () => {
    await speech?.stop()
    await livekit?.stop()
  })

  test('28 kill -9 of `up` in mid-meeting: started again on the same data, it goes on with the same transcript', async () => {
    await using up = await UpProcess.start({
      LIVEKIT_URL: livekit.url,
      LIVEKIT_API_KEY: livekit.apiKey,
      LIVEKIT_API_SECRET: livekit.apiSecret,
      GLADIA_API_URL: speech.url,
      ROOMSCRIBE_STT: 'local',
      ROOMSCRIBE_DRAIN_SEC: '10',
    })
    const script = steadyTalk(45)
    const { url, apiKey, apiSecret } = livekit
    await using actors = spawnCrowd({ url, apiKey, apiSecret, room: 'up', sampleRate: 48_000, script })
    const id = await up.meeting('up')
    await actors.ready
    await until(async () => (await up.get(`/v1/meetings/${id}`)).state === 'live')
    actors.go()
    const marks = async () => returnedMarks((await up.transcript(id)).segments).length
    await until(async () => (await marks()) >= 15)
    const before = await marks()
    await up.killAndStart()
    await until(async () => (await marks()) >= before + 20)
    const untilMs = systemClock.monotonicMs() - 1_000
    await up.stopMeeting(id)
    await until(async () => (await up.get(`/v1/meetings/${id}`)).state === 'done')
    const transcript = await up.transcript(id)
    const gaps = transcript.coverage.flatMap(({ identity, gaps: own }) => own.map((gap) => ({ ...gap, identity })))
    const verdict = talkVerdict(script, actors.events, transcript.segments, gaps, untilMs)
    expect({ lost: verdict.lost, doubled: verdict.doubled, wrong: verdict.wrong, foreign: verdict.foreign }).toEqual({
      lost: [],
      doubled: [],
      wrong: [],
      foreign: [],
    })
    const holes = gaps.filter(({ reason }) => reason === 'taken_over').map(({ identity }) => identity)
    expect([transcript.complete, new Set(holes).size]).toEqual([false, 3])
    expect(await up.stop()).toBe(0)
  }, 120_000)
})
