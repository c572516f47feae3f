import { SimulateScenarioKind } from '@livekit/rtc-node'
import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { openRoom } from '../../../src/app/room.js'
import { systemClock } from '../../../src/core/time.js'
import { TrackPlaces } from '../../../src/live/room/livekit/track-places.js'
import { createLogger, silentLogger } from '../../../src/observe/logger.js'
import { RoomRecorder } from '../../support/room-recorder.js'
import type { RoomSpeaker, ToneTrack } from '../../support/room-speaker.js'
import { mic } from '../../support/room-stage.js'
import { testSettings } from '../../support/settings.js'
import { useRoomStage } from '../../support/use-room-stage.js'

const stage = useRoomStage()

/** How many remote publications the bot is subscribed to in its newest room. */
const subscribed = () =>
  [...stage.botRoom.remoteParticipants.values()]
    .flatMap(({ trackPublications }) => [...trackPublications.values()])
    .filter(({ track }) => track).length

test('three places, five speakers: the first three are heard, each place that is freed goes to who waits longest', async () => {
  const counts: number[] = []
  const lines: string[] = []
  const places = new TrackPlaces(3, (count) => counts.push(count))
  const recorder = new RoomRecorder()
  const connection = await stage.join(recorder, { port: { places }, logger: createLogger('info', (line) => void lines.push(line)) })
  const speakers = new Map<string, RoomSpeaker>()
  const tones = new Map<string, ToneTrack>()
  for (const [at, identity] of ['a', 'b', 'c', 'd', 'e'].entries()) {
    const speaker = await stage.speaker(identity)
    speakers.set(identity, speaker)
    tones.set(identity, await speaker.publish())
    await recorder.untilLines([`${at < 3 ? 'started' : 'refused'} ${mic(identity)}`])
  }
  for (const identity of ['a', 'b', 'c']) await recorder.untilLoud(mic(identity))
  expect([subscribed(), places.taken, places.waiting]).toEqual([3, 3, 2])

  // a place freed by unpublishing
  await speakers.get('b')!.unpublish(tones.get('b')!)
  await recorder.untilLoud(mic('d'))
  expect(recorder.lines).not.toContain(`refusal ended ${mic('d')}`)
  expect(recorder.frames.has(mic('e'))).toBe(false)
  expect([subscribed(), places.taken, places.waiting]).toEqual([3, 3, 1])

  // and by leaving
  await speakers.get('a')!.leave()
  await recorder.untilLoud(mic('e'))
  expect([subscribed(), places.taken, places.waiting]).toEqual([3, 3, 0])

  // nobody waits: who publishes again is refused like a newcomer
  await speakers.get('b')!.publish()
  await recorder.untilLines([`refused ${mic('b')}`])
  expect(counts).toEqual([1, 2, 1, 0, 1])
  expect(lines.filter((line) => line.includes('more tracks than this process may hear'))).toHaveLength(1)

  await connection.close()
  expect([places.taken, places.waiting, counts.at(-1)]).toEqual([0, 0, 0])
})

test('the rooms of a process share the places: the end of one meeting lets the people of another in', async () => {
  const places = new TrackPlaces(2)
  for (const identity of ['a', 'b']) await (await stage.speaker(identity)).publish()
  const first = new RoomRecorder()
  const connection = await stage.join(first, { port: { places } })
  await first.untilLoud(mic('a'))
  await first.untilLoud(mic('b'))
  stage.newRoom()
  const second = new RoomRecorder()
  await stage.join(second, { port: { places } })
  const muted = await stage.speaker('c')
  const tone = await muted.publish()
  await second.untilLines([`refused ${mic('c')}`])
  tone.setMuted(true)
  await second.untilLines([`refusal ended ${mic('c')}`])
  const from = second.lines.length
  tone.setMuted(false)
  await second.untilLines([`refused ${mic('c')}`], from)
  await connection.close()
  await second.untilLoud(mic('c'))
  expect(second.since(from)).toEqual([`refused ${mic('c')}`, `started ${mic('c')}`])
})

test('a full reconnect keeps to the places, and hears as many as before', async () => {
  const places = new TrackPlaces(2)
  const recorder = new RoomRecorder()
  await stage.join(recorder, { port: { places } })
  for (const [at, identity] of ['a', 'b', 'c'].entries()) {
    await (await stage.speaker(identity)).publish()
    await recorder.untilLines([`${at < 2 ? 'started' : 'refused'} ${mic(identity)}`])
  }
  const from = recorder.lines.length
  await stage.botRoom.simulateScenario(SimulateScenarioKind.SIMULATE_FULL_RECONNECT)
  await recorder.untilLines(['reconnected'], from)
  const startedSince = () => recorder.since(from).filter((line) => line.startsWith('started')).length
  await recorder.until(() => startedSince() === 2 && recorder.since(from).some((line) => line.startsWith('refused')))
  expect([places.taken, places.waiting]).toEqual([2, 1])
})

test('the setting bounds what a process hears, and how many wait is told', async () => {
  const told: number[] = []
  const settings = testSettings({ dataDir: tmpdir(), maxTracks: 1 }, stage.server)
  const port = openRoom(settings, { clock: systemClock, logger: silentLogger, business: { overCapacity: (count) => told.push(count) } })
  const recorder = new RoomRecorder()
  const asked = { room: stage.room, botIdentity: 'scribe', botName: 'Scribe' }
  const connection = await port.join(asked, recorder, new AbortController().signal)
  for (const identity of ['a', 'b']) await (await stage.speaker(identity)).publish()
  await recorder.untilLines([`started ${mic('a')}`, `refused ${mic('b')}`])
  expect(told).toEqual([1])
  await connection.close()
  expect(told).toEqual([1, 0])
})
