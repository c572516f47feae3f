import { AccessToken } from 'livekit-server-sdk'

/** The keys of a LiveKit server. */
export interface LivekitKeys {
  readonly apiKey: string
  readonly apiSecret: string
}

/** A token, good for six hours, of a person who may speak, listen and change the own name. */
export function actorToken(
  keys: LivekitKeys,
  who: { readonly room: string; readonly identity: string; readonly name: string },
): Promise<string> {
  const token = new AccessToken(keys.apiKey, keys.apiSecret, { identity: who.identity, name: who.name, ttl: '6h' })
  token.addGrant({ roomJoin: true, room: who.room, canPublish: true, canSubscribe: true, canPublishData: true, canUpdateOwnMetadata: true })
  return token.toJwt()
}
