import { Room } from '@livekit/rtc-node'
import { afterAll, expect, test } from 'vitest'
import { createLivekitRoom } from '../../../../../src/live/room/livekit/open.js'
import { releaseLibrary } from '../../../../../src/live/room/livekit/library.js'
import type { RoomEvents } from '../../../../../src/live/room/port.js'
import { silentLogger } from '../../../../../src/observe/logger.js'
import { deferred } from '../../../../../src/core/deferred.js'
import { ManualClock } from '../../../../support/manual-clock.js'

const NOBODY = { room: 'planning', botIdentity: 'scribe', botName: 'Scribe' }

afterAll(releaseLibrary)

/** A port whose library answers a join when it is told to, or never. */
function port() {
  const clock = new ManualClock()
  const asked: { answer: () => void; left: number }[] = []
  const room = createLivekitRoom(
    { url: 'ws://127.0.0.1:1', apiKey: 'k', apiSecret: 's'.repeat(32), clock, logger: silentLogger, joinAnswerMs: 45_000 },
    () => {
      const one = new Room()
      const connecting = deferred()
      const call = { answer: () => connecting.resolve(), left: 0 }
      one.connect = () => {
        asked.push(call)
        return Promise.resolve(connecting.promise)
      }
      one.disconnect = () => {
        call.left++
        return Promise.resolve()
      }
      return one
    },
  )
  const join = () =>
    room.join(NOBODY, {} as RoomEvents, new AbortController().signal).then(
      () => 'in the room',
      (thrown: unknown) => thrown,
    )
  return { clock, asked, join }
}

test('joins that the library never answers are given up, worth another attempt, and the next ones have their places', async () => {
  const { clock, asked, join } = port()
  const stuck = [join(), join()]
  const next = join()
  await clock.settle()
  await expect.poll(() => asked.length).toBe(2)
  await clock.advance(44_999)
  expect(asked).toHaveLength(2)
  await clock.advance(1)
  expect(await Promise.all(stuck)).toMatchObject([
    { code: 'livekit_unreachable', retryable: true, cause: { message: 'the room library does not answer' } },
    { code: 'livekit_unreachable' },
  ])
  await expect.poll(() => asked.length).toBe(3)
  await clock.advance(45_000)
  await next
})

test('one that is answered after that is left at once', async () => {
  const { clock, asked, join } = port()
  const stuck = join()
  await clock.settle()
  await expect.poll(() => asked.length).toBe(1)
  await clock.advance(45_000)
  await stuck
  const before = asked[0]!.left
  asked[0]!.answer()
  await expect.poll(() => asked[0]!.left).toBe(before + 1)
})
