import { expect, it } from 'vitest'
import { loadTranscript, transcriptAs } from '../../../src/app/transcripts.js'
import { createApi } from '../../../src/control/api/server.js'
import { Transcript } from '../../../src/control/api/transcript-schema.js'
import { EnergyDetector } from '../../../src/live/audio/voice/energy.js'
import { MeetingBot } from '../../../src/live/bot/meeting-bot.js'
import { createEvents } from '../../../src/observe/events.js'
import { silentLogger } from '../../../src/observe/logger.js'
import { createMetrics } from '../../../src/observe/metrics.js'
import { FakeRoom } from '../../support/fake-room.js'
import { FakeStt } from '../../support/fake-stt.js'
import { ManualClock } from '../../support/manual-clock.js'
import { API_KEY, apiDeps } from '../../support/api-rig.js'
import { MemoryStore } from '../../support/memory-store.js'
import { markedBlock } from '../../support/scribe-rig.js'

/** A bot in a fake room, and the API beside it. @param isTakenOver another process began the meeting */
async function rigOf(isTakenOver = false) {
  const clock = new ManualClock(1_700_000_000_000)
  const store = new MemoryStore(() => clock.nowMs())
  const metrics = createMetrics({ process: true })
  const stt = new FakeStt()
  const room = new FakeRoom()
  const { meeting: created } = await store.create({
    room: 'r',
    title: null,
    language: null,
    vocabulary: [],
    slackChannel: null,
    startAt: null,
    endAt: null,
    botName: null,
  })
  if (isTakenOver) await store.setState(await store.claim(created.id), 'live', null, { startedAt: new Date(clock.nowMs()).toISOString() })
  const meeting = await store.meeting(created.id)
  const deps = { room, stt, store, clock, logger: silentLogger, random: () => 0.5, detector: () => new EnergyDetector(200) }
  const bot = new MeetingBot(
    { ...deps, business: createEvents(metrics) },
    {
      policy: { joinForMs: 20_000, rejoinForMs: 60_000, aloneMs: 10_000, nobodyMs: 60_000, tooLongMs: 3_600_000 },
      botName: 'scribe',
      screenShareAudio: false,
      captions: false,
      channels: { max: 4, mode: 'fixed' },
      idleCloseMs: 300_000,
      drainMs: 5000,
      vocabulary: [],
    },
    meeting,
    await store.claim(meeting.id),
    {},
  )
  const api = createApi(
    apiDeps({ store, renderTranscript: (shown, format) => transcriptAs(store, shown, format), metrics: () => metrics.text() }),
  )
  const get = async (path: string) => (await api.request(path, { headers: { authorization: `Bearer ${API_KEY}` } })).text()
  const talk = async () => {
    const stop = new AbortController()
    const running = bot.run(stop.signal)
    await clock.settle()
    room.connection.participant('ann', 'Ann')
    const key = room.connection.start('ann')
    for (let block = 1; block <= 60; block++) {
      await clock.advance(50)
      room.connection.frame(key, markedBlock(block), clock.monotonicMs())
    }
    await clock.advance(100)
    return async () => {
      stop.abort()
      for (let turn = 0; turn < 10; turn++) await clock.advance(1000)
      return running
    }
  }
  return { meeting, store, stt, get, talk }
}

it('what a meeting cost and lost is in its transcript and in the metrics, and they agree', async () => {
  const { meeting, store, stt, get, talk } = await rigOf()
  const end = await talk()
  const during = await get('/metrics')
  expect(during).toContain('roomscribe_meetings_running 1')
  expect(during).toContain('roomscribe_tracks_subscribed 1')
  expect(during).toContain('process_cpu_user_seconds_total')
  stt.last.emitGap({ fromFrame: 8000, toFrame: 16_000, reason: 'buffer_full' })
  await end()

  const transcript = Transcript.parse(JSON.parse(await get(`/v1/meetings/${meeting.id}/transcript`)))
  expect(transcript).toMatchObject({
    complete: false,
    doubts: ['lost', 'gaps'],
    coverageTotal: { speechMs: 3000, lostMs: 500, lostBy: { buffer_full: 500 } },
  })
  expect(transcript.billing.sessions).toHaveLength(1)
  expect(transcript.billing.channelSec).toBe((stt.last.sentFrames * stt.last.channels) / 16_000)
  const after = (await get('/metrics')).split('\n')
  expect(after).toEqual(
    expect.arrayContaining([
      'roomscribe_meetings_running 0',
      'roomscribe_tracks_subscribed 0',
      'roomscribe_meetings_total{state="done",reason="shutdown"} 1',
      'roomscribe_transcripts_total{complete="false"} 1',
      `roomscribe_billed_channel_seconds_total ${transcript.billing.channelSec}`,
      `roomscribe_channel_each_seconds_total ${transcript.billing.channelEachSec}`,
      'roomscribe_speech_seconds_total{fate="heard"} 3',
      'roomscribe_speech_seconds_total{fate="sent"} 2.5',
      'roomscribe_speech_lost_seconds_total{reason="buffer_full"} 0.5',
      'roomscribe_speech_sessions_opened_total{why="first"} 1',
      'roomscribe_speech_sessions_ended_total{reason="done"} 1',
      'roomscribe_gaps_total{reason="buffer_full"} 1',
    ]),
  )
  // names, rooms and ids are nobody's business here
  expect(after.join('\n')).not.toMatch(new RegExp(`"(ann|r)"|${meeting.id}|${stt.last.sessionId}`, 'i'))
  expect((await loadTranscript(store, meeting.id)).complete).toBe(false)
})

it('a meeting that another process began is not called complete: what that one had heard is not known', async () => {
  const { meeting, get, talk } = await rigOf(true)
  const end = await talk()
  expect(await end()).toMatchObject({ complete: false })
  const transcript = Transcript.parse(JSON.parse(await get(`/v1/meetings/${meeting.id}/transcript`)))
  expect(transcript).toMatchObject({ complete: false, doubts: ['taken_over'], coverageTotal: { lostMs: 0 } })
})
