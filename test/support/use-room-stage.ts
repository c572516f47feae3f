import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import { prepareLibrary } from '../../src/live/room/livekit/library.js'
import { disposeRoomLibrary } from '../../src/live/room/livekit/open.js'
import { silentLogger } from '../../src/observe/logger.js'
import { startTestLivekit } from './livekit.js'
import { RoomStage } from './room-stage.js'

/** A stage for the tests of one file: one server for all of them, a room for each, and whoever was in it leaves at its end. */
export function useRoomStage(): RoomStage {
  const stage = new RoomStage()
  beforeAll(async () => {
    prepareLibrary(silentLogger)
    stage.open(await startTestLivekit())
  })
  afterAll(async () => {
    await disposeRoomLibrary()
    await stage.server.stop()
  })
  beforeEach(() => stage.newRoom())
  afterEach(() => stage.clear())
  return stage
}
