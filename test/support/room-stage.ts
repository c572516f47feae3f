import { Room } from '@livekit/rtc-node'
import { RoomServiceClient } from 'livekit-server-sdk'
import { asIdentity, type TrackKey, trackKey } from '../../src/core/ids.js'
import { systemClock } from '../../src/core/time.js'
import { createLivekitRoom, type LivekitRoomOptions } from '../../src/live/room/livekit/open.js'
import type { JoinOptions, RoomConnection, RoomPort } from '../../src/live/room/port.js'
import { type Logger, silentLogger } from '../../src/observe/logger.js'
import type { LivekitServer } from '../../src/standins/livekit/server.js'
import type { RoomRecorder } from './room-recorder.js'
import { RoomSpeaker } from './room-speaker.js'

/** Key of somebody's microphone. */
export const mic = (identity: string): TrackKey => trackKey(asIdentity(identity), 'microphone')

/** What a test may say about a join of the bot. */
export interface StageJoin extends Partial<JoinOptions> {
  readonly logger?: Logger
  readonly signal?: AbortSignal
  readonly port?: Partial<LivekitRoomOptions>
  /** by the port of the join before, with what it remembers */
  readonly isSamePort?: boolean
}

/** A server, and a fresh room of it for each test; remembers who has to leave. */
export class RoomStage {
  #opened: { readonly server: LivekitServer; readonly rooms: RoomServiceClient } | undefined
  room = ''
  /** the library's room of the newest join of the bot */
  botRoom = new Room()
  #rooms = 0
  #port: RoomPort | undefined
  #connections: RoomConnection[] = []
  #speakers: RoomSpeaker[] = []

  /** Before anything else. */
  open(server: LivekitServer): void {
    this.#opened = { server, rooms: new RoomServiceClient(server.url, server.apiKey, server.apiSecret) }
  }

  get server(): LivekitServer {
    return this.#open().server
  }

  get rooms(): RoomServiceClient {
    return this.#open().rooms
  }

  newRoom(): void {
    this.room = `room-${++this.#rooms}`
  }

  async join(recorder: RoomRecorder, options: StageJoin = {}): Promise<RoomConnection> {
    const { logger = silentLogger, signal = new AbortController().signal, port: portOptions, isSamePort = false, ...rest } = options
    const { url, apiKey, apiSecret } = this.server
    if (!isSamePort || !this.#port) {
      this.#port = createLivekitRoom({ url, apiKey, apiSecret, clock: systemClock, logger, ...portOptions }, () => {
        this.botRoom = new Room()
        return this.botRoom
      })
    }
    const asked = { room: this.room, botIdentity: 'scribe', botName: 'Scribe', ...rest }
    const connection = await this.#port.join(asked, recorder, signal)
    this.#connections.push(connection)
    return connection
  }

  async speaker(identity: string, name?: string): Promise<RoomSpeaker> {
    const speaker = await RoomSpeaker.join(this.server, this.room, identity, name)
    this.#speakers.push(speaker)
    return speaker
  }

  async clear(): Promise<void> {
    for (const connection of this.#connections) await connection.close()
    for (const speaker of this.#speakers) await speaker.leave()
    this.#connections = []
    this.#speakers = []
  }

  #open() {
    if (!this.#opened) throw new Error('the stage has no server yet')
    return this.#opened
  }
}
