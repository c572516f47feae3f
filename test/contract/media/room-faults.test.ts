import { SimulateScenarioKind } from '@livekit/rtc-node'
import { afterEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../../src/core/time.js'
import { libraryListenerCount } from '../../../src/live/room/livekit/library.js'
import type { Script } from '../../../src/standins/actors/script.js'
import { spawnActors } from '../../../src/standins/actors/spawn.js'
import { RoomRecorder } from '../../support/room-recorder.js'
import { mic, type StageJoin } from '../../support/room-stage.js'
import { useRoomStage } from '../../support/use-room-stage.js'

const stage = useRoomStage()

afterEach(() => {
  // a test that failed while the server was frozen must not hold up the others
  stage.server.signal('SIGCONT')
})

/** Lines of one kind. */
const only = (lines: readonly string[], start: string) => lines.filter((line) => line.startsWith(start))

/** Joins a room of two speakers and hears both. */
async function heard(port: StageJoin['port'] = {}): Promise<RoomRecorder> {
  for (const identity of ['anna', 'bert']) await (await stage.speaker(identity)).publish()
  const recorder = new RoomRecorder()
  await stage.join(recorder, { port })
  await recorder.untilLoud(mic('anna'))
  await recorder.untilLoud(mic('bert'))
  return recorder
}

describe('reconnects', () => {
  test('17 a full reconnect ends and starts the tracks, and nobody leaves or joins', async () => {
    const recorder = await heard()
    const from = recorder.lines.length
    await stage.botRoom.simulateScenario(SimulateScenarioKind.SIMULATE_FULL_RECONNECT)
    await recorder.untilLines(['reconnected', `started ${mic('anna')}`, `started ${mic('bert')}`], from)
    await recorder.untilLoud(mic('anna'))
    await recorder.untilLoud(mic('bert'))
    const lines = recorder.since(from)
    expect(only(lines, 'ended').toSorted()).toEqual([`ended ${mic('anna')} reconnecting`, `ended ${mic('bert')} reconnecting`])
    expect([...only(lines, 'left'), ...only(lines, 'joined')]).toEqual([])
  })

  test('16 a resume leaves the tracks as they are', async () => {
    const recorder = await heard()
    const from = recorder.lines.length
    await stage.botRoom.simulateScenario(SimulateScenarioKind.SIMULATE_SIGNAL_RECONNECT)
    await recorder.untilLines(['reconnected'], from)
    await recorder.untilLoud(mic('anna'))
    expect(recorder.since(from)).toEqual(['reconnecting', 'reconnected'])
  })
})

describe('a server in trouble', () => {
  test('17 killed and restarted: the room comes back empty, people come back one by one, and nobody left or joined', async () => {
    const recorder = await heard({ graceMs: 20_000 })
    const from = recorder.lines.length
    stage.server.signal('SIGKILL')
    await stage.server.exited
    await recorder.untilLines([`ended ${mic('anna')} reconnecting`, `ended ${mic('bert')} reconnecting`], from)
    await stage.server.restart()
    await recorder.untilLines(['reconnected', `started ${mic('anna')}`, `started ${mic('bert')}`], from)
    await recorder.untilLoud(mic('anna'))
    await recorder.untilLoud(mic('bert'))
    expect([...only(recorder.since(from), 'left'), ...only(recorder.since(from), 'joined')]).toEqual([])
    expect(only(recorder.since(from), 'end ')).toEqual([])
  })

  test('18 killed for good: connection_lost, and no listener is left', async () => {
    const before = libraryListenerCount()
    const recorder = new RoomRecorder()
    const connection = await stage.join(recorder)
    stage.server.signal('SIGKILL')
    await recorder.until(() => recorder.lines.at(-1)?.startsWith('end ') ?? false)
    expect(recorder.lines).toEqual(['reconnecting', 'end connection_lost'])
    await connection.close()
    expect(libraryListenerCount()).toBe(before)
    await stage.server.restart()
  })

  test('19 frozen: frames go on, and every track is reported as without packets until it thaws', async () => {
    const recorder = await heard({ noPacketsMs: 2_000, checkPacketsEveryMs: 500 })
    const from = recorder.lines.length
    stage.server.signal('SIGSTOP')
    await recorder.untilLines([`stalled ${mic('anna')} no_packets`, `stalled ${mic('bert')} no_packets`], from)
    const framesOf = (identity: string) => recorder.frames.get(mic(identity))?.count ?? 0
    const frozen = { anna: framesOf('anna'), bert: framesOf('bert') }
    await recorder.until(() => framesOf('anna') > frozen.anna + 50 && framesOf('bert') > frozen.bert + 50)
    stage.server.signal('SIGCONT')
    await recorder.untilLines([`resumed ${mic('anna')}`, `resumed ${mic('bert')}`], from)
    await recorder.untilLoud(mic('anna'))
  })
})

describe('a person in trouble', () => {
  const script: Script = {
    cast: [{ identity: 'anna', name: 'Anna', who: 0, voice: 'rms' }],
    steps: [{ atMs: 0, actor: 'anna', do: 'marks', slots: 200 }],
  }

  test('whose process freezes: that track alone is without packets, from the last one to the next, and never ends', async () => {
    await (await stage.speaker('bert')).publish()
    const { url, apiKey, apiSecret } = stage.server
    const order = { url, apiKey, apiSecret, room: stage.room, sampleRate: 48_000 as const, isHeld: false, script }
    await using anna = spawnActors({ order, clock: systemClock, onEvent: () => undefined })
    await anna.ready
    const recorder = new RoomRecorder()
    await stage.join(recorder)
    await recorder.untilLoud(mic('anna'))
    await recorder.untilLoud(mic('bert'))
    await systemClock.sleep(4_000)
    const frozenMs = systemClock.monotonicMs()
    anna.kill('SIGSTOP')
    await recorder.untilLines([`stalled ${mic('anna')} no_packets`])
    expect(systemClock.monotonicMs() - frozenMs).toBeLessThan(6_500)
    const sinceMs = recorder.stalledMs.get(mic('anna')) ?? Number.NaN
    expect(Math.abs(sinceMs - frozenMs)).toBeLessThan(400)
    await recorder.untilLoud(mic('bert'), 40)
    anna.kill('SIGCONT')
    await recorder.untilLines([`resumed ${mic('anna')}`])
    await recorder.untilLoud(mic('anna'), 40)
    expect(recorder.lines.filter((line) => !line.startsWith('joined') && !line.startsWith('started'))).toEqual([
      `stalled ${mic('anna')} no_packets`,
      `resumed ${mic('anna')}`,
    ])
  })

  test('who says nothing for 12 s, with an open microphone that captures nothing, stalls as little as one who is muted and opens it', async () => {
    const recorder = new RoomRecorder()
    await stage.join(recorder)
    const tone = await (await stage.speaker('anna')).publish()
    await recorder.untilLoud(mic('anna'))
    await tone.silence()
    const bert = await (await stage.speaker('bert')).publish()
    await recorder.untilLoud(mic('bert'))
    bert.setMuted(true)
    await recorder.untilLines([`ended ${mic('bert')} muted`])
    await systemClock.sleep(12_000)
    bert.setMuted(false)
    await recorder.untilLines([`started ${mic('bert')}`], recorder.lines.length)
    await systemClock.sleep(5_000)
    expect([...only(recorder.lines, 'stalled'), ...only(recorder.lines, 'resumed')]).toEqual([])
  })
})

/** Hears somebody who was stalled: on the same stream, or on another one after its end, whichever the library makes of it. */
async function heardAgain(recorder: RoomRecorder, identity: string, from: number): Promise<void> {
  const isNew = (lines: readonly string[]) => lines.includes(`ended ${mic(identity)} revoked`) && lines.includes(`started ${mic(identity)}`)
  await recorder.until(() => recorder.since(from).includes(`resumed ${mic(identity)}`) || isNew(recorder.since(from)))
  await recorder.untilLoud(mic(identity))
}

describe('permissions', () => {
  test('the server takes the right to publish away: the track ends as unpublished', async () => {
    const recorder = await heard()
    await stage.rooms.updateParticipant(stage.room, 'anna', {
      permission: { canSubscribe: true, canPublish: false, canPublishData: true },
    })
    await recorder.untilLines([`ended ${mic('anna')} unpublished`])
    expect(recorder.lines).not.toContain('left anna')
  })

  test('the server takes the right to hear away and gives it back: stalled, and heard again', async () => {
    const recorder = await heard({ noFramesMs: 1_000 })
    const permission = { canSubscribe: false, canPublish: false, canPublishData: true, canUpdateMetadata: true }
    await stage.rooms.updateParticipant(stage.room, 'scribe', { permission })
    await recorder.untilLines([`stalled ${mic('anna')} no_frames`])
    const from = recorder.lines.length
    await stage.rooms.updateParticipant(stage.room, 'scribe', { permission: { ...permission, canSubscribe: true } })
    await heardAgain(recorder, 'anna', from)
  })

  test('a publisher forbids to be heard, which no event tells: only that track stalls, and is heard again when allowed', async () => {
    const anna = await stage.speaker('anna')
    await anna.publish()
    const bert = await stage.speaker('bert')
    await bert.publish()
    const recorder = new RoomRecorder()
    await stage.join(recorder, { port: { noFramesMs: 1_000 } })
    await recorder.untilLoud(mic('anna'))
    anna.allowAll(false)
    await recorder.untilLines([`stalled ${mic('anna')} no_frames`])
    await recorder.untilLoud(mic('bert'))
    const from = recorder.lines.length
    anna.allowAll(true)
    await heardAgain(recorder, 'anna', from)
    expect(only(recorder.lines, `stalled ${mic('bert')}`)).toEqual([])
  })

  test('a publisher who forbids to be heard from the start is refused as not received, and heard when allowed', async () => {
    const anna = await stage.speaker('anna')
    anna.allowAll(false)
    await anna.publish()
    const bert = await stage.speaker('bert')
    await bert.publish()
    const recorder = new RoomRecorder()
    const joinedMs = systemClock.monotonicMs()
    await stage.join(recorder, { port: { lateMs: 1_000, askAgainMs: 500, rejoinMs: 2_000 } })
    const inMs = systemClock.monotonicMs()
    await recorder.untilLines([`started ${mic('bert')}`, `refused ${mic('anna')}`])
    const from = recorder.lines.length
    anna.allowAll(true)
    await recorder.untilLines([`started ${mic('anna')}`], from)
    await recorder.untilLoud(mic('anna'))
    expect(only(recorder.lines, 'end')).toEqual([])
    // it was open when the bot came in
    expect(recorder.awaitedMs.get(mic('anna'))).toBeGreaterThanOrEqual(joinedMs)
    expect(recorder.awaitedMs.get(mic('anna'))).toBeLessThan(inMs + 100)
  })

  test('a connection on which nothing comes of what was asked for ends, so that the room is joined anew', async () => {
    const anna = await stage.speaker('anna')
    anna.allowAll(false)
    await anna.publish()
    const recorder = new RoomRecorder()
    await stage.join(recorder, { port: { lateMs: 500, askAgainMs: 500, rejoinMs: 1_500 } })
    await recorder.untilLines([`refused ${mic('anna')}`, 'end connection_lost'])
  })
})
