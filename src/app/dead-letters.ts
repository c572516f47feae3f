import { z } from 'zod'
import { callApi } from './api-client.js'
import type { Settings } from './config/settings.js'

const letter = z.object({ id: z.string(), attempts: z.number(), reason: z.string(), failedAt: z.string() })
const page = z.object({ items: z.array(letter) })

/** A step that waits for a person. */
export type WaitingStep = z.infer<typeof letter>

/**
 * The dead letters of a running installation, asked of its API.
 * @param url null: the process that has the data folder
 * @throws as `callApi`
 */
export async function listDeadLetters(settings: Settings, url: string | null): Promise<readonly WaitingStep[]> {
  return page.parse(await (await callApi({ settings, url }, 'GET', '/v1/dead-letters?limit=1000')).json()).items
}

/** Runs one again. @throws as `callApi` */
export async function retryDeadLetter(settings: Settings, url: string | null, id: string): Promise<void> {
  await callApi({ settings, url }, 'POST', `/v1/dead-letters/${encodeURIComponent(id)}/retry`)
}
