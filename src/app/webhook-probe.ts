import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { listen } from '../control/api/listen.js'
import { PROBE_PREFIX, standaloneWebhooks } from '../control/webhooks/livekit/routes.js'
import type { Clock } from '../core/time.js'
import { LivekitCensus } from '../live/room/livekit/census.js'
import { WebhookVerifier } from '../live/room/livekit/webhook.js'
import { silentLogger } from '../observe/logger.js'
import type { Settings } from './config/settings.js'

/** A webhook follows its event in 150 ms; one that was refused is sent again after a second. */
const WAIT_MS = 4_000
const POLL_MS = 100
/** seconds until LiveKit closes the room by itself, should nobody be left to do it */
const ROOM_SEC = 10
const ASK_MS = 1_000

/** Where webhooks arrive while `doctor` looks. */
interface Post {
  /** whether a service that was running already has it */
  readonly isService: boolean
  readonly url: string
  seen(room: string): Promise<boolean>
  close(): Promise<void>
}

/**
 * Makes a room and sees whether LiveKit tells of it: at the service that runs on this host's port, else at that port itself. LiveKit has
 * no other way to ask what it is configured to send.
 * @returns a sentence for people
 * @throws Error webhooks are needed and none came, with what to write where; UpstreamError LiveKit does not answer
 */
export async function probeWebhooks(settings: Settings, clock: Clock): Promise<string> {
  const keys = {
    url: settings.livekitUrl ?? '',
    apiKey: settings.livekitApiKey ?? '',
    apiSecret: settings.livekitApiSecret?.reveal() ?? '',
  }
  const census = new LivekitCensus(keys)
  const room = `${PROBE_PREFIX}${randomBytes(16).toString('base64url')}`
  const post = await openPost(settings, new WebhookVerifier(keys.apiKey, keys.apiSecret))
  try {
    await census.open(room, ROOM_SEC)
    try {
      for (const endMs = clock.monotonicMs() + WAIT_MS; clock.monotonicMs() < endMs; await clock.sleep(POLL_MS)) {
        if (await post.seen(room)) return `LiveKit sends them to ${post.isService ? 'the service that runs at ' : ''}${post.url}`
      }
    } finally {
      await census.close(room)
    }
  } finally {
    await post.close()
  }
  const remedy = howTo(keys.apiKey, post.url)
  if (settings.autoJoin.length === 0) return `none came; none are needed while ROOMSCRIBE_AUTO_JOIN is empty (${remedy})`
  throw new Error(`none came within ${WAIT_MS / 1000} s, so bots join by listing rooms, up to 15 s late: ${remedy}`)
}

/** What to write into LiveKit's configuration. */
const howTo = (apiKey: string, url: string): string =>
  `put "webhook: { api_key: ${apiKey}, urls: ['${url}'] }" into livekit.yaml, with the address at which LiveKit reaches this service, ` +
  'and start LiveKit again; with LiveKit Cloud add that address under Settings, Webhooks'

async function openPost(settings: Settings, verifier: WebhookVerifier): Promise<Post> {
  const port = settings.port === 0 ? await lastPort(settings.dataDir) : settings.port
  const url = `http://${settings.host}:${port}/webhooks/livekit`
  if ((await statusOf(`http://${settings.host}:${port}/healthz`)) === 200) {
    return { isService: true, url, seen: async (room) => (await statusOf(`${url}/${room}`)) === 204, close: () => Promise.resolve() }
  }
  const seen = new Set<string>()
  const app = standaloneWebhooks({
    verify: (body, authorization) => verifier.verify(body, authorization),
    book: {
      firstSeen: (id) => {
        seen.add(id)
        return Promise.resolve(null)
      },
      hasSeen: (id) => Promise.resolve(seen.has(id)),
    },
    look: null,
    count: () => undefined,
    logger: silentLogger,
  })
  const server = await listen(app, settings.host, port)
  return { isService: false, url, seen: (room) => Promise.resolve(seen.has(room)), close: () => server.close() }
}

/** The port of the service that ran here last; 0: none did. */
export async function lastPort(dataDir: string): Promise<number> {
  const kept = Number(await readFile(join(dataDir, 'port'), 'utf8').catch(() => '0'))
  return Number.isInteger(kept) && kept > 0 && kept < 65_536 ? kept : 0
}

/** HTTP status of a GET; null: nothing answers there. */
export async function statusOf(url: string): Promise<number | null> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ASK_MS) })
    await response.body?.cancel()
    return response.status
  } catch {
    return null
  }
}
