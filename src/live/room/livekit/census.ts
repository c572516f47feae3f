import { type ParticipantInfo, ParticipantInfo_State, RoomServiceClient, ServerError, TrackType } from 'livekit-server-sdk'
import { joinError } from './join-error.js'

/** A server that does not answer is asked again soon: nothing waits long for it. */
const TIMEOUT_SEC = 5

/** A room as the server knows it. */
export interface RoomFacts {
  readonly name: string
  /** LiveKit's id of this room; another one of the same name has another */
  readonly sid: string
  /** ms since 1970, by the server's clock */
  readonly createdMs: number
}

/** Somebody in a room as the server lists them. */
export interface ListedParticipant {
  readonly identity: string
  readonly name: string
  /** of a kind that bots hear */
  readonly isHeard: boolean
  /** connected: others have been told of them; not of who is hidden */
  readonly isActive: boolean
  readonly isHidden: boolean
  /** `source`: number of livekit.TrackSource, the same in the client library */
  readonly tracks: readonly { readonly sid: string; readonly isAudio: boolean; readonly source: number; readonly isMuted: boolean }[]
}

/** Where and with what to ask. */
export interface CensusOptions {
  /** ws, wss, http or https */
  readonly url: string
  readonly apiKey: string
  readonly apiSecret: string
}

/**
 * livekit.ParticipantInfo.Kind of those who count as people: STANDARD, SIP (callers by telephone), CONNECTOR (callers of other networks).
 * Agents, recorders and streams (INGRESS) do not, and neither does a bot of ours.
 */
const PEOPLE: readonly number[] = [0, 3, 7]
/** Those whom a bot hears: streams too (INGRESS). */
const HEARD: readonly number[] = [...PEOPLE, 1]

/** Whether somebody is a person. @param kind the number of livekit.ParticipantInfo.Kind */
export const isPerson = (kind: number, identity: string, room: string): boolean =>
  PEOPLE.includes(kind) && identity !== `roomscribe:${room}`

/**
 * Asks the server who is where. Every call throws UpstreamError service `livekit` in one sentence, codes as for a join.
 * The server's own counts of people are up to five seconds old: people are counted one by one.
 */
export class LivekitCensus {
  readonly #client: RoomServiceClient
  readonly #url: string

  constructor({ url, apiKey, apiSecret }: CensusOptions) {
    this.#url = url
    this.#client = new RoomServiceClient(url, apiKey, apiSecret, { requestTimeout: TIMEOUT_SEC })
  }

  /** Every room, with people or without. */
  async rooms(): Promise<readonly RoomFacts[]> {
    return (await this.#call(() => this.#client.listRooms([]))).map(factsOf)
  }

  /** null: there is no such room. */
  async room(name: string): Promise<RoomFacts | null> {
    const [room] = await this.#call(() => this.#client.listRooms([name]))
    return room ? factsOf(room) : null
  }

  /** How many people are in a room now; 0 when there is none. */
  async people(name: string): Promise<number> {
    return (await this.#list(name)).filter(({ kind, identity }) => isPerson(kind, identity, name)).length
  }

  /** Who is in a room now; nobody when there is none. */
  async participants(name: string): Promise<readonly ListedParticipant[]> {
    return (await this.#list(name)).map(({ identity, name: shown, kind, state, permission, tracks }) => ({
      identity,
      name: shown,
      isHeard: HEARD.includes(kind),
      isActive: state === ParticipantInfo_State.ACTIVE,
      isHidden: permission?.hidden ?? false,
      tracks: tracks.map(({ sid, type, source, muted }) => ({ sid, isAudio: type === TrackType.AUDIO, source, isMuted: muted })),
    }))
  }

  /** Makes a room, as `doctor` does to see whether a webhook follows. @param emptySec after which it closes if nobody comes */
  async open(name: string, emptySec: number): Promise<void> {
    await this.#call(() => this.#client.createRoom({ name, emptyTimeout: emptySec, departureTimeout: emptySec }))
  }

  /** Closes a room. */
  async close(name: string): Promise<void> {
    await this.#call(() => this.#client.deleteRoom(name))
  }

  /** Those who are in a room; nobody when there is none. */
  async #list(name: string): Promise<readonly ParticipantInfo[]> {
    const everybody = await this.#call(() => this.#client.listParticipants(name).catch(nobodyWhereNoRoom))
    return everybody.filter(({ state }) => state !== ParticipantInfo_State.DISCONNECTED)
  }

  async #call<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask()
    } catch (thrown) {
      throw translated(thrown, this.#url)
    }
  }
}

function nobodyWhereNoRoom(thrown: unknown): ParticipantInfo[] {
  if (thrown instanceof ServerError && thrown.status === 404) return []
  throw thrown
}

const factsOf = (room: { readonly name: string; readonly sid: string; readonly creationTime: bigint }): RoomFacts => ({
  name: room.name,
  sid: room.sid,
  createdMs: Number(room.creationTime) * 1000,
})

/** As the other library words it: one table reads both. */
function translated(thrown: unknown, url: string): Error {
  return joinError(thrown instanceof ServerError ? new Error(`client error: ${thrown.status} - ${thrown.message}`) : thrown, url)
}
