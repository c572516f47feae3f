import { z } from 'zod'
import { callApi, type ApiAddress } from './api-client.js'

const key = z.object({
  id: z.string(),
  name: z.string(),
  scopes: z.array(z.string()),
  rooms: z.array(z.string()).nullable(),
  createdAt: z.string(),
  lastUsedAt: z.string().nullable(),
  revokedAt: z.string().nullable(),
})
const newKey = key.extend({ key: z.string() })

/** A key as the API tells of it. */
export type ListedKey = z.infer<typeof key>

/** Every key, newest first. @throws as `callApi` */
export async function listKeys(api: ApiAddress): Promise<readonly ListedKey[]> {
  return z.object({ items: z.array(key) }).parse(await (await callApi(api, 'GET', '/v1/keys')).json()).items
}

/** Makes a key; it is told this once. @throws as `callApi` */
export async function createKey(
  api: ApiAddress,
  wanted: { readonly name: string; readonly scopes: readonly string[]; readonly rooms?: readonly string[] },
): Promise<z.infer<typeof newKey>> {
  return newKey.parse(await (await callApi(api, 'POST', '/v1/keys', wanted)).json())
}

/** A key opens nothing any more. @throws as `callApi` */
export async function revokeKey(api: ApiAddress, id: string): Promise<void> {
  await callApi(api, 'DELETE', `/v1/keys/${encodeURIComponent(id)}`)
}
