import { TrackSource } from '@livekit/rtc-node'
import { expect, test } from 'vitest'
import { systemClock } from '../../../src/core/time.js'
import { LivekitCensus } from '../../../src/live/room/livekit/census.js'
import { createLogger } from '../../../src/observe/logger.js'
import { RoomRecorder } from '../../support/room-recorder.js'
import { mic } from '../../support/room-stage.js'
import { useRoomStage } from '../../support/use-room-stage.js'

const LOOK_MS = 400
/** as at rest, what has been missing for a look is late */
const lookOften = { lookEveryMs: LOOK_MS, confirmLookMs: 300, lateMs: 200 }

const stage = useRoomStage()

/** The library's events of the bot's room stop; its media and its keep-alive go on. */
function deafen(): void {
  Object.assign(stage.botRoom, { processFfiEvent: () => Promise.resolve() })
}

/** The bot hears anna. */
async function heardAnna(options: { readonly rejoinEveryMs?: number; readonly lines?: string[] } = {}) {
  const { lines = [], ...port } = options
  const anna = await stage.speaker('anna')
  const tone = await anna.publish()
  const recorder = new RoomRecorder()
  await stage.join(recorder, { port: { ...lookOften, ...port }, logger: createLogger('info', (line) => void lines.push(line)) })
  await recorder.untilLoud(mic('anna'))
  return { anna, tone, recorder }
}

test('no event comes any more: who opens a microphone then is told as missing since the last look, and the room is joined anew', async () => {
  const lines: string[] = []
  const { recorder } = await heardAnna({ lines })
  deafen()
  const from = recorder.lines.length
  const bert = await stage.speaker('bert', 'Bert B.')
  const openMs = systemClock.monotonicMs()
  await bert.publish()
  await recorder.untilLines(['end connection_lost'], from)
  expect(recorder.since(from)).toEqual(['joined bert Bert B.', `refused ${mic('bert')}`, 'end connection_lost'])
  const missedMs = recorder.refusedMs.get(mic('bert')) ?? Number.NaN
  expect(missedMs).toBeLessThanOrEqual(openMs)
  expect(missedMs).toBeGreaterThan(openMs - 3 * LOOK_MS)
  expect(lines.filter((line) => line.includes('joined anew'))).toHaveLength(1)

  const again = new RoomRecorder()
  await stage.join(again)
  await again.untilLoud(mic('bert'))
  await again.untilLoud(mic('anna'))
})

test('no event comes any more: an unmute is told as well, and so is who has left', async () => {
  const first = await heardAnna()
  first.tone.setMuted(true)
  await first.recorder.untilLines([`ended ${mic('anna')} muted`])
  deafen()
  first.tone.setMuted(false)
  await first.recorder.untilLines(['end connection_lost'])

  stage.newRoom()
  const second = await heardAnna()
  deafen()
  await second.anna.leave()
  await second.recorder.untilLines(['end connection_lost'])
})

test('a room that was joined anew just before is not again: what is missing is told, and who is heard is heard on', async () => {
  const { recorder } = await heardAnna({ rejoinEveryMs: 600_000 })
  deafen()
  await (await stage.speaker('bert')).publish()
  await recorder.untilLines(['end connection_lost'])
  const again = new RoomRecorder()
  await stage.join(again, { isSamePort: true })
  await again.untilLoud(mic('bert'))
  deafen()
  await (await stage.speaker('carl')).publish()
  await again.untilLines([`refused ${mic('carl')}`])
  await again.untilLoud(mic('anna'), 3 * (LOOK_MS / 50))
  expect(again.lines.filter((line) => line.startsWith('end '))).toEqual([])
})

test('whatever is no news to a bot is none of the server: muted microphones, cameras, shared sound that nobody asked for', async () => {
  const { recorder, anna, tone } = await heardAnna()
  await anna.publishCamera()
  await anna.publish({ source: TrackSource.SOURCE_SCREENSHARE_AUDIO })
  const bert = await stage.speaker('bert')
  ;(await bert.publish()).setMuted(true)
  await recorder.untilLines(['joined bert bert'])
  tone.setMuted(true)
  await recorder.untilLines([`ended ${mic('anna')} muted`])
  tone.setMuted(false)
  await recorder.untilLoud(mic('anna'), 4 * (LOOK_MS / 50))
  expect(recorder.lines.filter((line) => line.startsWith('end '))).toEqual([])
})

test('the server lists who is there, and what is open; in a room that is none there is nobody', async () => {
  const { url, apiKey, apiSecret } = stage.server
  const census = new LivekitCensus({ url, apiKey, apiSecret })
  expect(await census.participants(stage.room)).toEqual([])
  const { tone } = await heardAnna()
  const listed = await census.participants(stage.room)
  expect(listed.map(({ identity, isHeard, isActive, isHidden }) => ({ identity, isHeard, isActive, isHidden }))).toEqual(
    expect.arrayContaining([
      { identity: 'anna', isHeard: true, isActive: true, isHidden: false },
      { identity: 'scribe', isHeard: false, isActive: true, isHidden: false },
    ]),
  )
  expect(listed.find(({ identity }) => identity === 'anna')?.tracks).toEqual([
    { sid: tone.publication.sid, isAudio: true, source: 2, isMuted: false },
  ])
})
