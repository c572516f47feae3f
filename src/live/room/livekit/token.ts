import { AccessToken } from 'livekit-server-sdk'

/** What a bot's token needs. */
export interface BotToken {
  readonly apiKey: string
  readonly apiSecret: string
  readonly room: string
  readonly identity: string
  readonly name: string
}

/** Only the join needs it, the server pushes fresh tokens to whoever is connected; the rest is for clocks that differ. */
const TTL_SEC = 600

/**
 * A token for one join of the bot: visible, of kind agent (it neither keeps the room open nor counts as a person),
 * no media published, data (captions) and its own metadata allowed.
 */
export function botToken(bot: BotToken): Promise<string> {
  const token = new AccessToken(bot.apiKey, bot.apiSecret, { identity: bot.identity, name: bot.name, ttl: TTL_SEC })
  token.kind = 'agent'
  token.addGrant({
    room: bot.room,
    roomJoin: true,
    canSubscribe: true,
    canPublish: false,
    canPublishData: true,
    canUpdateOwnMetadata: true,
  })
  return token.toJwt()
}
