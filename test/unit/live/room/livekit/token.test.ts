import { TokenVerifier } from 'livekit-server-sdk'
import { expect, test } from 'vitest'
import { botToken } from '../../../../../src/live/room/livekit/token.js'

test('the token makes a visible agent that publishes no media and may send data, for one room and ten minutes', async () => {
  const secret = 's'.repeat(40)
  const token = await botToken({ apiKey: 'key', apiSecret: secret, room: 'r', identity: 'scribe', name: 'Scribe' })
  const claims = await new TokenVerifier('key', secret).verify(token)
  expect(claims).toMatchObject({ sub: 'scribe', name: 'Scribe', kind: 'agent' })
  expect(claims.video).toEqual({
    room: 'r',
    roomJoin: true,
    canSubscribe: true,
    canPublish: false,
    canPublishData: true,
    canUpdateOwnMetadata: true,
  })
  expect((claims.exp ?? 0) - (claims.nbf ?? 0)).toBe(600)
})
