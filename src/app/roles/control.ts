import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createOps } from '../../control/api/ops.js'
import { listen, type ApiServer } from '../../control/api/listen.js'
import { createApi } from '../../control/api/server.js'
import { toError } from '../../core/errors.js'
import type { ResultRoutesDeps } from '../../control/api/results.js'
import { forgetSession } from '../../live/stt/gladia/forget.js'
import { GLADIA_URL } from '../speech.js'
import { guestToken } from '../../live/room/livekit/guest-token.js'
import { deadLettersOf } from '../../followup/pipeline/relay.js'
import type { Settings } from '../config/settings.js'
import { writeInDataFolder } from '../data-folder.js'
import { transcriptAs } from '../transcripts.js'
import { watchDepths } from './depths.js'
import { openHub } from './feeds.js'
import { groundNotReady, type Ground } from './ground.js'
import { openSchedules } from './schedules.js'
import { purgeDeleted, type PurgeParts } from './purge.js'
import { openWebhooks } from './webhooks.js'

/** What is too old in the log of writes is forgotten so often. */
const PRUNE_MS = 3_600_000

/** A listening process. */
export interface Http {
  readonly server: ApiServer
  readonly url: string
  /** the bearer key that it takes */
  readonly apiKey: string
}

/** The key of the settings, or one that is made once and kept in the data folder, readable by its owner only. @throws ConfigError it cannot be kept */
async function apiKeyOf(settings: Settings): Promise<string> {
  if (settings.apiKey) return settings.apiKey.reveal()
  const path = join(settings.dataDir, 'api-key')
  const kept = await readFile(path, 'utf8').catch(() => '')
  if (kept.trim() !== '') return kept.trim()
  const made = randomBytes(24).toString('base64url')
  await writeInDataFolder(settings.dataDir, 'api-key', `${made}\n`, 0o600)
  return made
}

/** Listens where the settings say, and writes the port down. The caller closes it. @throws ConfigError the port is taken, or cannot be written down */
async function listening(settings: Settings, app: Parameters<typeof listen>[0], apiKey: string): Promise<Http> {
  const server = await listen(app, settings.host, settings.port)
  try {
    await writeInDataFolder(settings.dataDir, 'port', `${server.port}\n`)
  } catch (thrown) {
    // whoever listens keeps the process alive
    await server.close()
    throw thrown
  }
  return { server, url: `http://${settings.host}:${server.port}`, apiKey }
}

/** Deletes sessions at Gladia, or at the speech server that the settings name; null: the local recogniser keeps them in memory, and not for long. */
function forgetterOf({ gladiaApiKey, gladiaApiUrl }: Settings): PurgeParts['forget'] {
  if (gladiaApiKey === null && gladiaApiUrl === null) return null
  return (vendorId) => forgetSession(gladiaApiUrl ?? GLADIA_URL, gladiaApiKey?.reveal() ?? 'local', vendorId)
}

/** Makes tokens for people in browsers; null: no LiveKit server is configured. */
function guestOf({ livekitUrl, livekitApiKey, livekitApiSecret }: Settings): ResultRoutesDeps['guest'] {
  if (livekitUrl === null || livekitApiKey === null || livekitApiSecret === null) return null
  return async ({ room }, name) => ({
    url: livekitUrl,
    ...(await guestToken({ apiKey: livekitApiKey, apiSecret: livekitApiSecret.reveal(), room, name })),
  })
}

/** The HTTP API. @param whyFull why no meeting is begun in this process, one sentence, or null. @throws ConfigError the port is taken, or the data folder cannot be written */
export async function openControl(ground: Ground, whyFull: () => string | null): Promise<Http> {
  const { settings, records, jobs, relay, metrics, logger, clock } = ground
  const { store } = records
  const hub = openHub(ground)
  const apiKey = await apiKeyOf(settings)
  const webhooks = openWebhooks(ground)
  const schedules = openSchedules(ground)
  watchDepths(ground)
  const prune = () => records.access.prune().catch((thrown: unknown) => logger.warn({ err: toError(thrown) }, 'old log of writes stays'))
  ground.scope.defer(
    'prune',
    clock.every(PRUNE_MS, () => void prune()),
  )
  const api = createApi({
    store,
    queue: relay,
    work: records.work,
    deadLetters: deadLettersOf(jobs.deadLetters, relay),
    renderTranscript: (meeting, format) => transcriptAs(store, meeting, format),
    defaultLanguage: settings.language,
    deletedSoon: purgeDeleted({ ...ground, forget: forgetterOf(settings) }),
    guest: guestOf(settings),
    access: records.access,
    hub,
    clock,
    rateLimit: settings.rateLimit,
    apiKey,
    notReady: async () => whyFull() ?? (await groundNotReady(ground)),
    metrics: () => metrics.text(),
    logger,
    webhooks: webhooks.routes,
    boards: jobs.boards,
    page: { livekitUrl: settings.livekitUrl },
    schedules: { desk: schedules.desk },
  })
  try {
    const http = await listening(settings, api, apiKey)
    schedules.start()
    // nobody joins by himself while meetings are being ended
    const close = async () => {
      await Promise.all([webhooks.close(), schedules.close()])
      await http.server.close()
    }
    return { ...http, server: { ...http.server, close } }
  } catch (thrown) {
    await Promise.all([webhooks.close(), schedules.close()])
    throw thrown
  }
}

/** Health and metrics of a process without an API. @param notReady one sentence, or null. @throws ConfigError the port is taken, or the data folder cannot be written */
export async function openOps({ settings, metrics }: Ground, notReady: () => Promise<string | null>): Promise<Http> {
  const apiKey = await apiKeyOf(settings)
  return listening(settings, createOps({ apiKey, notReady, metrics: () => metrics.text() }), apiKey)
}
