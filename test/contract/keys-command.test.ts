import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { callApi } from '../../src/app/api-client.js'
import { Secret } from '../../src/app/config/secret.js'
import { createKey, listKeys, revokeKey } from '../../src/app/keys.js'
import { listen } from '../../src/control/api/listen.js'
import { createApi } from '../../src/control/api/server.js'
import { API_KEY, apiDeps } from '../support/api-rig.js'
import { testSettings } from '../support/settings.js'

test('`keys` makes, lists and revokes keys of the process that has the data folder, and says what is wrong', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'roomscribe-keys-command-'))
  const settings = testSettings({ dataDir }, { url: 'ws://127.0.0.1:1', apiKey: 'k', apiSecret: 's' })
  const server = await listen(createApi(apiDeps()), '127.0.0.1', 0)
  const api = { settings, url: null }
  try {
    writeFileSync(join(dataDir, 'port'), `${server.port}\n`)
    writeFileSync(join(dataDir, 'api-key'), `${API_KEY}\n`)
    const made = await createKey(api, { name: 'grafana', scopes: ['meetings:read'], rooms: ['sales-*'] })
    expect(made).toMatchObject({ name: 'grafana', scopes: ['meetings:read'], rooms: ['sales-*'] })
    expect(await listKeys(api)).toMatchObject([{ id: made.id, revokedAt: null }])
    await revokeKey(api, made.id)
    expect((await listKeys(api))[0]?.revokedAt).not.toBeNull()
    await expect(createKey(api, { name: '', scopes: ['everything'] })).rejects.toThrow(/name .*scopes\.0/)
    await expect(callApi(api, 'GET', '/v1/meetings/nothing/transcript')).rejects.toThrow(/no meeting/)
    const wrong = { settings: { ...settings, apiKey: new Secret('wrong') }, url: null }
    await expect(listKeys(wrong)).rejects.toThrow(/does not accept the key in ROOMSCRIBE_API_KEY/)
    writeFileSync(join(dataDir, 'api-key'), 'of an earlier process\n')
    await expect(listKeys(api)).rejects.toThrow(/does not accept the key that is kept in .*ROOMSCRIBE_API_KEY/)
    for (const url of [`localhost:${server.port}`, 'nonsense', 'ws://127.0.0.1:1'])
      await expect(listKeys({ settings, url })).rejects.toMatchObject({ code: 'config', problems: [expect.stringContaining(`--url`)] })
  } finally {
    await server.close()
  }
  await expect(listKeys(api)).rejects.toMatchObject({ code: 'api_unreachable' })
})
