import type { RemoteAudioTrack } from '@livekit/rtc-node'
import { expect, test } from 'vitest'
import { AudioReader } from '../../../../../src/live/room/livekit/audio-reader.js'

/** A stream that the test fills by hand. */
class HandStream {
  controller!: ReadableStreamDefaultController<{ data: Int16Array }>
  cancels = 0
  readonly stream = new ReadableStream<{ data: Int16Array }>({
    start: (controller) => {
      this.controller = controller
    },
    cancel: () => {
      this.cancels++
    },
  })

  frame(mark: number): void {
    this.controller.enqueue({ data: Int16Array.of(mark) })
  }
}

const track = {} as RemoteAudioTrack
const settled = () => new Promise((resolve) => setImmediate(resolve))

test('frames are told in order, and the end of the stream ends the reader', async () => {
  const hand = new HandStream()
  const heard: (number | undefined)[] = []
  const reader = new AudioReader(
    track,
    (samples) => heard.push(samples[0]),
    () => hand.stream,
  )
  hand.frame(1)
  hand.frame(2)
  hand.controller.close()
  await reader.ended
  expect(heard).toEqual([1, 2])
  expect(reader.track).toBe(track)
})

test('after a cancel nothing is told, neither what waits nor what is on the way; the stream is let go', async () => {
  const hand = new HandStream()
  const heard: (number | undefined)[] = []
  const reader = new AudioReader(
    track,
    (samples) => heard.push(samples[0]),
    () => hand.stream,
  )
  // resolves the read that is pending: its frame is on the way when the reader is cancelled
  hand.frame(1)
  hand.frame(2)
  await reader.cancel()
  await settled()
  expect(heard).toEqual([])
  expect(hand.cancels).toBe(1)
})

test('a cancel from within a frame is obeyed at once', async () => {
  const hand = new HandStream()
  const heard: (number | undefined)[] = []
  let cancelled: Promise<void> | undefined
  const reader = new AudioReader(
    track,
    (samples) => {
      heard.push(samples[0])
      cancelled = reader.cancel()
    },
    () => hand.stream,
  )
  for (const mark of [1, 2, 3]) hand.frame(mark)
  await reader.ended
  await cancelled
  expect(heard).toEqual([1])
})

test('a failure of the stream is the reader’s', async () => {
  const hand = new HandStream()
  const reader = new AudioReader(
    track,
    () => undefined,
    () => hand.stream,
  )
  hand.controller.error(new Error('broken'))
  await expect(reader.ended).rejects.toThrow('broken')
})
