import { Room } from '@livekit/rtc-node'
import { describe, expect, test } from 'vitest'
import { guardRoom, isLibraryError } from '../../../../../src/live/room/livekit/library.js'

/** An error with the given stack. */
function withStack(...frames: string[]): Error {
  const error = new Error('x')
  error.stack = ['Error: x', ...frames.map((frame) => `    at ${frame}`)].join('\n')
  return error
}

const LIBRARY = 'Room.requireRemoteParticipant (/app/node_modules/@livekit/rtc-node/dist/room.cjs:800:13)'
const OURS = 'RoomRecorder.joined (/app/src/live/bot/bot.ts:10:3)'

describe('library errors', () => {
  test('what the library throws is its own, also through frames of Node', async () => {
    expect(isLibraryError(withStack(LIBRARY, OURS))).toBe(true)
    expect(isLibraryError(withStack('Map.forEach (<anonymous>)', 'emit (node:events:519:28)', LIBRARY))).toBe(true)
    const thrown: unknown = await new Room().getRtcStats().catch((error: unknown) => error)
    expect(isLibraryError(thrown)).toBe(true)
  })

  test('what we throw inside of a handler that the library called is ours', () => {
    expect(isLibraryError(withStack(OURS, 'Room.emit (node:events:519:28)', LIBRARY))).toBe(false)
    expect(isLibraryError(new Error('ours'))).toBe(false)
    expect(isLibraryError('text')).toBe(false)
    expect(isLibraryError(withStack())).toBe(false)
  })

  test('a failure in the handling of one event is reported, and events kept from before the join are dropped', async () => {
    const room = new Room()
    const failures: string[] = []
    guardRoom(room, (error) => failures.push(error.message))
    const internals = room as unknown as {
      onFfiEvent(event: unknown): Promise<void>
      preConnectEvents: unknown[]
      info: unknown
      localParticipant: unknown
      ffiHandle: unknown
    }
    await internals.onFfiEvent({ message: null })
    expect(internals.preConnectEvents).toHaveLength(1)
    Object.assign(internals, { info: {}, localParticipant: {}, ffiHandle: {} })
    await internals.onFfiEvent({ message: { case: 'none' } })
    expect(failures).toHaveLength(1)
    expect(internals.preConnectEvents).toEqual([])
    await internals.onFfiEvent({ message: { case: 'none' } })
    expect(failures).toHaveLength(1)
  })
})
