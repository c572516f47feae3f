import { createServer } from 'node:net'
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { ConfigError, toError, UpstreamError } from '../core/errors.js'
import type { Clock } from '../core/time.js'
import { checkQueue } from '../followup/jobs/check.js'
import { checkSlack } from '../followup/delivery/slack/check.js'
import { probeLivekit } from '../live/room/livekit/probe.js'
import { checkGladia } from '../live/stt/gladia/check.js'
import { redactText, type Logger } from '../observe/logger.js'
import { embeddedHolder } from '../records/sql/embedded/open-embedded.js'
import { checkWeights } from '../speech-server/engine/moonshine/weights.js'
import { openRecords } from './records.js'
import { livekitProblems, type Settings } from './config/settings.js'
import { checkDataFolder } from './data-folder.js'
import { speechServiceOf, whyLocalKey } from './speech.js'
import { weightsDir } from './speech-server.js'
import { lastPort, probeWebhooks, statusOf } from './webhook-probe.js'

/** One thing that was looked at. */
export interface Finding {
  readonly what: string
  readonly ok: boolean
  /** what is there, or what is wrong and how to put it right */
  readonly detail: string
}

/** Looks at everything that the settings name; never throws. */
export async function examine(
  settings: Settings,
  problems: readonly string[],
  parts: { clock: Clock; logger: Logger },
): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  const look = async (what: string, run: () => Promise<string>) => {
    try {
      findings.push({ what, ok: true, detail: await run() })
    } catch (thrown) {
      findings.push({ what, ok: false, detail: redactText(toError(thrown).message) })
    }
  }
  await look('Node', async () => nodeFinding(process.version, await neededNode()))
  for (const problem of problems) findings.push({ what: 'settings', ok: false, detail: problem })
  if (problems.length === 0) findings.push({ what: 'settings', ok: true, detail: 'no unknown and no wrong ones' })
  const missing = livekitProblems(settings)
  for (const problem of missing) findings.push({ what: 'LiveKit', ok: false, detail: problem })
  if (missing.length === 0) {
    await look('LiveKit', async () => {
      await probeLivekit(settings.livekitUrl ?? '', settings.livekitApiKey ?? '', settings.livekitApiSecret?.reveal() ?? '')
      return `${settings.livekitUrl ?? ''} answers and takes the key`
    })
    if (findings.at(-1)?.ok) await look('webhooks', () => probeWebhooks(settings, parts.clock))
  }
  await look('speech', () => lookAtSpeech(settings))
  if (settings.stt === 'gladia' && settings.fallback === 'local') await look('fallback', () => lookAtWeights(settings))
  await look('data folder', async () => {
    await checkDataFolder(settings.dataDir)
    return settings.dataDir
  })
  await look('database', () => lookAtDatabase(settings, parts))
  const redisUrl = settings.redisUrl?.reveal()
  if (redisUrl !== undefined) await look('queue', () => checkQueue(redisUrl))
  const token = settings.slackBotToken?.reveal()
  if (token !== undefined) {
    const { slackChannel } = settings
    const where =
      slackChannel === null ? 'only meetings that name a channel are posted: set ROOMSCRIBE_SLACK_CHANNEL' : `channel ${slackChannel}`
    await look('Slack', async () => `${await checkSlack(token, settings.slackApiUrl)}; ${where}`)
  }
  await look('HTTP port', async () => {
    const url = `http://${settings.host}:${settings.port}`
    if (settings.port !== 0 && (await statusOf(`${url}/healthz`)) === 200) return `a service answers at ${url}`
    return portFree(settings.host, settings.port)
  })
  return findings
}

/** The oldest version that `package.json` allows, beside the compiled code and in a checkout alike. */
async function neededNode(): Promise<string> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8')
  return z
    .object({ engines: z.object({ node: z.string().regex(/^>=\d+\.\d+\.\d+$/) }) })
    .parse(JSON.parse(text))
    .engines.node.slice(2)
}

/** @param version as `process.version`. @returns it. @throws ConfigError it is below the oldest that is needed */
export function nodeFinding(version: string, oldest: string): string {
  const numbers = (text: string) =>
    text
      .replace(/^v/, '')
      .split('.')
      .map((part) => Number.parseInt(part, 10))
  const needed = numbers(oldest)
  const differs =
    numbers(version)
      .map((own, at) => own - (needed[at] ?? 0))
      .find((by) => by !== 0) ?? 0
  if (differs < 0) throw new ConfigError([`${version} is too old: install Node ${oldest} or later`])
  return version
}

async function lookAtSpeech(settings: Settings): Promise<string> {
  const service = speechServiceOf(settings)
  if (service === null) return lookAtWeights(settings)
  const why = whyLocalKey(settings)
  try {
    await checkGladia(service.baseUrl, service.apiKey)
  } catch (thrown) {
    if (why === null || !(thrown instanceof UpstreamError) || thrown.status !== 401) throw thrown
    throw new ConfigError([`the speech service at ${service.baseUrl} does not accept the key: ${why}`], { cause: thrown })
  }
  return why === null ? `Gladia at ${service.baseUrl} takes the key` : `the speech server at ${service.baseUrl} answers; ${why}`
}

async function lookAtWeights(settings: Settings): Promise<string> {
  await checkWeights(weightsDir(settings))
  return `local recogniser, weights in ${weightsDir(settings)}`
}

async function lookAtDatabase(settings: Settings, parts: { clock: Clock; logger: Logger }): Promise<string> {
  const holder = settings.databaseUrl === null ? embeddedHolder(settings.dataDir) : null
  // an embedded database is one process's: while `up` runs it cannot be opened, and need not
  if (holder !== null && (await isServing(settings)))
    return `embedded, in ${settings.dataDir}: process ${holder} of roomscribe runs and is using it`
  const records = await openRecords(settings, parts)
  try {
    await records.store.ping()
    return records.kind === 'postgres' ? 'PostgreSQL answers, schema is up to date' : `embedded, in ${settings.dataDir}`
  } finally {
    await records.close()
  }
}

/** Whether a roomscribe answers at the port that was written into the data folder. */
async function isServing(settings: Settings): Promise<boolean> {
  const port = await lastPort(settings.dataDir)
  return port !== 0 && (await statusOf(`http://${settings.host}:${port}/healthz`)) === 200
}

function portFree(host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', () => reject(new Error(`port ${port} on ${host} is taken or may not be bound: set ROOMSCRIBE_PORT`)))
    server.listen(port, host, () => server.close(() => resolve(`${host}:${port} is free`)))
  })
}
