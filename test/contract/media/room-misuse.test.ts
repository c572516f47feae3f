import { describe, expect, test } from 'vitest'
import { systemClock } from '../../../src/core/time.js'
import { libraryListenerCount } from '../../../src/live/room/livekit/library.js'
import { scaled } from '../../support/marks-audio.js'
import { MarksRecorder, MarksTrack, type Microphone } from '../../support/marks-track.js'
import { mic } from '../../support/room-stage.js'
import { useRoomStage } from '../../support/use-room-stage.js'

const stage = useRoomStage()

const slots = (who: number, from: number, to: number) => Array.from({ length: to - from }, (_, at) => `${who}/${from + at}`)

const stereo: Microphone = (mono) => Int16Array.from({ length: mono.length * 2 }, (_, at) => mono[at >> 1]!)
const leftOnly: Microphone = (mono) => Int16Array.from({ length: mono.length * 2 }, (_, at) => (at % 2 === 0 ? mono[at >> 1]! : 0))

describe('microphones out of the ordinary', () => {
  test.each([
    ['48 kHz stereo', 2, stereo],
    ['48 kHz stereo with one side silent', 2, leftOnly],
    ['one that clips at eight times its level', 1, (mono: Int16Array) => scaled(mono, 8)],
    ['one with a constant offset', 1, (mono: Int16Array) => mono.map((sample) => Math.min(32_767, sample + 6000))],
  ] as [string, number, Microphone][])('%s is heard as 16 kHz mono, every mark of it', async (_name, channels, microphone) => {
    const recorder = new MarksRecorder()
    await stage.join(recorder)
    const track = await MarksTrack.publish(await stage.speaker('anna'), 7, channels)
    await recorder.untilLines([`started ${mic('anna')}`])
    await track.speak(100, 120, microphone)
    await recorder.untilMark(mic('anna'), 7, 119)
    expect(recorder.marks(mic('anna'))).toEqual(slots(7, 100, 120))
    expect([...(recorder.frames.get(mic('anna'))?.sizes ?? [])]).toEqual([800])
    await track.close()
  })
})

describe('mute storms', () => {
  test('22 50 toggles a second: nobody else loses a mark, little is opened and closed, and no native stream is left over', async () => {
    const before = libraryListenerCount()
    const recorder = new MarksRecorder()
    const connection = await stage.join(recorder)
    const anna = await stage.speaker('anna')
    const tone = await anna.publish()
    await recorder.untilLoud(mic('anna'))
    const bert = await MarksTrack.publish(await stage.speaker('bert'), 9)
    await recorder.untilLines([`started ${mic('bert')}`])
    const open = libraryListenerCount()
    const from = recorder.lines.length
    const speaking = bert.speak(0, 25)
    for (let toggle = 0; toggle < 250; toggle++) {
      tone.setMuted(toggle % 2 === 0)
      await systemClock.sleep(20)
    }
    await speaking
    await recorder.untilMark(mic('bert'), 9, 24)
    expect(recorder.marks(mic('bert'))).toEqual(slots(9, 0, 25))
    // it ends on unmuted: heard again
    await recorder.untilLoud(mic('anna'))
    const lines = recorder.since(from)
    expect(lines.every((line) => line === `started ${mic('anna')}` || line === `ended ${mic('anna')} muted`)).toBe(true)
    // a mute has to last for the tail of 150 ms before anything is closed
    expect(lines.length).toBeLessThan(50)
    expect(libraryListenerCount()).toBe(open)
    await bert.close()
    await connection.close()
    await stage.clear()
    expect(libraryListenerCount()).toBe(before)
  })

  test('an answer that the library waits for is no stream that is left over', async () => {
    const anna = await stage.speaker('anna')
    const open = libraryListenerCount()
    const renamed = anna.rename('Anna')
    expect(libraryListenerCount()).toBe(open)
    await renamed
    expect(libraryListenerCount()).toBe(open)
  })

  test('toggles slow enough to be told each: as many streams are closed as opened', async () => {
    const recorder = new MarksRecorder()
    await stage.join(recorder)
    const tone = await (await stage.speaker('anna')).publish()
    await recorder.untilLoud(mic('anna'))
    const open = libraryListenerCount()
    for (let toggle = 0; toggle < 10; toggle++) {
      const from = recorder.lines.length
      tone.setMuted(true)
      await recorder.untilLines([`ended ${mic('anna')} muted`], from)
      expect(libraryListenerCount()).toBe(open - 1)
      tone.setMuted(false)
      await recorder.untilLines([`started ${mic('anna')}`], from)
    }
    await recorder.untilLoud(mic('anna'))
    expect(libraryListenerCount()).toBe(open)
  })
})
