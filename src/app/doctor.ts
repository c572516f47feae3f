import { createServer } from 'node:net'
import { access, mkdir } from 'node:fs/promises'
import { constants } from 'node:fs'
import { join } from 'node:path'
import { toError } from '../core/errors.js'
import type { Clock } from '../core/time.js'
import { checkQueue } from '../followup/jobs/check.js'
import { checkSlack } from '../followup/delivery/slack/check.js'
import { probeLivekit } from '../live/room/livekit/probe.js'
import { checkGladia } from '../live/stt/gladia/check.js'
import { redactText, type Logger } from '../observe/logger.js'
import { checkWeights } from '../speech-server/engine/moonshine/weights.js'
import { openRecords } from './records.js'
import { livekitProblems, type Settings } from './config/settings.js'
import { GLADIA_URL } from './speech.js'
import { weightsDir } from './speech-server.js'
import { probeWebhooks, statusOf } from './webhook-probe.js'

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
  await look('Node', () => Promise.resolve(process.version))
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
  if (settings.stt === 'gladia') {
    const baseUrl = settings.gladiaApiUrl ?? GLADIA_URL
    await look('speech', async () => {
      await checkGladia(baseUrl, settings.gladiaApiKey?.reveal() ?? '')
      return `Gladia at ${baseUrl} takes the key`
    })
  } else {
    await look('speech', async () => {
      await checkWeights(weightsDir(settings))
      return `local recogniser, weights in ${weightsDir(settings)}`
    })
  }
  await look('data folder', async () => {
    await mkdir(settings.dataDir, { recursive: true })
    await access(settings.dataDir, constants.W_OK)
    return settings.dataDir
  })
  await look('database', async () => {
    const records = await openRecords(settings, parts)
    try {
      await records.store.ping()
      return records.kind === 'postgres' ? 'PostgreSQL answers, schema is up to date' : `embedded, in ${join(settings.dataDir)}`
    } finally {
      await records.close()
    }
  })
  const redisUrl = settings.redisUrl?.reveal()
  if (redisUrl !== undefined) await look('queue', () => checkQueue(redisUrl))
  const token = settings.slackBotToken?.reveal()
  if (token !== undefined) await look('Slack', () => checkSlack(token, settings.slackApiUrl))
  await look('HTTP port', async () => {
    const url = `http://${settings.host}:${settings.port}`
    if (settings.port !== 0 && (await statusOf(`${url}/healthz`)) === 200) return `a service answers at ${url}`
    return portFree(settings.host, settings.port)
  })
  return findings
}

function portFree(host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', () => reject(new Error(`port ${port} on ${host} is taken or may not be bound: set ROOMSCRIBE_PORT`)))
    server.listen(port, host, () => server.close(() => resolve(`${host}:${port} is free`)))
  })
}
