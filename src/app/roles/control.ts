import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createOps } from '../../control/api/ops.js'
import { createApi, listen, type ApiServer } from '../../control/api/server.js'
import { deadLettersOf } from '../../followup/pipeline/relay.js'
import type { Settings } from '../config/settings.js'
import { transcriptAs } from '../transcripts.js'
import { groundNotReady, type Ground } from './ground.js'

/** A listening process. */
export interface Http {
  readonly server: ApiServer
  readonly url: string
  /** the bearer key that it takes */
  readonly apiKey: string
}

/** The key of the settings, or one that is made once and kept in the data folder, readable by its owner only. */
async function apiKeyOf(settings: Settings): Promise<string> {
  if (settings.apiKey) return settings.apiKey.reveal()
  const path = join(settings.dataDir, 'api-key')
  const kept = await readFile(path, 'utf8').catch(() => '')
  if (kept.trim() !== '') return kept.trim()
  const made = randomBytes(24).toString('base64url')
  await writeFile(path, `${made}\n`, { mode: 0o600 })
  return made
}

/** Listens where the settings say, and writes the port down. The caller closes it. @throws ConfigError the port is taken */
async function listening(settings: Settings, app: Parameters<typeof listen>[0], apiKey: string): Promise<Http> {
  const server = await listen(app, settings.host, settings.port)
  await writeFile(join(settings.dataDir, 'port'), `${server.port}\n`)
  return { server, url: `http://${settings.host}:${server.port}`, apiKey }
}

/** The HTTP API. @throws ConfigError the port is taken */
export async function openControl(ground: Ground): Promise<Http> {
  const { settings, records, jobs, relay, metrics, logger } = ground
  const { store } = records
  const apiKey = await apiKeyOf(settings)
  const api = createApi({
    store,
    queue: relay,
    work: records.work,
    deadLetters: deadLettersOf(jobs.deadLetters, relay),
    renderTranscript: (id, format) => transcriptAs(store, id, format),
    defaultLanguage: settings.language,
    apiKey,
    notReady: () => groundNotReady(ground),
    metrics: () => metrics.text(),
    logger,
  })
  return listening(settings, api, apiKey)
}

/** Health and metrics of a process without an API. @param notReady one sentence, or null. @throws ConfigError the port is taken */
export async function openOps({ settings, metrics }: Ground, notReady: () => Promise<string | null>): Promise<Http> {
  const apiKey = await apiKeyOf(settings)
  return listening(settings, createOps({ apiKey, notReady, metrics: () => metrics.text() }), apiKey)
}
