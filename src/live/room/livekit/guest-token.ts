import { randomUUID } from 'node:crypto'
import { AccessToken } from 'livekit-server-sdk'

/** What a guest's token needs. */
export interface GuestToken {
  readonly apiKey: string
  readonly apiSecret: string
  readonly room: string
  readonly name: string
}

const TTL_SEC = 3600

/** A token with which a person joins from a browser: microphone only. The identity is fresh, so that nobody is thrown out. */
export async function guestToken({ apiKey, apiSecret, room, name }: GuestToken): Promise<{ token: string; identity: string }> {
  const identity = `guest-${randomUUID()}`
  const token = new AccessToken(apiKey, apiSecret, { identity, name, ttl: TTL_SEC })
  token.addGrant({ room, roomJoin: true, canSubscribe: true, canPublish: true, canPublishData: false })
  return { token: await token.toJwt(), identity }
}
