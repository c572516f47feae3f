import { describe, expect, test } from 'vitest'
import { asIdentity, trackKey } from '../../../../src/core/ids.js'
import { FakeRoom } from '../../../support/fake-room.js'

import { RoomRecorder } from '../../../support/room-recorder.js'

const options = { room: 'r', botIdentity: 'scribe', botName: 'Scribe' }
const mic = (identity: string) => trackKey(asIdentity(identity), 'microphone')
const never = new AbortController().signal

describe('FakeRoom keeps the promises of the port', () => {
  test('a leave ends the tracks first', async () => {
    const room = new FakeRoom()
    const recorder = new RoomRecorder()
    await room.join(options, recorder, never)
    const key = room.connection.start('anna')
    room.connection.frame(key, new Int16Array(800), 1)
    room.connection.leave('anna')
    expect(recorder.lines).toEqual(['joined anna anna', `started ${key}`, `ended ${key} left`, 'left anna'])
    expect(recorder.frames.get(mic('anna'))?.count).toBe(1)
  })

  test('a full reconnect ends the tracks, a resume does not', async () => {
    const room = new FakeRoom()
    const recorder = new RoomRecorder()
    await room.join(options, recorder, never)
    room.connection.start('anna')
    room.connection.reconnecting('resume')
    room.connection.reconnected()
    expect(room.connection.started).toHaveLength(1)
    room.connection.reconnecting()
    expect(recorder.lines.slice(-2)).toEqual(['reconnecting', `ended ${mic('anna')} reconnecting`])
  })

  test('an exception of the consumer ends with fault, and ended is the last call', async () => {
    const room = new FakeRoom()
    const recorder = new RoomRecorder()
    const connection = await room.join(options, recorder, never)
    recorder.onLine = (line) => {
      if (line.startsWith('joined')) throw new Error('planted')
    }
    room.connection.participant('anna')
    room.connection.participant('bert')
    await connection.close()
    expect(recorder.lines).toEqual(['joined anna anna', 'end fault'])
    expect(recorder.error?.message).toBe('planted')
  })

  test('close ends with left, once; captions are kept until then', async () => {
    const room = new FakeRoom()
    const recorder = new RoomRecorder()
    const connection = await room.join(options, recorder, never)
    const caption = { segmentId: 's', identity: asIdentity('anna'), text: 'x', isFinal: true }
    await connection.caption(caption)
    await connection.close()
    await connection.close()
    await connection.caption(caption)
    expect(recorder.lines).toEqual(['end left'])
    expect([room.connection.captions.length, room.connection.closes]).toEqual([1, 2])
  })

  test('joins fail as scripted, and an abort of a held join rejects with the reason', async () => {
    const room = new FakeRoom()
    const planted = new Error('planted')
    room.failJoins(planted)
    await expect(room.join(options, new RoomRecorder(), never)).rejects.toBe(planted)
    const release = room.holdJoins()
    const controller = new AbortController()
    const joining = room.join(options, new RoomRecorder(), controller.signal)
    const reason = new Error('no longer wanted')
    controller.abort(reason)
    release()
    await expect(joining).rejects.toBe(reason)
    expect([room.joins.length, room.connections.length]).toEqual([2, 0])
  })
})
