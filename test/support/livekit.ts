import { AccessToken, type VideoGrant } from 'livekit-server-sdk'
import { cacheDir } from '../../src/app/config/cache-dir.js'
import { systemClock } from '../../src/core/time.js'
import { silentLogger } from '../../src/observe/logger.js'
import { findLivekit } from '../../src/standins/livekit/find.js'
import { startLivekitServer, type LivekitServer, type LivekitServerOptions } from '../../src/standins/livekit/server.js'

/**
 * Starts a real server for one test file (LIVEKIT_URL is not looked at: tests own their server). Stop it in `afterAll`.
 * @throws Error when there is none: `npm run setup -- --tests` gets one. Never skip because of it.
 */
export async function startTestLivekit(options: Partial<LivekitServerOptions> = {}): Promise<LivekitServer> {
  const found = await findLivekit({ cacheDir: cacheDir(process.env), path: process.env['PATH'] ?? '' })
  if (found.kind !== 'binary') throw new Error(found.kind === 'none' ? found.message : 'tests own their server')
  return startLivekitServer({ binary: found.binary, logger: silentLogger, clock: systemClock, ...options })
}

/** A token that may join `room`, publish, subscribe, send data and change its own name. */
export function testToken(
  server: { readonly apiKey: string; readonly apiSecret: string },
  who: { readonly room: string; readonly identity: string; readonly name?: string; readonly grant?: VideoGrant },
): Promise<string> {
  const token = new AccessToken(server.apiKey, server.apiSecret, {
    identity: who.identity,
    ttl: '1h',
    ...(who.name === undefined ? {} : { name: who.name }),
  })
  token.addGrant({
    roomJoin: true,
    room: who.room,
    canPublish: true,
    canSubscribe: true,
    canPublishData: true,
    canUpdateOwnMetadata: true,
    ...who.grant,
  })
  return token.toJwt()
}
