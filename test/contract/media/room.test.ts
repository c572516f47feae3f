import { TrackSource } from '@livekit/rtc-node'
import { describe, expect, test } from 'vitest'
import { asIdentity, trackKey } from '../../../src/core/ids.js'
import { createLogger } from '../../../src/observe/logger.js'
import { RoomRecorder } from '../../support/room-recorder.js'
import { mic } from '../../support/room-stage.js'
import { useRoomStage } from '../../support/use-room-stage.js'

const stage = useRoomStage()

describe('people and tracks', () => {
  test('who is there at the join and who comes later is reported and heard in frames of 800 samples', async () => {
    const anna = await stage.speaker('anna', 'Anna')
    await anna.publish()
    const recorder = new RoomRecorder()
    await stage.join(recorder)
    await recorder.untilLines(['joined anna Anna', `started ${mic('anna')}`])
    const bert = await stage.speaker('bert')
    await bert.publish()
    await recorder.untilLines(['joined bert bert', `started ${mic('bert')}`])
    await recorder.untilLoud(mic('anna'))
    await recorder.untilLoud(mic('bert'))
    expect([...(recorder.frames.get(mic('anna'))?.sizes ?? [])]).toEqual([800])
    await anna.leave()
    await recorder.untilLines([`ended ${mic('anna')} left`, 'left anna'])
    expect(recorder.lines.indexOf('left anna')).toBeGreaterThan(recorder.lines.indexOf(`ended ${mic('anna')} left`))
  })

  test('a rename is reported once, and other agents never are', async () => {
    await stage.join(new RoomRecorder(), { botIdentity: 'other-agent' })
    const recorder = new RoomRecorder()
    await stage.join(recorder)
    expect([...stage.botRoom.remoteParticipants.keys()]).toEqual(['other-agent'])
    const anna = await stage.speaker('anna', 'Anna')
    await anna.publish()
    await recorder.untilLoud(mic('anna'))
    await anna.rename('Anna B.')
    await recorder.untilLines(['renamed anna Anna B.'])
    expect(recorder.lines).toEqual(['joined anna Anna', `started ${mic('anna')}`, 'renamed anna Anna B.'])
  })

  test('a mute ends the track, an unmute starts it, and speech comes again', async () => {
    const recorder = new RoomRecorder()
    await stage.join(recorder)
    const anna = await stage.speaker('anna')
    const tone = await anna.publish()
    await recorder.untilLoud(mic('anna'))
    tone.setMuted(true)
    await recorder.untilLines([`ended ${mic('anna')} muted`])
    const from = recorder.lines.length
    tone.setMuted(false)
    await recorder.untilLines([`started ${mic('anna')}`], from)
    await recorder.untilLoud(mic('anna'))
  })

  test('the end of speech, which arrives after the mute, is still heard', async () => {
    const recorder = new RoomRecorder()
    await stage.join(recorder)
    const anna = await stage.speaker('anna')
    const tone = await anna.publish()
    await recorder.untilLoud(mic('anna'))
    const loud = () => recorder.frames.get(mic('anna'))?.loud ?? 0
    let loudAtMute = Infinity
    stage.botRoom.on('trackMuted', () => (loudAtMute = loud()))
    tone.setMuted(true)
    await recorder.untilLines([`ended ${mic('anna')} muted`])
    expect(loud()).toBeGreaterThan(loudAtMute)
  })

  test('a track that was muted before the bot came is not started until it is unmuted', async () => {
    const anna = await stage.speaker('anna')
    const bert = await stage.speaker('bert')
    const tone = await anna.publish()
    tone.setMuted(true)
    await bert.publish()
    // the server knows of the mute when it says so
    for (;;) {
      const people = await stage.rooms.listParticipants(stage.room)
      if (people.find(({ identity }) => identity === 'anna')?.tracks[0]?.muted) break
    }
    const recorder = new RoomRecorder()
    await stage.join(recorder)
    await recorder.untilLoud(mic('bert'))
    expect(recorder.lines).not.toContain(`started ${mic('anna')}`)
    tone.setMuted(false)
    await recorder.untilLines([`started ${mic('anna')}`])
    await recorder.untilLoud(mic('anna'))
  })

  test('27 cameras and data are nothing to the bot: only the microphone is taken', async () => {
    const recorder = new RoomRecorder()
    await stage.join(recorder)
    const anna = await stage.speaker('anna')
    await anna.publishCamera()
    await anna.say(new Uint8Array(1_000))
    await anna.publish()
    await recorder.untilLoud(mic('anna'))
    expect(recorder.lines.filter((line) => line.startsWith('started'))).toEqual([`started ${mic('anna')}`])
    await anna.leave()
    await recorder.untilLines(['left anna'])
    expect(recorder.lines.filter((line) => line.startsWith('ended'))).toEqual([`ended ${mic('anna')} left`])
  })

  test('22 a republished track is heard again under the same key', async () => {
    const recorder = new RoomRecorder()
    await stage.join(recorder)
    const anna = await stage.speaker('anna')
    const tone = await anna.publish()
    await recorder.untilLoud(mic('anna'))
    await anna.unpublish(tone)
    await recorder.untilLines([`ended ${mic('anna')} unpublished`])
    const from = recorder.lines.length
    await anna.publish()
    await recorder.untilLines([`started ${mic('anna')}`], from)
    await recorder.untilLoud(mic('anna'))
    expect(recorder.lines).not.toContain('left anna')
  })

  test('21 a person who joins again with the same identity never left, and is heard again', async () => {
    const recorder = new RoomRecorder()
    await stage.join(recorder)
    const first = await stage.speaker('anna')
    await first.publish()
    await recorder.untilLoud(mic('anna'))
    const from = recorder.lines.length
    const second = await stage.speaker('anna')
    await second.publish()
    await recorder.untilLines([`started ${mic('anna')}`], from)
    await recorder.untilLoud(mic('anna'))
    expect(recorder.since(from)).toEqual([`ended ${mic('anna')} unpublished`, `started ${mic('anna')}`])
  })

  test('a second microphone takes over, and the first is taken up again when it goes', async () => {
    const recorder = new RoomRecorder()
    await stage.join(recorder)
    const anna = await stage.speaker('anna')
    await anna.publish()
    await recorder.untilLoud(mic('anna'))
    const second = await anna.publish({ source: TrackSource.SOURCE_UNKNOWN })
    await recorder.untilLines([`ended ${mic('anna')} superseded`])
    await recorder.untilLoud(mic('anna'))
    const from = recorder.lines.length
    await anna.unpublish(second)
    await recorder.untilLines([`ended ${mic('anna')} superseded`, `started ${mic('anna')}`], from)
    await recorder.untilLoud(mic('anna'))
  })

  test('sound of a shared screen is a track of its own, and only when asked for', async () => {
    const plain = new RoomRecorder()
    const asked = new RoomRecorder()
    await stage.join(plain)
    await stage.join(asked, { botIdentity: 'scribe-2', screenShareAudio: true })
    const anna = await stage.speaker('anna')
    await anna.publish({ source: TrackSource.SOURCE_SCREENSHARE_AUDIO })
    await asked.untilLoud(trackKey(asIdentity('anna'), 'screenshare'))
    await anna.publish()
    await plain.untilLoud(mic('anna'))
    expect(plain.lines.filter((line) => line.startsWith('started'))).toEqual([`started ${mic('anna')}`])
  })
})

describe('captions', () => {
  test('a caption comes under the name of the speaker, interim and final with one segment id', async () => {
    const anna = await stage.speaker('anna')
    const seen: string[] = []
    const got = new Promise<void>((resolve) => {
      anna.room.registerTextStreamHandler('lk.transcription', (reader, { identity }) => {
        void reader.readAll().then((text) => {
          const { attributes } = reader.info
          seen.push(`${identity} ${attributes?.['lk.segment_id']} ${attributes?.['lk.transcription_final']} ${text}`)
          if (seen.length === 2) resolve()
          return undefined
        })
      })
    })
    const recorder = new RoomRecorder()
    const connection = await stage.join(recorder)
    await recorder.untilLines(['joined anna anna'])
    const segment = { segmentId: 's1', identity: asIdentity('anna') }
    await connection.caption({ ...segment, text: 'good', isFinal: false })
    await connection.caption({ ...segment, text: 'good morning', isFinal: true })
    await got
    expect(seen).toEqual(['anna s1 false good', 'anna s1 true good morning'])
  })

  test('without the grant captions resolve, and one warning says so', async () => {
    const lines: string[] = []
    const recorder = new RoomRecorder()
    const connection = await stage.join(recorder, { logger: createLogger('info', (line) => void lines.push(line)) })
    await stage.rooms.updateParticipant(stage.room, 'scribe', {
      permission: { canSubscribe: true, canPublish: false, canPublishData: false },
    })
    const anna = await stage.speaker('anna')
    await anna.publish()
    await recorder.untilLoud(mic('anna'))
    const caption = { segmentId: 's', identity: asIdentity('anna'), text: 'x', isFinal: true }
    await connection.caption(caption)
    await connection.caption(caption)
    expect(lines.filter((line) => line.includes('captions are off'))).toHaveLength(1)
  })

  test('a caption after the end resolves', async () => {
    const connection = await stage.join(new RoomRecorder())
    await connection.close()
    await connection.caption({ segmentId: 's', identity: asIdentity('anna'), text: 'x', isFinal: true })
  })
})
