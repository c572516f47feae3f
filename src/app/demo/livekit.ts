import { UpstreamError } from '../../core/errors.js'
import type { Clock } from '../../core/time.js'
import type { Logger } from '../../observe/logger.js'
import { findLivekit, LIVEKIT_SERVER_VERSION } from '../../standins/livekit/find.js'
import { startLivekitServer } from '../../standins/livekit/server.js'
import { searchPath } from '../config/process-env.js'
import type { Settings } from '../config/settings.js'

/** The LiveKit server that the demo uses. */
export interface DemoLivekit {
  readonly url: string
  readonly apiKey: string
  readonly apiSecret: string
  readonly describes: string
  close(): Promise<void>
}

/**
 * The server that the settings name, else one of our own.
 * @throws ConfigError the settings are incomplete; UpstreamError there is none, or it does not start
 */
export async function openLivekit(settings: Settings, clock: Clock, logger: Logger): Promise<DemoLivekit> {
  const found = await findLivekit({
    url: settings.livekitUrl ?? undefined,
    apiKey: settings.livekitApiKey ?? undefined,
    apiSecret: settings.livekitApiSecret?.reveal(),
    cacheDir: settings.cacheDir,
    path: searchPath(),
  })
  if (found.kind === 'none') throw new UpstreamError('livekit_missing', found.message, { service: 'livekit', retryable: false })
  if (found.kind === 'given') return { ...found, describes: `your server at ${found.url}`, close: () => Promise.resolve() }
  const server = await startLivekitServer({ binary: found.binary, clock, logger })
  const { url, apiKey, apiSecret } = server
  const from = found.from === 'path' ? 'livekit-server on the path' : `livekit-server ${LIVEKIT_SERVER_VERSION} built by set-up`
  return { url, apiKey, apiSecret, describes: `${from}, at ${url}`, close: () => server.stop() }
}
