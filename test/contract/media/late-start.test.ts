import { expect, test } from 'vitest'
import { systemClock } from '../../../src/core/time.js'
import { EnergyDetector } from '../../../src/live/audio/voice/energy.js'
import { MeetingBot } from '../../../src/live/bot/meeting-bot.js'
import { createLivekitRoom } from '../../../src/live/room/livekit/open.js'
import { LATE_START_MS } from '../../../src/live/room/port.js'
import { silentLogger } from '../../../src/observe/logger.js'
import { BOT_OPTIONS } from '../../support/bot-rig.js'
import { FakeStt } from '../../support/fake-stt.js'
import { MemoryStore } from '../../support/memory-store.js'
import { requestFor } from '../../support/records.js'
import { until } from '../../support/until.js'
import { useRoomStage } from '../../support/use-room-stage.js'

const stage = useRoomStage()

/** On a busy machine the way from one process to the other takes a while. */
const EDGE_MS = 400

test('a microphone that cannot be had for a while after its publishing is a gap from there to its first sample; one that can is none', async () => {
  const { url, apiKey, apiSecret } = stage.server
  const store = new MemoryStore(() => systemClock.nowMs())
  const { meeting } = await store.create(requestFor(stage.room))
  const claim = await store.claim(meeting.id)
  const stop = new AbortController()
  const states: string[] = []
  const room = createLivekitRoom({ url, apiKey, apiSecret, clock: systemClock, logger: silentLogger })
  const parts = { room, stt: new FakeStt(), store, clock: systemClock, logger: silentLogger, detector: () => new EnergyDetector(200) }
  const startedMs = systemClock.monotonicMs()
  const bot = new MeetingBot({ ...parts, random: () => 0.5 }, BOT_OPTIONS, meeting, claim, {
    state: (state) => states.push(state),
    segment: () => undefined,
    error: () => undefined,
    activity: () => undefined,
  })
  const running = bot.run(stop.signal)
  try {
    const bert = await stage.speaker('bert')
    await until(() => states.includes('waiting') || states.includes('live'))
    await bert.publish()
    await until(() => states.includes('live'))

    const anna = await stage.speaker('anna')
    anna.allowAll(false)
    const publishedMs = systemClock.monotonicMs() - startedMs
    await anna.publish()
    await systemClock.sleep(LATE_START_MS + 1_000, stop.signal)
    anna.allowAll(true)
    const allowedMs = systemClock.monotonicMs() - startedMs
    await until(async () => (await store.gaps(meeting.id)).length > 0)
    stop.abort()
    expect(await running).toMatchObject({ failed: false, complete: false })
    const gaps = await store.gaps(meeting.id)
    expect(gaps.map(({ identity, reason }) => [identity, reason])).toEqual([['anna', 'not_received']])
    const [{ fromMs, toMs } = { fromMs: 0, toMs: 0 }] = gaps
    expect(fromMs).toBeGreaterThan(publishedMs - EDGE_MS)
    expect(fromMs).toBeLessThan(publishedMs + EDGE_MS)
    expect(toMs).toBeGreaterThanOrEqual(allowedMs - 50)
    expect(toMs).toBeLessThan(allowedMs + 4 * EDGE_MS)
    // what she said from there on was heard
    const spans = (await store.spans(meeting.id)).filter(({ identity }) => identity === 'anna')
    expect(Math.min(...spans.map(({ meetingMs }) => meetingMs))).toBeGreaterThanOrEqual(toMs - 50)
  } finally {
    stop.abort()
    await running
  }
})
