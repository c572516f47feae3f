import { dispose, Room, type RoomOptions } from '@livekit/rtc-node'
import { StateError } from '../../../core/errors.js'
import type { Clock } from '../../../core/time.js'
import { within } from '../../../core/within.js'
import type { Logger } from '../../../observe/logger.js'
import type { JoinOptions, RoomConnection, RoomEvents, RoomPort } from '../port.js'
import { LivekitCensus } from './census.js'
import { CaptionSender } from './caption-sender.js'
import { LivekitConnection } from './connection.js'
import { JoinGate } from './join-gate.js'
import { joinError } from './join-error.js'
import { guardRoom, noAnswer, prepareLibrary, releaseLibrary } from './library.js'
import { serverView } from './server-view.js'
import { botToken } from './token.js'
import { TrackPlaces } from './track-places.js'
import { RejoinLimit } from './rejoin-limit.js'
import { DEFAULT_TUNABLES, type RoomTunables } from './tunables.js'
import { wireRoom } from './wiring.js'

/** Joins of one process that are under way at once. */
const JOINS_AT_ONCE = 2

/** Where and as whom to join; the tunables have measured defaults. */
export interface LivekitRoomOptions extends Partial<RoomTunables> {
  /** ws, wss, http or https */
  readonly url: string
  readonly apiKey: string
  readonly apiSecret: string
  readonly clock: Clock
  readonly logger: Logger
  /** how many tracks may be heard at once, in all rooms together; no bound when absent */
  readonly places?: TrackPlaces
}

/**
 * The room port on a LiveKit server, by `@livekit/rtc-node`.
 * @param newRoom makes the library's room of one join; a test keeps it to provoke reconnects
 */
export function createLivekitRoom(options: LivekitRoomOptions, newRoom: () => Room = () => new Room()): RoomPort {
  const { url, apiKey, apiSecret, clock, logger } = options
  const tunables: RoomTunables = { ...DEFAULT_TUNABLES, ...options }
  const places = options.places ?? new TrackPlaces(Number.POSITIVE_INFINITY)
  const gate = new JoinGate(JOINS_AT_ONCE)
  const census = new LivekitCensus({ url, apiKey, apiSecret })
  const rejoins = new RejoinLimit(clock, tunables.rejoinEveryMs)
  // the last three are understood by the native library and missing in the type. One attempt, so that a server that accepts and never
  // answers costs 8 s and not 16: trying again is the caller's. A peer connection for each direction: with one for both, the library
  // offers, and when something changes before the answer is there, which takes 150 ms, it waits for itself for good (rust-sdks
  // peer_transport.rs, set_remote_description): no event of the room comes any more, while those who are heard are heard on
  const connectOptions = {
    autoSubscribe: false,
    dynacast: false,
    joinRetries: 0,
    singlePeerConnection: false,
    connectTimeoutMs: BigInt(tunables.connectTimeoutMs),
  } as RoomOptions

  async function join(asked: JoinOptions, events: RoomEvents, signal: AbortSignal): Promise<RoomConnection> {
    signal.throwIfAborted()
    // it would take the call and never answer
    if (isFreed) throw new StateError('the room library of this process has been freed: no room can be joined any more')
    prepareLibrary(logger)
    const log = logger.child({ room: asked.room })
    const token = await botToken({ apiKey, apiSecret, room: asked.room, identity: asked.botIdentity, name: asked.botName })
    const room = newRoom()
    room.setMaxListeners(0)
    guardRoom(room, (error) => log.warn({ err: error }, 'rtc-node failed to handle an event'))
    const { botIdentity, screenShareAudio = false } = asked
    const connection = new LivekitConnection({
      room,
      events,
      clock,
      logger: log,
      tunables,
      places,
      mayRejoin: () => rejoins.take(asked.room),
      serverView: async () => serverView(await census.participants(asked.room), { botIdentity, screenShareAudio }),
    })
    const takeIn = wireRoom(room, connection, { screenShareAudio })
    const onAbort = () => connection.silence()
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      // cannot be cancelled: walking away from a pending connect leaks its sockets, so it is waited for
      await gate.run(signal, () => answered(room, room.connect(url, token, connectOptions), clock, tunables.joinAnswerMs))
    } catch (thrown) {
      connection.silence()
      await connection.close()
      signal.throwIfAborted()
      throw joinError(thrown, url)
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
    if (signal.aborted) {
      connection.silence()
      await connection.close()
      throw signal.reason
    }
    new CaptionSender(room, log).mayCaption()
    takeIn()
    connection.begin()
    return connection
  }

  return { join }
}

/**
 * Waits for the library's answer to a join, but not for ever: one that never comes would keep its place in the gate, and after two of them the
 * process could join no room. Whatever comes later is left at once.
 */
const answered = (room: Room, connecting: Promise<void>, clock: Clock, ms: number): Promise<void> =>
  within(clock, ms, connecting, () => {
    void connecting.then(() => room.disconnect()).catch(() => undefined)
    return noAnswer()
  })

let isFreed = false

/** Frees the native library: the process can exit afterwards and can join no more rooms. Call once, at shutdown. */
export async function disposeRoomLibrary(): Promise<void> {
  isFreed = true
  releaseLibrary()
  await dispose()
}
